"""The tree of organisations, their past, and how they head and sign their papers."""

from datetime import date
from typing import Any

import pytest
from django.utils import timezone

from members.models import Organization
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def province() -> Organization:
    return factories.organization(None, "Thành ủy Đà Nẵng", "province", place_name="Đà Nẵng", sign_suffix="TU")


@pytest.fixture
def ministry(province: Organization) -> Organization:
    return factories.organization(province, "Đảng ủy Sở Thử Nghiệm", "grassroots", place_name="Hải Châu")


@pytest.fixture
def ward(province: Organization) -> Organization:
    return factories.commune(province, "An Hải", signer_name="Lê Văn Mẫu")


class TestAdd:
    def test_path_is_the_chain_of_parents(self, province: Organization, ward: Organization) -> None:
        cell = factories.residence_cell(ward, "Tổ dân phố 7")
        assert province.path == f"/{province.pk}/"
        assert ward.path == f"/{province.pk}/{ward.pk}/"
        assert cell.path == f"/{province.pk}/{ward.pk}/{cell.pk}/"
        assert Organization.objects.get(pk=cell.pk).path == cell.path

    def test_the_first_period_is_the_present(self, province: Organization) -> None:
        org = Organization.objects.add(province, name="Đảng ủy Sở Mới", kind="grassroots", since=date(2025, 7, 1))
        assert list(org.periods.values_list("name", "parent", "from_on", "until_on")) == [
            ("Đảng ủy Sở Mới", province.pk, date(2025, 7, 1), None)
        ]

    def test_a_period_begins_today_when_nobody_says_otherwise(self) -> None:
        org = Organization.objects.add(None, name="Tỉnh ủy Mẫu", kind="province")
        assert (org.periods.get().from_on, org.periods.get().parent) == (timezone.localdate(), None)

    def test_keys(self, ward: Organization) -> None:
        assert (ward.search_key, ward.locality_key) == ("dang uy phuong an hai", "an hai")

    def test_cells_and_sectional_committees_have_no_seal(self, ministry: Organization) -> None:
        cell = factories.workplace_cell(ministry, "Văn phòng")
        section = factories.organization(ministry, "Đảng ủy bộ phận Khối Mẫu", "sectional")
        assert [org.has_seal for org in (ministry, cell, section)] == [True, False, False]


class TestLists:
    def test_communes_are_those_of_the_address_book_too(self, province: Organization, ward: Organization) -> None:
        far = factories.commune(province, "Hòa Vang", unit="xã", kind="external")
        factories.commune(province, "Cũ", closed_on=date(2025, 6, 30))
        factories.organization(province, "Đảng ủy Công ty Mẫu", "external")
        assert list(Organization.objects.communes()) == [ward, far]
        assert [ward.is_on_system, far.is_on_system] == [True, False]

    def test_cells_by_side(self, ward: Organization, ministry: Organization) -> None:
        home, office = factories.residence_cell(ward, "Tổ 7"), factories.workplace_cell(ministry, "Văn phòng")
        closed = factories.residence_cell(ward, "Tổ 8")
        Organization.objects.filter(pk=closed.pk).update(closed_on=date(2026, 1, 1))
        assert list(Organization.objects.residence_cells()) == [home]
        assert list(Organization.objects.workplace_cells()) == [office]


def head(organization: Organization, sign: str = "CV") -> dict[str, str]:
    return Organization.objects.get(pk=organization.pk).letterhead(sign)


