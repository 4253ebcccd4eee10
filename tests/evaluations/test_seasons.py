"""A season: a superior committee sets the days for all below it and launches their campaigns in one act."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from evaluations.models import Campaign, Document, EvaluationRequest, Letter, NumberSeries, Season
from evaluations.models.campaigns import NumberChoice
from evaluations.models.launch import Launched, launch
from evaluations.models.request_letters import opened
from evaluations.models.seasons import Standing
from members.models import AuditEvent, Organization, Seat, User
from members.roles import Action, Role
from members.states import Refused
from tests import factories
from tests.conftest import Cast
from tests.racing import race
from tests.season import Season as Play
from tests.season import by

ON = date(2026, 10, 5)
BASIS = "Kế hoạch số 12-KH/TU, ngày 01/9/2026 của Ban Thường vụ Thành ủy"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The morning of ON: a season whose days have passed is not launched any more."""
    since, now = timezone.now() - datetime(2026, 10, 5, 0, 30, tzinfo=UTC), timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() - since)


@pytest.fixture
def second(cast: Cast) -> User:
    """Another officer of the province, who launches what his colleague has set."""
    return factories.official("second", "Vương Thị Phát", cast.province, Role.OVERSEER)


def setter(cast: Cast) -> Seat:
    return by(cast.overseer, Action.LEAD_SEASON, cast.province)


def launcher(cast: Cast, second: User) -> Seat:
    return by(second, Action.LEAD_SEASON, cast.province)


def season(cast: Cast, lead: Organization | None = None, **fields: Any) -> Season:
    said = {"year": 2026, "self_criticism_on": date(2026, 12, 1), "due_on": date(2026, 11, 28), "basis": BASIS}
    row = Season(lead=lead or cast.province, **said | fields)
    row.set(by=setter(cast))
    return row


@pytest.fixture
def neighbours(cast: Cast) -> None:
    """Two people of the other ministry: one lives in the ward, one where only paper reaches."""
    office = factories.workplace_cell(cast.other_ministry, "Một")
    factories.member("Bùi Văn Bên", workplace=office, commune=cast.ward)
    factories.member("Cao Thị Xa", workplace=office, commune=cast.far_ward)


def shown(rows: list[Standing]) -> list[tuple[str, int, int, dict[str, int], bool]]:
    return [(row.campaign.committee.name, row.asked, row.communes, dict(row.reasons), row.takes_part) for row in rows]


class TestSetting:
    def test_every_committee_below_has_its_campaign(self, cast: Cast, neighbours: None) -> None:
        row = season(cast)
        campaigns = row.campaigns.order_by("committee__path")
        assert [(c.committee.name, c.state, c.due_on, c.self_criticism_on) for c in campaigns] == [
            ("Đảng ủy Sở Thử Nghiệm", "draft", date(2026, 11, 28), date(2026, 12, 1)),
            ("Đảng ủy Sở Láng Giềng", "draft", date(2026, 11, 28), date(2026, 12, 1)),
        ]
        assert AuditEvent.objects.filter(verb="Season.prepare", object_id=row.pk).count() == 1

    def test_other_days_reach_what_is_not_out(self, cast: Cast, play: Play, neighbours: None) -> None:
        row = season(cast)
        play.issued()
        row.due_on = date(2026, 11, 29)
        row.set(by=setter(cast))
        assert list(row.campaigns.order_by("committee__path").values_list("state", "due_on")) == [
            ("open", date(2026, 11, 28)),
            ("draft", date(2026, 11, 29)),
        ]

    def test_a_campaign_made_before_joins(self, cast: Cast, play: Play) -> None:
        own = play.campaign()
        row = season(cast)
        own.refresh_from_db()
        assert (own.season, own.due_on) == (row, date(2026, 11, 28))

    def test_a_nearer_season_holds(self, cast: Cast) -> None:
        mine = season(cast, cast.ministry, due_on=date(2026, 11, 20))
        above = season(cast)
        assert (list(mine.campaigns.values_list("committee", flat=True)), above.campaigns.count()) == (
            [cast.ministry.pk],
            0,
        )
        assert Season.objects.over(cast.ministry, 2026) == mine
        assert Season.objects.over(cast.other_ministry, 2026) == above
        assert Season.objects.over(cast.ministry, 2025) is None


