"""Pages of seats and of declared households."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from members.models import AuditEvent, Kinship, Seat, User
from members.roles import Role
from tests import factories
from tests.conftest import Cast

SignIn = Callable[[User], Client]
TODAY = timezone.localdate()


def said(**changes: str) -> dict[str, str]:
    usual = {"full_name": "Trần Thị Lan", "username": "lan.tdp7", "role": "secretary", "from_on": TODAY.isoformat()}
    return usual | changes


def give_url(cast: Cast) -> str:
    return reverse("members:seat_give", args=[cast.cell.pk])


class TestGiving:
    def test_a_new_person_gets_an_account_and_a_seat(self, cast: Cast, sign_in: SignIn) -> None:
        until = TODAY + timedelta(days=90)
        answer = sign_in(cast.ward_officer).post(
            give_url(cast), said(as_deputy="on", until_on=until.isoformat(), acting_paper="Quyết định số 12-QĐ/ĐU")
        )
        assert answer["Location"] == reverse("members:seats", args=[cast.cell.pk])
        user = User.objects.get(username="lan.tdp7")
        seat = user.seats.get()
        assert (user.full_name, user.has_usable_password(), user.member) == ("Trần Thị Lan", False, None)
        assert (seat.role, seat.as_deputy, seat.acting, seat.until_on, seat.granted_by and seat.granted_by.user) == (
            "secretary",
            True,
            True,
            until,
            cast.ward_officer,
        )
        page = sign_in(cast.secretary).get(reverse("members:seats", args=[cast.cell.pk])).content.decode()
        assert "Quyết định số 12-QĐ/ĐU" in page
        assert "Phân công đồng chí" not in page

    def test_a_namesake_in_the_register_is_asked_about(self, cast: Cast, sign_in: SignIn) -> None:
        lan = factories.member("Trần Thị Lan", commune=cast.ward, cell=cast.cell)
        factories.member("Trần Thị Lan", commune=cast.other_ward)
        client = sign_in(cast.ward_officer)
        page = client.post(give_url(cast), said()).content.decode()
        assert f"Là đồng chí Trần Thị Lan, sinh năm {lan.birth_year}" in page
        assert page.count("Là đồng chí Trần Thị Lan") == 1
        assert not User.objects.filter(username="lan.tdp7").exists()
        client.post(give_url(cast), said(member=str(lan.pk)))
        assert User.objects.get(username="lan.tdp7").member == lan

    def test_who_signs_in_already_keeps_his_account(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.ward_officer)
        client.post(give_url(cast), said(full_name="Đỗ Thị Hàng Xóm", username="other_secretary"))
        assert [seat.organization for seat in cast.other_secretary.seats.order_by("pk")] == [cast.other_cell, cast.cell]
        page = client.post(give_url(cast), said(username="other_secretary")).content.decode()
        assert "Tên đăng nhập này của người khác." in page
        page = client.post(give_url(cast), said(full_name="Đỗ Thị Hàng Xóm", username="other_secretary"))
        assert "đã giữ nhiệm vụ đó" in page.content.decode()

    def test_what_he_may_not_give_is_not_offered(self, cast: Cast, sign_in: SignIn) -> None:
        client = sign_in(cast.ward_officer)
        page = client.get(reverse("members:seat_give", args=[cast.ward.pk])).content.decode()
        assert 'value="clerk"' in page
        assert 'value="signer"' not in page
        client.post(reverse("members:seat_give", args=[cast.ward.pk]), said(role="signer"))
        assert not User.objects.filter(username="lan.tdp7").exists()

    def test_ending_and_prolonging(self, cast: Cast, sign_in: SignIn) -> None:
        seat = cast.secretary.seats.get()
        client, url = sign_in(cast.ward_officer), reverse("members:seat_tenure", args=[seat.pk])
        client.post(url, {"until_on": TODAY.isoformat()})
        assert Seat.objects.get(pk=seat.pk).until_on == TODAY
        client.post(url, {"until_on": ""})
        assert Seat.objects.get(pk=seat.pk).until_on is None
        page = client.post(url, {"until_on": (TODAY - timedelta(days=1)).isoformat()}).content.decode()
        assert "không thể trước hôm nay" in page


def test_the_list_puts_empty_places_first_and_costs_the_same(
    cast: Cast, sign_in: SignIn, django_assert_num_queries: Any
) -> None:
    client, url = sign_in(cast.ward_officer), reverse("members:seat_list")
    with django_assert_num_queries(6):
        client.get(url)
    for number in range(20, 23):
        factories.residence_cell(cast.ward, f"Tổ dân phố {number}")
    with django_assert_num_queries(6):
        page = client.get(url).content.decode()
    assert page.index("Chi bộ Tổ dân phố 22") < page.index("Chi bộ Tổ dân phố 7")
    found = client.get(url, {"tim": "to dan pho 7"}).content.decode()
    assert ("Chi bộ Tổ dân phố 7" in found, "Chi bộ Tổ dân phố 8" in found) == (True, False)


class TestHouseholds:
    def test_the_cell_declares_and_the_commune_takes_back(self, cast: Cast, sign_in: SignIn) -> None:
        wife = factories.member("Đỗ Thị Vợ", commune=cast.ward, cell=cast.cell)
        url = reverse("members:kinships_of_cell", args=[cast.cell.pk])
        data = {"relative": str(cast.secretary.pk), "kind": "spouse", "member": str(wife.pk)}
        assert sign_in(cast.secretary).post(url, data)["Location"] == url
        link = Kinship.objects.get()
        assert (link.member, link.relative_user, link.declared_by) == (wife, cast.secretary, cast.secretary)
        assert "Gỡ vì ghi nhầm" not in sign_in(cast.secretary).get(url).content.decode()
        ward = sign_in(cast.ward_officer)
        assert "Gỡ vì ghi nhầm" in ward.get(url).content.decode()
        ward.post(reverse("members:kinship_end", args=[link.pk]))
        assert not Kinship.objects.in_force().exists()
        verbs = AuditEvent.objects.filter(verb__startswith="Kinship").order_by("pk").values_list("verb", "user")
        assert list(verbs) == [("Kinship.declare", cast.secretary.pk), ("Kinship.end", cast.ward_officer.pk)]

    def test_the_member_declares_himself(self, cast: Cast, sign_in: SignIn) -> None:
        cast.asked.placements.update(cell=cast.cell)
        url = reverse("members:kinships_own")
        client = sign_in(cast.member_user)
        page = client.get(url).content.decode()
        assert "Ngô Văn Bí Thư (bí thư chi bộ)" in page
        assert "Đỗ Thị Hàng Xóm" not in page
        client.post(url, {"relative": str(cast.ward_officer.pk), "kind": "sibling", "member": str(cast.asked.pk)})
        assert Kinship.objects.get().relative_user == cast.ward_officer
        assert "chưa gắn với sổ" in sign_in(cast.nobody).get(url).content.decode()

    def test_the_workplace_declares(self, cast: Cast, sign_in: SignIn) -> None:
        url = reverse("members:kinships_of_member", args=[cast.asked.pk])
        client = sign_in(cast.officer)
        client.post(url, {"relative": str(cast.ward_signer.pk), "kind": "child", "member": str(cast.asked.pk)})
        assert Kinship.objects.get().kind == "child"
        client.post(reverse("members:kinship_end", args=[Kinship.objects.get().pk]))
        assert not Kinship.objects.in_force().exists()

    @pytest.mark.parametrize("field", ["relative", "member", "kind"])
    def test_nothing_is_kept_of_half_a_sentence(self, cast: Cast, sign_in: SignIn, field: str) -> None:
        factories.member("Đỗ Thị Vợ", commune=cast.ward, cell=cast.cell)
        factories.member("Ngô Văn Con", commune=cast.ward, cell=cast.cell)
        member = str(cast.asked.pk)
        data = {"relative": str(cast.secretary.pk), "kind": "spouse", "member": member} | {field: ""}
        page = sign_in(cast.secretary).post(reverse("members:kinships_of_cell", args=[cast.cell.pk]), data)
        assert page.status_code == 200
        assert not Kinship.objects.exists()


def test_a_retired_role_is_not_in_the_menu_of_a_cell(cast: Cast, sign_in: SignIn) -> None:
    factories.seat(cast.nobody, cast.cell, Role.CELL_COMMITTEE)
    page = sign_in(cast.nobody).get("/").content.decode()
    assert reverse("members:seat_list") not in page