class TestLetterhead:
    """Domain §6.3: the superior is a party organisation (đảng bộ), the issuer its committee (đảng ủy, chi bộ)."""

    def test_residence_cell(self, ward: Organization) -> None:
        assert head(factories.residence_cell(ward, "Tổ dân phố 7"), "") == {
            "superior": "ĐẢNG BỘ PHƯỜNG AN HẢI",
            "issuer": "CHI BỘ TỔ DÂN PHỐ 7",
            "sign": "",
            "place": "An Hải",
        }

    def test_commune(self, ward: Organization) -> None:
        assert head(ward) == {
            "superior": "ĐẢNG BỘ THÀNH PHỐ ĐÀ NẴNG",
            "issuer": "ĐẢNG ỦY PHƯỜNG AN HẢI",
            "sign": "CV/ĐU",
            "place": "An Hải",
        }

    def test_committee(self, ministry: Organization) -> None:
        assert head(ministry, "BC") == {
            "superior": "ĐẢNG BỘ THÀNH PHỐ ĐÀ NẴNG",
            "issuer": "ĐẢNG ỦY SỞ THỬ NGHIỆM",
            "sign": "BC/ĐU",
            "place": "Hải Châu",
        }

    def test_workplace_cell(self, ministry: Organization) -> None:
        assert head(factories.workplace_cell(ministry, "Văn phòng")) == {
            "superior": "ĐẢNG BỘ SỞ THỬ NGHIỆM",
            "issuer": "CHI BỘ VĂN PHÒNG",
            "sign": "CV/CB",
            "place": "Hải Châu",
        }

    @pytest.mark.parametrize(
        ("name", "superior"),
        [
            ("Tỉnh ủy Quảng Mẫu", "ĐẢNG BỘ TỈNH QUẢNG MẪU"),
            ("Tỉnh uỷ Quảng Mẫu", "ĐẢNG BỘ TỈNH QUẢNG MẪU"),
            ("Thành ủy Mẫu", "ĐẢNG BỘ THÀNH PHỐ MẪU"),
            ("Đảng ủy Ủy ban nhân dân thành phố", "ĐẢNG BỘ ỦY BAN NHÂN DÂN THÀNH PHỐ"),
            ("Đảng bộ Khối Mẫu", "ĐẢNG BỘ KHỐI MẪU"),
        ],
    )
    def test_the_organisation_above_by_its_own_name(self, name: str, superior: str) -> None:
        above = factories.organization(None, name, "province")
        assert head(factories.organization(above, "Đảng ủy Sở Mẫu", "grassroots"))["superior"] == superior

    def test_province(self, province: Organization) -> None:
        assert head(province) == {
            "superior": "ĐẢNG CỘNG SẢN VIỆT NAM",
            "issuer": "THÀNH ỦY ĐÀ NẴNG",
            "sign": "CV/TU",
            "place": "Đà Nẵng",
        }

    def test_what_the_office_has_set_wins(self, province: Organization) -> None:
        org = factories.organization(
            province,
            "Đảng ủy Sở Mẫu",
            "grassroots",
            superior_line="ĐẢNG BỘ ỦY BAN NHÂN DÂN THÀNH PHỐ ĐÀ NẴNG",
            issuer_line="Đảng ủy Sở Mẫu Đà Nẵng",
            sign_suffix="ĐUSM",
            place_name="Đà Nẵng",
        )
        assert head(org) == {
            "superior": "ĐẢNG BỘ ỦY BAN NHÂN DÂN THÀNH PHỐ ĐÀ NẴNG",
            "issuer": "ĐẢNG ỦY SỞ MẪU ĐÀ NẴNG",
            "sign": "CV/ĐUSM",
            "place": "Đà Nẵng",
        }


class TestSignature:
    def test_committee(self, ward: Organization) -> None:
        assert ward.signature() == {"authority": "T/M ĐẢNG ỦY", "position": "BÍ THƯ", "name": "Lê Văn Mẫu"}

    def test_cell(self, ward: Organization) -> None:
        cell = factories.residence_cell(ward, "Tổ dân phố 7")
        assert cell.signature() == {"authority": "T/M CHI BỘ", "position": "BÍ THƯ", "name": ""}

    def test_as_set(self, province: Organization) -> None:
        fields: dict[str, Any] = {"authority": "T/M BAN THƯỜNG VỤ", "signer_position": "PHÓ BÍ THƯ"}
        org = factories.organization(province, "Đảng ủy Sở Mẫu", "grassroots", signer_name="Phạm Mẫu Ký", **fields)
        assert org.signature() == {"authority": "T/M BAN THƯỜNG VỤ", "position": "PHÓ BÍ THƯ", "name": "Phạm Mẫu Ký"}