class TestLaunch:
    def test_all_in_one_act(self, cast: Cast, second: User, neighbours: None) -> None:
        row = season(cast)
        assert row.launch(by=launcher(cast, second), on=ON) == Launched(committees=2, letters=3, members=3)
        letters = Document.objects.order_by("issuer", "recipient__locality_key")
        assert [(d.issuer.name, d.recipient.locality, d.label, d.state, d.issued_on) for d in letters] == [
            ("Đảng ủy Sở Thử Nghiệm", "An Hải", "Số 01-CV/ĐU", "issued", ON),
            ("Đảng ủy Sở Láng Giềng", "An Hải", "Số 01-CV/ĐU", "issued", ON),
            ("Đảng ủy Sở Láng Giềng", "Hòa Vang", "Số 02-CV/ĐU", "issued", ON),
        ]
        assert [[who["name"] for who in d.facts["rows"]] for d in letters] == [
            ["Trần Thị Thử"],
            ["Bùi Văn Bên"],
            ["Cao Thị Xa"],
        ]
        matters = EvaluationRequest.objects.order_by("pk")
        assert {(m.state, m.issued_by_id, m.due_on) for m in matters} == {
            ("issued", launcher(cast, second).pk, date(2026, 11, 28))
        }
        assert sorted(m.letter_id or 0 for m in matters) == sorted(d.pk for d in letters)
        assert sorted(Letter.objects.values_list("channel", "state")) == [
            ("email", "queued"),
            ("email", "queued"),
            ("print", "queued"),
        ]
        assert set(row.campaigns.values_list("state", flat=True)) == {"open"}
        row.refresh_from_db()
        assert row.launched_by == launcher(cast, second)

    def test_the_same_letter_as_by_hand(self, cast: Cast, play: Play, second: User) -> None:
        """What the season writes for a committee is what the committee would have written."""
        with transaction.atomic():
            play.issued()
            by_hand = play.letter().facts
            transaction.set_rollback(True)
        row = season(cast)
        row.launch(by=launcher(cast, second), on=ON)
        assert cast.asked.address not in json.dumps(play.letter().facts, ensure_ascii=False)
        written = opened(play.letter().facts)
        for facts in (by_hand, written):
            facts["rows"] = [{**who, "request": 0} for who in facts["rows"]]
        assert written == {**by_hand, "due_on": "2026-11-28", "basis": [*by_hand["basis"], BASIS]}

    def test_again_changes_nothing(self, cast: Cast, second: User, neighbours: None) -> None:
        row = season(cast)
        row.launch(by=launcher(cast, second), on=ON)
        tables = (EvaluationRequest, Document, Letter, NumberSeries, AuditEvent, Campaign, Season)
        before = [list(model._default_manager.order_by("pk").values()) for model in tables]
        assert row.launch(by=launcher(cast, second), on=ON) == Launched(0, 0, 0)
        assert [list(model._default_manager.order_by("pk").values()) for model in tables] == before

    def test_again_asks_who_is_missing(self, cast: Cast, second: User, neighbours: None) -> None:
        row = season(cast)
        row.launch(by=launcher(cast, second), on=ON)
        factories.member("Đỗ Văn Mới", workplace=cast.office_cell, commune=cast.ward)
        assert row.launch(by=launcher(cast, second), on=ON) == Launched(1, 1, 1)
        newest = Document.objects.latest("pk")
        assert (newest.issuer, newest.number, [who["name"] for who in newest.facts["rows"]]) == (
            cast.ministry,
            "2",
            ["Đỗ Văn Mới"],
        )

    def test_who_has_begun_is_left_to_its_own_signer(
        self, cast: Cast, play: Play, second: User, neighbours: None
    ) -> None:
        row = season(cast)
        play.presented()
        assert shown(row.preview()) == [
            ("Đảng ủy Sở Thử Nghiệm", 0, 0, {"already": 1}, False),
            ("Đảng ủy Sở Láng Giềng", 2, 2, {}, True),
        ]
        assert row.launch(by=launcher(cast, second), on=ON) == Launched(1, 2, 2)
        assert Document.objects.get(issuer=cast.ministry).state == "for_signature"
        play.issued()
        assert play.letter().number == "1"

    def test_numbers_go_round_what_is_taken(self, cast: Cast, second: User, neighbours: None) -> None:
        series = NumberSeries.locked(cast.other_ministry, "CV", ON)
        series.reserve(1, "Giữ cho văn phòng", by=setter(cast))
        season(cast).launch(by=launcher(cast, second), on=ON)
        assert sorted(Document.objects.filter(issuer=cast.other_ministry).values_list("number", flat=True)) == [
            "2",
            "3",
        ]

    def test_a_new_committee_comes_along(self, cast: Cast, second: User) -> None:
        row = season(cast)
        office = factories.workplace_cell(cast.other_ministry, "Một")
        factories.member("Bùi Văn Bên", workplace=office, commune=cast.ward)
        assert row.launch(by=launcher(cast, second), on=ON) == Launched(2, 2, 2)

    def test_who_moved_waits_for_the_next_letter_and_gets_it(self, cast: Cast, play: Play, second: User) -> None:
        campaign = play.issued()
        row = season(cast)
        EvaluationRequest.objects.update(state="prepared", letter=None)
        assert row.launch(by=launcher(cast, second), on=ON) == Launched(1, 1, 1)
        matter = EvaluationRequest.objects.get(campaign=campaign)
        assert matter.letter
        assert (matter.state, matter.letter.number) == ("issued", "2")

    def test_who_set_it_does_not_launch_it(self, cast: Cast) -> None:
        row = season(cast)
        with pytest.raises(Refused, match="Người đặt mùa không tự phát hành"):
            row.launch(by=setter(cast), on=ON)
        assert not EvaluationRequest.objects.exists()

    def test_not_after_the_due_date(self, cast: Cast, second: User) -> None:
        row = season(cast)
        Season.objects.update(due_on=date(2026, 1, 1))
        with pytest.raises(Refused, match="Hạn trả lời 01/01/2026 đã qua"):
            row.launch(by=launcher(cast, second), on=ON)

    def test_nothing_is_left_after_a_failure(self, cast: Cast, second: User, neighbours: None) -> None:
        """Half of a season would be worse than none."""
        row = season(cast)
        with transaction.atomic():
            row.launch(by=launcher(cast, second), on=ON)
            transaction.set_rollback(True)
        assert (EvaluationRequest.objects.count(), Document.objects.count()) == (0, 0)
        assert set(Campaign.objects.values_list("state", flat=True)) == {"draft"}
        assert row.launch(by=launcher(cast, second), on=ON).letters == 3

    def test_one_committee_alone_by_the_same_rule(self, cast: Cast, play: Play) -> None:
        """The launch of a single campaign goes through the same statement."""
        campaign = play.campaign()
        with transaction.atomic():
            assert launch([campaign], by=by(cast.signer, Action.SIGN, cast.ministry), on=ON) == Launched(1, 1, 1)

    def test_a_committee_issues_by_itself_in_the_season(
        self, cast: Cast, play: Play, second: User, neighbours: None
    ) -> None:
        row = season(cast)
        campaign = Campaign.objects.get(committee=cast.ministry)
        campaign.present(by=by(cast.officer, Action.PREPARE, cast.ministry))
        campaign.issue(NumberChoice(typed=7), by=by(cast.signer, Action.SIGN, cast.ministry), on=ON)
        assert row.launch(by=launcher(cast, second), on=ON) == Launched(1, 2, 2)
        assert Document.objects.get(issuer=cast.ministry).number == "7"


