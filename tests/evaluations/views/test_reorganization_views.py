"""Arranging organisations by hand: a form, what follows, the confirmation."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from evaluations.models import Reorganization
from members.models import AuditEvent, Organization, Placement, User
from tests import factories
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
TODAY = timezone.localdate()


def url(organization: Organization, verb: str) -> str:
    return reverse("evaluations:reorganize", args=[organization.pk, verb])


def through(client: Client, organization: Organization, verb: str, **said: Any) -> Reorganization:
    """Fill in, look, confirm."""
    data = {"on": TODAY.isoformat(), "basis": "Quyết định 12-QĐ/TU", **said}
    preview = client.post(url(organization, verb), data)
    assert "mark" in preview.context, preview.context["form"].errors
    before = Reorganization.objects.count()
    sent: dict[str, Any] = {}
    for name, value in preview.context["sent"]:
        sent.setdefault(name, []).append(value)
    done = client.post(url(organization, verb), {**sent, "seen": preview.context["mark"]})
    assert (done.status_code, Reorganization.objects.count()) == (302, before + 1)
    return Reorganization.objects.latest("pk")


def test_a_ward_sets_up_a_residence_cell(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.ward_officer)
    form = client.get(url(cast.ward, "them")).context["form"]
    assert [label for _, label in form.fields["what"].choices] == [
        "Chi bộ nơi cư trú (tổ dân phố, thôn, khu phố)",
        "Chi bộ nơi công tác",
    ]
    row = through(client, cast.ward, "them", what="cell-residence", name="Chi bộ Tổ dân phố 9")
    assert row.made
    assert (row.made.parent, row.made.side, row.basis) == (cast.ward, "residence", "Quyết định 12-QĐ/TU")
    page = client.get(reverse("members:organization_page", args=[cast.ward.pk]))
    assert "Chi bộ Tổ dân phố 9" in page.content.decode()


def test_the_province_sets_up_a_ward_by_its_full_name(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.overseer)
    wrong = client.post(url(cast.province, "them"), {"what": "commune-", "name": "Đảng ủy Mẫu", "on": TODAY})
    assert "Đảng ủy phường An Hải" in str(wrong.context["form"].errors["name"])
    row = through(client, cast.province, "them", what="commune-", name="Đảng ủy phường Thanh Mẫu")
    assert row.made
    assert (row.made.kind, row.made.area) == ("commune", "phường Thanh Mẫu")


def test_merging_wards_shows_what_follows_first(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.overseer)
    data = {"sources": [cast.other_ward.pk], "name": "Đảng ủy phường Biển Mẫu", "on": TODAY, "keeps_seats": "on"}
    preview = client.post(url(cast.ward, "sap-nhap"), data)
    assert preview.context["change"].sentence == (
        "Đảng ủy phường An Hải, Đảng ủy phường Sơn Trà sáp nhập thành Đảng ủy phường Biển Mẫu"
    )
    assert [(line.count, line.label) for line in preview.context["lines"]] == [
        (2, "tổ chức trực thuộc"),
        (1, "đảng viên đang giữ mối liên hệ"),
        (5, "nhiệm vụ đang giao"),
    ]
    assert not Reorganization.objects.exists()
    row = through(client, cast.ward, "sap-nhap", **data)
    assert row.made
    assert Organization.objects.filter(parent=row.made, closed_on=None).count() == 2


def test_what_changed_meanwhile_is_shown_again(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.ward_officer)
    data = {"sources": [cast.other_cell.pk], "on": TODAY, "name": ""}
    mark = client.post(url(cast.cell, "sap-nhap"), data).context["mark"]
    factories.member(commune=cast.ward, cell=cast.other_cell)
    again = client.post(url(cast.cell, "sap-nhap"), {**data, "seen": mark})
    assert again.context["lines"][0].count == 1
    assert not Reorganization.objects.exists()


def test_going_back_loses_nothing(cast: Cast, sign_in: SignIn) -> None:
    data = {"name": "Chi bộ Khu phố 7", "on": TODAY, "basis": "", "edit": "1"}
    form = sign_in(cast.ward_officer).post(url(cast.cell, "doi-ten"), data).context["form"]
    assert form["name"].value() == "Chi bộ Khu phố 7"


def test_a_cell_is_split_by_its_people_and_reading_them_is_noted(cast: Cast, sign_in: SignIn) -> None:
    factories.member(workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)
    leaves = factories.member("Lê Thử Tách", workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)
    client = sign_in(cast.ward_officer)
    client.get(url(cast.cell, "chia-tach"))
    assert AuditEvent.objects.filter(verb="read", object_type="members.Member").latest("pk").count == 2
    chosen = Placement.objects.current().get(member=leaves).pk
    row = through(client, cast.cell, "chia-tach", name="Chi bộ Tổ dân phố 7A", chosen=[chosen])
    assert row.made
    assert list(row.made.placements_in_cell.values_list("member", flat=True)) == [leaves.pk]


def test_a_refusal_says_what_to_do(cast: Cast, sign_in: SignIn) -> None:
    factories.member(commune=cast.ward, cell=cast.cell)
    form = sign_in(cast.ward_officer).post(url(cast.cell, "ket-thuc"), {"on": TODAY}).context["form"]
    assert form.non_field_errors() == [
        "Chi bộ Tổ dân phố 7 còn 1 đồng chí. Chọn “Sáp nhập” để chuyển sang tổ chức tiếp nhận."
    ]


def test_a_plan_can_be_called_off(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.ward_officer)
    day = TODAY + timedelta(days=20)
    row = through(client, cast.cell, "doi-ten", name="Chi bộ Mai Sau", on=day.isoformat())
    assert row.executed_at is None
    assert "Chi bộ Mai Sau" in client.get(reverse("members:organization_page", args=[cast.cell.pk])).content.decode()
    client.post(reverse("evaluations:reorganization_cancel", args=[row.pk]))
    row.refresh_from_db()
    assert row.cancelled_at
    assert list(client.get(reverse("evaluations:reorganizations")).context["planned"]) == []


@pytest.mark.parametrize("verb", ["them", "doi-ten", "chuyen", "sap-nhap", "chia-tach", "ket-thuc", "vao-he-thong"])
def test_every_form_opens_for_the_province(cast: Cast, sign_in: SignIn, verb: str) -> None:
    organization = cast.far_ward if verb == "vao-he-thong" else cast.ward
    assert sign_in(cast.overseer).get(url(organization, verb)).status_code == 200


def test_nobody_arranges_his_own_committee(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.ward_officer)
    assert [client.get(url(cast.ward, verb)).status_code for verb in ("doi-ten", "sap-nhap")] == [403, 403]
    assert client.get(url(cast.cell, "vao-he-thong")).status_code == 404
    assert client.get(url(cast.cell, "khac")).status_code == 404
    assert client.get(url(cast.cell, "them")).status_code == 403


def test_an_entry_comes_onto_the_system(cast: Cast, sign_in: SignIn) -> None:
    through(sign_in(cast.administrator), cast.far_ward, "vao-he-thong")
    assert Organization.objects.get(pk=cast.far_ward.pk).kind == "commune"


def test_the_list_costs_the_same_for_one_and_three(
    cast: Cast, sign_in: SignIn, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    client = sign_in(cast.ward_officer)
    through(client, cast.ward, "them", what="cell-residence", name="Chi bộ 1")
    address = reverse("evaluations:reorganizations")
    with django_assert_max_num_queries(20) as first:
        client.get(address)
    count = len(first)
    for name in ("Chi bộ 2", "Chi bộ 3"):
        through(client, cast.ward, "them", what="cell-residence", name=name)
    with django_assert_num_queries(count):
        client.get(address)
