"""Browsing the tree of organisations: one's own branch and what all may know, found with and without marks."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from members.models import Organization, OrganizationPeriod, Succession, User
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


@pytest.mark.parametrize("words", ["an hai", "An Hải", "HẢI phường"])
def test_search_with_and_without_marks(cast: Cast, sign_in: SignIn, words: str) -> None:
    assert names(sign_in(cast.ward_officer), TREE, tim=words) == ["Đảng ủy phường An Hải"]


def test_search_finds_only_what_may_be_seen(cast: Cast, sign_in: SignIn) -> None:
    assert names(sign_in(cast.officer), TREE, tim="chi bo") == ["Chi bộ Văn phòng"]


def test_the_page_tells_the_past(cast: Cast, sign_in: SignIn) -> None:
    old = factories.commune(cast.province, "Phước Mỹ", closed_on=date(2025, 6, 30))
    OrganizationPeriod.objects.filter(organization=old).update(until_on=date(2025, 6, 30))
    Succession.objects.create(old=old, new=cast.ward, on=date(2025, 7, 1), kind="merge")
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
