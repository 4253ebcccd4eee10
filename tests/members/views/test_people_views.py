"""The register: searching, paging, reading one member."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from members.models import AuditEvent, Member, User
from members.views import people
from tests import factories
from tests.conftest import Cast
from tests.season import Season

SignIn = Callable[[User], Client]
LIST = reverse("members:member_list")


def names(client: Client, **query: Any) -> list[str]:
    answer = client.get(LIST, query)
    assert answer.status_code == 200
    return [member.full_name for member, _, _ in answer.context["rows"]]


def page_of(member: Member) -> str:
    return reverse("members:member_page", args=[member.pk])


def test_list_shows_the_own_committee_in_vietnamese_order(cast: Cast, sign_in: SignIn) -> None:
    for name in ("Lê Văn Đức", "Lê Văn Dũng", "Ân Thị Ánh"):
        factories.member(name, workplace=cast.office_cell, commune=cast.ward)
    factories.member("Người Cơ Quan Khác", workplace=factories.workplace_cell(cast.other_ministry, "Một"))
    assert names(sign_in(cast.officer)) == ["Ân Thị Ánh", "Lê Văn Dũng", "Lê Văn Đức", "Trần Thị Thử"]


def test_search_finds_with_and_without_marks_and_by_cell(cast: Cast, sign_in: SignIn) -> None:
    other_cell = factories.workplace_cell(cast.ministry, "Hai")
    factories.member("Lê Thị Thúy", workplace=other_cell, commune=cast.ward)
    client = sign_in(cast.officer)
    assert names(client, tim="thuy le") == ["Lê Thị Thúy"]
    assert names(client, tim="TRẦN thử") == ["Trần Thị Thử"]
    assert names(client, chi_bo=other_cell.pk) == ["Lê Thị Thúy"]
    assert names(client, tim="không có ai") == []
    assert names(client, chi_bo="²", sau="x", truoc="9" * 40) == ["Lê Thị Thúy", "Trần Thị Thử"]


def test_search_as_you_type_gets_only_the_rows(cast: Cast, sign_in: SignIn) -> None:
    answer = sign_in(cast.officer).get(LIST, {"tim": "thu"}, headers={"HX-Request": "true"})
    assert answer.content.decode().startswith('<div id="members"')
    assert "Trần Thị Thử" in answer.content.decode()
    assert "HX-Request" in answer.headers["Vary"]


def test_pages_follow_the_names_in_both_directions(
    cast: Cast, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "MEMBERS_ON_PAGE", 2)
    for name in ("Lê An", "Lê Bình", "Lê Bình", "Lê Chi"):
        factories.member(name, workplace=cast.office_cell, commune=cast.ward)
    client = sign_in(cast.officer)
    seen, url = [], LIST
    while url:
        answer = client.get(url)
        seen.append([member.pk for member, _, _ in answer.context["rows"]])
        url = LIST + answer.context["next_url"] if answer.context["next_url"] else ""
    ordered = list(Member.objects.order_by("sort_key", "pk").values_list("pk", flat=True))
    assert seen == [ordered[:2], ordered[2:4], ordered[4:]]
    back = client.get(LIST + answer.context["prev_url"])
    assert [member.pk for member, _, _ in back.context["rows"]] == seen[1]
    first = client.get(LIST + back.context["prev_url"])
    assert ([member.pk for member, _, _ in first.context["rows"]], first.context["prev_url"]) == (seen[0], None)


def test_member_page_shows_the_register_and_is_logged(cast: Cast, sign_in: SignIn, play: Season) -> None:
    person = factories.member(
        "Lê Thị Thúy",
        workplace=cast.office_cell,
        commune=cast.ward,
        standing="exempt_activity",
        phone="0905000123",
        birth_date=date(1990, 4, 5),
    )
    shown = sign_in(cast.officer).get(page_of(person)).content.decode()
    for words in ("05/04/1990", "Đảng ủy phường An Hải", "chưa phân", "•••••••123", "Đi học tập trung 12 tháng"):
        assert words in shown
    assert "0905000123" not in shown
    event = AuditEvent.objects.get(verb="read", object_id=person.pk)
    assert event.user == cast.officer


def test_requests_are_listed_and_open_for_those_who_receive_answers(cast: Cast, sign_in: SignIn, play: Season) -> None:
    play.registered()
    matter = cast.asked.requests.get()
    link = reverse("evaluations:request_page", args=[matter.pk])
    shown = sign_in(cast.officer).get(page_of(cast.asked)).content.decode()
    assert "đã vào sổ (đảng ủy xã, phường)" in shown
    assert link in shown
    own_secretary = factories.official("bithu_vp", "Mai Văn Phòng", cast.office_cell, "secretary")
    shown = sign_in(own_secretary).get(page_of(cast.asked)).content.decode()
    assert "đã vào sổ (đảng ủy xã, phường)" in shown
    assert link not in shown


def test_who_may(cast: Cast, sign_in: SignIn) -> None:
    expected = {"officer": 200, "signer": 200, "neighbour": 404, "ward_officer": 404, "secretary": 404, "overseer": 404}
    url = page_of(cast.asked)
    assert {name: sign_in(getattr(cast, name)).get(url).status_code for name in expected} == expected
    lists = {"officer": 200, "signer": 200, "secretary": 200, "overseer": 403, "administrator": 403, "nobody": 403}
    assert {name: sign_in(getattr(cast, name)).get(LIST).status_code for name in lists} == lists
    assert names(sign_in(cast.secretary)) == []
    assert sign_in(cast.officer).post(LIST).status_code == 405


def test_reading_a_list_leaves_one_line_with_its_ids(cast: Cast, sign_in: SignIn) -> None:
    more = factories.member(workplace=cast.office_cell)
    names(sign_in(cast.officer))
    event = AuditEvent.objects.get(verb="read")
    assert (event.count, event.object_ids) == (2, sorted([cast.asked.pk, more.pk]))


def test_queries_do_not_grow_with_members(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            names(client)
        return len(captured)

    queries()
    one = queries()
    for _ in range(2):
        factories.member(workplace=cast.office_cell, commune=cast.ward)
    assert queries() == one
