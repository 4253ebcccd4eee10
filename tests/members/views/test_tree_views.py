"""Browsing the tree of organisations: one's own branch and what all may know, found with and without marks."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from members.models import Organization, OrganizationPeriod, Succession, User, tree_changes
from tests import factories
from tests.conftest import Cast

SignIn = Callable[[User], Client]
TREE = "/to-chuc/"


def names(client: Client, url: str, **query: str) -> list[str]:
    return [organization.name for organization in client.get(url, query).context["page"]]


def page(organization: Organization) -> str:
    return reverse("members:organization_page", args=[organization.pk])


def test_the_tree_opens_level_by_level(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.ward_officer)
    assert names(client, TREE) == ["Thành ủy Đà Nẵng"]
    assert names(client, page(cast.province)) == [
        "Đảng ủy phường An Hải",
        "Đảng ủy phường Sơn Trà",
        "Đảng ủy xã Hòa Vang",
    ]
    assert names(client, page(cast.ward)) == ["Chi bộ Tổ dân phố 7", "Chi bộ Tổ dân phố 8"]


def test_other_workplaces_and_cells_stay_unknown(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    assert names(client, page(cast.ministry)) == ["Chi bộ Văn phòng"]
    assert names(client, page(cast.ward)) == []
    assert [client.get(page(hidden)).status_code for hidden in (cast.other_ministry, cast.cell)] == [404, 404]


def test_people_count_seven_before_ten(cast: Cast, sign_in: SignIn) -> None:
    factories.residence_cell(cast.ward, "Tổ dân phố 10")
    assert names(sign_in(cast.ward_officer), page(cast.ward))[-1] == "Chi bộ Tổ dân phố 10"


@pytest.mark.parametrize("words", ["an hai", "An Hải", "HẢI phường"])
def test_search_with_and_without_marks(cast: Cast, sign_in: SignIn, words: str) -> None:
    assert names(sign_in(cast.ward_officer), TREE, tim=words) == ["Đảng ủy phường An Hải"]


def test_search_finds_only_what_may_be_seen(cast: Cast, sign_in: SignIn) -> None:
    assert names(sign_in(cast.officer), TREE, tim="chi bo") == ["Chi bộ Văn phòng"]


def test_the_page_tells_the_past(cast: Cast, sign_in: SignIn) -> None:
    old = factories.commune(cast.province, "Phước Mỹ", closed_on=date(2025, 6, 30))
    OrganizationPeriod.objects.filter(organization=old).update(until_on=date(2025, 6, 30))
    moment = timezone.now()
    Succession.objects.create(old=old, new=cast.ward, on=date(2025, 7, 1), kind="merge", executed_at=moment)
    client = sign_in(cast.ward_officer)
    response = client.get(page(old))
    assert [step.new for step in response.context["successors"]] == [cast.ward]
    assert [(period.name, period.until_on) for period in response.context["periods"]] == [
        ("Đảng ủy phường Phước Mỹ", date(2025, 6, 30))
    ]
    assert [step.old for step in client.get(page(cast.ward)).context["predecessors"]] == [old]
    assert old.name not in names(client, page(cast.province))


def test_a_level_costs_the_same_for_one_and_three(
    cast: Cast, sign_in: SignIn, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    client = sign_in(cast.ward_officer)
    with django_assert_max_num_queries(20) as first:
        client.get(page(cast.ward))
    for words in ("Tổ 9", "Tổ 10", "Tổ 11"):
        factories.residence_cell(cast.ward, words)
    with django_assert_num_queries(len(first)):
        client.get(page(cast.ward))


def test_a_former_name_leads_to_what_it_is_now(cast: Cast, sign_in: SignIn) -> None:
    tree_changes.rename(cast.ward, date(2026, 7, 1), name="Đảng ủy phường Biển Mẫu", locality="Biển Mẫu")
    response = sign_in(cast.ward_officer).get(TREE, {"tim": "an hai"})
    assert [(row.name, row.formerly) for row in response.context["page"]] == [
        ("Đảng ủy phường Biển Mẫu", "Đảng ủy phường An Hải")
    ]


def test_a_merged_one_says_what_it_is_now(cast: Cast, sign_in: SignIn) -> None:
    tree_changes.close([cast.other_ward], date(2026, 7, 1), kept_by=cast.ward)
    tree_changes.note_succession(
        [cast.other_ward], cast.ward, "merge", date(2026, 7, 1), by=cast.ward_officer.seats.get()
    )
    client = sign_in(cast.ward_officer)
    response = client.get(TREE, {"tim": "sơn trà"})
    assert [(row.name, row.now_name) for row in response.context["page"]] == [
        ("Đảng ủy phường Sơn Trà", "Đảng ủy phường An Hải")
    ]
    assert "Nay là" in client.get(page(cast.other_ward)).content.decode()


def test_typing_fetches_the_rows_only(cast: Cast, sign_in: SignIn) -> None:
    response = sign_in(cast.ward_officer).get(TREE, {"tim": "to 7"}, headers={"HX-Request": "true"})
    assert "<html" not in response.content.decode()
    assert response["Vary"].count("HX-Request") == 1


def test_who_has_no_work_sees_no_tree(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.nobody)
    assert (client.get(TREE).status_code, client.get(page(cast.ward)).status_code) == (403, 404)