def in_own_books() -> dict[str, list[int]]:
    """The numbers of the letters of each office, in order."""
    found: dict[str, list[int]] = {}
    for office, number in Document.objects.filter(state="issued").values_list("issuer__name", "number"):
        found.setdefault(office, []).append(int(number or 0))
    return {office: sorted(numbers) for office, numbers in found.items()}


class TestRaces:
    def test_twenty_launches_of_one_season(
        self, transactional_db: None, cast: Cast, second: User, neighbours: None
    ) -> None:
        row, launching = season(cast), launcher(cast, second)
        results = race(20, lambda _: Season.objects.get(pk=row.pk).launch(by=launching, on=ON))
        assert sorted(results, key=lambda done: -done.letters) == [Launched(2, 3, 3), *[Launched(0, 0, 0)] * 19]
        assert in_own_books() == {"Đảng ủy Sở Thử Nghiệm": [1], "Đảng ủy Sở Láng Giềng": [1, 2]}
        assert EvaluationRequest.objects.count() == 3
        assert AuditEvent.objects.filter(verb="Season.launch").count() == 1

    def test_twenty_launches_of_one_committee(
        self, transactional_db: None, cast: Cast, play: Play, second: User
    ) -> None:
        factories.member("Bùi Văn Tư", workplace=cast.office_cell, commune=cast.other_ward)
        campaign = play.campaign()
        officer = by(cast.officer, Action.PREPARE, cast.ministry)
        signer = by(cast.signer, Action.SIGN, cast.ministry)

        def present_or_issue(number: int) -> int:
            ours = Campaign.objects.get(pk=campaign.pk)
            return ours.present(by=officer) if number % 2 else ours.issue(NumberChoice(), by=signer, on=ON)

        race(20, present_or_issue)
        Campaign.objects.get(pk=campaign.pk).issue(NumberChoice(), by=signer, on=ON)
        assert in_own_books() == {"Đảng ủy Sở Thử Nghiệm": [1, 2]}
        live = EvaluationRequest.objects.live().values_list("member__full_name", "state")
        assert sorted(live) == [("Bùi Văn Tư", "issued"), ("Trần Thị Thử", "issued")]
        assert Letter.objects.count() == 2

    def test_a_season_beside_the_launch_of_one_committee(
        self, transactional_db: None, cast: Cast, play: Play, second: User, neighbours: None
    ) -> None:
        """Whoever comes first sends the letters; the other finds them sent, or leaves them to their signer."""
        row, launching = season(cast), launcher(cast, second)
        campaign = Campaign.objects.get(committee=cast.ministry)
        officer = by(cast.officer, Action.PREPARE, cast.ministry)
        signer = by(cast.signer, Action.SIGN, cast.ministry)

        def act(number: int) -> None:
            if number % 4 == 0:
                Season.objects.get(pk=row.pk).launch(by=launching, on=ON)
            elif number % 4 == 1:
                Campaign.objects.get(pk=campaign.pk).present(by=officer)
            else:
                Campaign.objects.get(pk=campaign.pk).issue(NumberChoice(), by=signer, on=ON)

        race(20, act)
        Campaign.objects.get(pk=campaign.pk).issue(NumberChoice(), by=signer, on=ON)
        assert Season.objects.get(pk=row.pk).launch(by=launching, on=ON) == Launched(0, 0, 0)
        assert in_own_books() == {"Đảng ủy Sở Thử Nghiệm": [1], "Đảng ủy Sở Láng Giềng": [1, 2]}
        assert EvaluationRequest.objects.count() == 3
