"""A committee's yearly round: who is asked, letters presented, signed, numbered, sent; and what happens twice."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from evaluations.models import Campaign, Document, EvaluationRequest, Letter, NumberRange, NumberSeries
from evaluations.models.campaigns import NumberChoice
from evaluations.models.eligibility import Reason, left_out, months_before
from evaluations.models.replies import issue_reply, replies_due
from evaluations.models.requests import decline
from members.models import AuditEvent, Member, Organization, Placement, Seat
from members.roles import Action, Role
from members.states import Refused, WrongState
from tests import factories
from tests.conftest import Cast
from tests.racing import race
from tests.season import Season, by

ON = date(2026, 10, 5)


@pytest.fixture
def officer(cast: Cast) -> Seat:
    return by(cast.officer, Action.PREPARE, cast.ministry)


@pytest.fixture
def signer(cast: Cast) -> Seat:
    return by(cast.signer, Action.SIGN, cast.ministry)


@pytest.fixture
def worker(cast: Cast) -> Callable[..., Member]:
    """Makes one more member of the ministry, living in the ward."""

    def make(full_name: str, commune: Organization | None = None, **fields: Any) -> Member:
        return factories.member(full_name, workplace=cast.office_cell, commune=commune or cast.ward, **fields)

    return make


def draft(commune: Organization) -> Document:
    """The letter to a commune, whatever its state."""
    return Document.objects.get(recipient=commune)


def reasons(campaign: Campaign) -> dict[str, str]:
    """Of everybody in the committee: why he is not asked about, "" for who is."""
    found = {member.pk: member.reason for member in left_out(campaign)}
    ours = Member.objects.in_committee(campaign.committee)
    asked = set(campaign.requests.live().values_list("member", flat=True))
    return {row.full_name: "already" if row.pk in asked else found.get(row.pk, "") for row in ours}


def communes(campaign: Campaign) -> list[tuple[str, int]]:
    return [(commune.locality, count) for commune, count in campaign.preview().communes]


def numbers() -> list[str]:
    return list(
        Document.objects.filter(state="issued")
        .order_by("recipient__locality_key", "pk")
        .values_list("number", flat=True)
    )


def everything() -> list[list[tuple[Any, ...]]]:
    tables = (EvaluationRequest, Document, Letter, NumberSeries, NumberRange, AuditEvent)
    return [list(model._default_manager.order_by("pk").values_list()) for model in tables]


class TestPreview:
    def test_who_is_asked_and_who_is_not_and_why(self, cast: Cast, play: Season, worker: Any) -> None:
        worker("Trần Văn Hai")
        worker("Lê Thị Ba", cast.far_ward)
        worker("Lê Văn Miễn", standing="exempt_activity")
        worker("Lê Văn Mới", joined_on=date(2026, 6, 2))
        factories.member("Lê Văn Vô Xứ", workplace=cast.office_cell)
        cell = factories.workplace_cell(cast.other_ministry, "Một")
        factories.member("Người Ngoài", workplace=cell, commune=cast.ward)
        campaign = play.campaign()

        preview = campaign.preview()

        assert communes(campaign) == [("An Hải", 2), ("Hòa Vang", 1)]
        assert (preview.asked, preview.already) == (3, 0)
        assert [(label, [member.full_name for member in rows]) for label, rows in preview.reasons] == [
            (Reason.NO_COMMUNE.label, ["Lê Văn Vô Xứ"]),
            (Reason.EXEMPT.label, ["Lê Văn Miễn"]),
            (Reason.NEW.label, ["Lê Văn Mới"]),
        ]

    @pytest.mark.parametrize(
        ("joined_on", "reason"),
        [
            (None, ""),
            (date(2026, 5, 31), ""),
            (date(2026, 6, 1), ""),  # six months to the day before 1 December
            (date(2026, 6, 2), "new"),
            (date(2026, 12, 1), "new"),
        ],
    )
    def test_six_months_before_the_self_criticism(
        self, play: Season, worker: Any, joined_on: date | None, reason: str
    ) -> None:
        worker("Lê Văn Mới", joined_on=joined_on)
        assert reasons(play.campaign())["Lê Văn Mới"] == reason

    @pytest.mark.parametrize(
        ("day", "months", "before"),
        [
            (date(2026, 12, 1), 6, date(2026, 6, 1)),
            (date(2026, 12, 31), 6, date(2026, 6, 30)),
            (date(2026, 8, 31), 6, date(2026, 2, 28)),
            (date(2028, 8, 31), 6, date(2028, 2, 29)),
            (date(2026, 6, 15), 6, date(2025, 12, 15)),
            (date(2026, 7, 31), 6, date(2026, 1, 31)),
            (date(2026, 3, 1), 12, date(2025, 3, 1)),
        ],
    )
    def test_months_before(self, day: date, months: int, before: date) -> None:
        assert months_before(day, months) == before

    def test_who_has_left_or_moved(self, cast: Cast, play: Season, worker: Any) -> None:
        """The present membership and the present placement count, not those that have ended."""
        gone, moved = worker("Lê Văn Nghỉ"), worker("Lê Thị Chuyển")
        gone.memberships.update(until_on=date(2026, 1, 1))
        moved.placements.update(until_on=date(2026, 1, 1))
        factories.placement(moved, cast.other_ward)
        campaign = play.campaign()
        assert reasons(campaign) == {"Trần Thị Thử": "", "Lê Thị Chuyển": ""}
        assert communes(campaign) == [("An Hải", 1), ("Sơn Trà", 1)]

    def test_nothing_is_written(self, play: Season) -> None:
        campaign, before = play.campaign(), everything()
        campaign.preview()
        assert everything() == before


class TestPresent:
    def test_one_letter_a_commune_with_its_own_list(self, cast: Cast, play: Season, officer: Seat, worker: Any) -> None:
        for name in ("Phạm Văn Ân", "Lê Thị Ánh", "Đỗ Văn An", "Đinh Thị An"):
            worker(name)
        worker("Bùi Văn Tư", cast.other_ward)
        campaign = play.campaign()
        assert campaign.present(by=officer) == 2

        letters = Document.objects.order_by("recipient__locality_key")
        lists = {letter.recipient.locality: [row["name"] for row in letter.facts["rows"]] for letter in letters}
        assert lists == {
            "An Hải": ["Đinh Thị An", "Đỗ Văn An", "Lê Thị Ánh", "Phạm Văn Ân", "Trần Thị Thử"],
            "Sơn Trà": ["Bùi Văn Tư"],
        }
        assert {(letter.state, letter.number, letter.presented_by_id) for letter in letters} == {
            ("for_signature", None, officer.pk)
        }
        assert dict(EvaluationRequest.objects.values_list("member__full_name", "letter__recipient__locality")) == {
            name: place for place, names in lists.items() for name in names
        }
        assert set(EvaluationRequest.objects.values_list("state", flat=True)) == {"prepared"}

    def test_facts_of_a_letter(self, cast: Cast, play: Season) -> None:
        campaign = play.presented()
        assert draft(cast.ward).facts == {
            "head": {
                "superior": "ĐẢNG BỘ THÀNH PHỐ ĐÀ NẴNG",
                "issuer": "ĐẢNG ỦY SỞ THỬ NGHIỆM",
                "sign": "CV/ĐU",
                "place": "Hải Châu",
            },
            "signature": {"authority": "T/M ĐẢNG ỦY", "position": "BÍ THƯ", "name": ""},
            "abstract": "đề nghị nhận xét đảng viên đang công tác giữ mối liên hệ nơi cư trú năm 2026",
            "to": "Đảng ủy phường An Hải",
            "basis": list(campaign.book.basis),
            "year": 2026,
            "purpose_text": "kiểm điểm, đánh giá, xếp loại chất lượng đảng viên năm 2026",
            "period": {"from": "2026-01-01", "to": "2026-12-31"},
            "due_on": "2026-11-15",
            "reply_to": {
                "name": "Đảng ủy Sở Thử Nghiệm",
                "address": "",
                "phone": "",
                "email": "so.thunghiem@example.org",
            },
            "recipients": ["Như trên", "Lưu Đảng ủy Sở Thử Nghiệm"],
            "rows": [
                {
                    "no": 1,
                    "request": EvaluationRequest.objects.get(member=cast.asked).pk,
                    "name": "Trần Thị Thử",
                    "birth": "28/06/1980",
                    "sex": "Nữ",
                    "position": "Chuyên viên",
                    "workplace_cell": "Chi bộ Văn phòng",
                    "residence": f"{cast.asked.address}, Tổ dân phố 7",
                }
            ],
        }

    def test_twice(self, play: Season, officer: Seat) -> None:
        campaign = play.presented()
        before = everything()
        assert campaign.present(by=officer) == 1
        assert everything()[:5] == before[:5]

    def test_again_takes_up_who_was_missing(self, cast: Cast, play: Season, officer: Seat, worker: Any) -> None:
        campaign = play.presented()
        worker("Lê Văn Hai")
        assert campaign.present(by=officer) == 1
        assert [row["name"] for row in draft(cast.ward).facts["rows"]] == ["Lê Văn Hai", "Trần Thị Thử"]

    def test_nobody_to_ask(self, cast: Cast, play: Season, officer: Seat) -> None:
        cast.asked.placements.update(standing="exempt_activity")
        campaign, before = play.campaign(), everything()
        with pytest.raises(Refused, match="Chưa có đảng viên nào cần đề nghị nhận xét"):
            campaign.present(by=officer)
        assert everything() == before

    def test_after_the_end(self, play: Season, officer: Seat, signer: Seat) -> None:
        campaign = play.issued()
        campaign.close(by=signer)
        with pytest.raises(WrongState, match="đã kết thúc"):
            campaign.present(by=officer)


class TestTakeBack:
    def test_nothing_has_left_the_house(self, cast: Cast, play: Season, officer: Seat, signer: Seat) -> None:
        campaign = play.presented()
        campaign.take_back(by=officer)
        matter = EvaluationRequest.objects.get()
        assert (matter.state, matter.end_code, matter.letter) == ("cancelled", "taken_back", None)
        assert (draft(cast.ward).state, campaign.can_issue()) == ("draft", False)
        assert campaign.issue(NumberChoice(), by=signer) == 0
        assert not Letter.objects.exists()

    def test_and_present_again(self, cast: Cast, play: Season, officer: Seat, signer: Seat, worker: Any) -> None:
        """The draft is used again, and only who is asked now is counted in it."""
        campaign = play.presented()
        campaign.take_back(by=officer)
        worker("Lê Văn Hai")
        assert reasons(campaign) == {"Trần Thị Thử": "", "Lê Văn Hai": ""}
        assert campaign.present(by=officer) == 1
        assert campaign.issue(NumberChoice(), by=signer, on=ON) == 1
        letter = play.letter()
        assert [row["name"] for row in letter.facts["rows"]] == ["Lê Văn Hai", "Trần Thị Thử"]
        assert sorted(letter.requests.values_list("state", flat=True)) == ["issued", "issued"]
        assert Letter.objects.get().facts == {"count": 2, "due_on": "2026-11-15"}
        play.registered()
        assert [row.asked for row in replies_due(cast.ward)] == [2]


class TestIssue:
    def test_all_at_once(self, cast: Cast, play: Season, signer: Seat, worker: Any) -> None:
        worker("Bùi Văn Tư", cast.other_ward)
        campaign = play.presented()
        assert campaign.issue(NumberChoice(), by=signer, on=ON) == 2
        campaign.refresh_from_db()
        assert (campaign.state, campaign.opened_by, campaign.presented_at) == ("open", signer, None)
        letters = Document.objects.order_by("recipient__locality_key")
        assert [(d.recipient.locality, d.label, d.state, d.issued_on, d.issued_by) for d in letters] == [
            ("An Hải", "Số 01-CV/ĐU", "issued", ON, signer),
            ("Sơn Trà", "Số 02-CV/ĐU", "issued", ON, signer),
        ]
        assert list(EvaluationRequest.objects.values_list("state", "issued_by")) == [("issued", signer.pk)] * 2
        notices = Letter.objects.order_by("recipient__locality_key")
        assert [(row.kind, row.channel, row.state, row.facts) for row in notices] == [
            ("request", "email", "queued", {"count": 1, "due_on": "2026-11-15"})
        ] * 2

    def test_twice(self, play: Season, signer: Seat) -> None:
        campaign = play.issued()
        before = everything()
        assert campaign.issue(NumberChoice(), by=signer, on=ON) == 0
        assert everything() == before

    def test_before_it_was_presented(self, play: Season, signer: Seat) -> None:
        campaign = play.campaign()
        assert campaign.issue(NumberChoice(), by=signer) == 0
        assert campaign.state == "draft"

    def test_who_presents_does_not_sign(self, cast: Cast, play: Season) -> None:
        factories.seat(cast.officer, cast.ministry, Role.SIGNER)
        campaign = play.presented()
        own = by(cast.officer, Action.SIGN, cast.ministry)
        before = everything()
        assert campaign.can_issue(own) is False
        with pytest.raises(Refused, match="Người soạn không tự ký phát hành"):
            campaign.issue(NumberChoice(), by=own)
        assert everything() == before

    def test_notices_name_nobody(self, cast: Cast, play: Season) -> None:
        play.issued()
        assert "Thử" not in json.dumps(list(Letter.objects.values("key", "facts")), ensure_ascii=False)

    def test_launch_is_one_line_of_history_a_step(self, play: Season, worker: Any) -> None:
        worker("Lê Văn Hai")
        play.issued()
        events = AuditEvent.objects.order_by("pk").values_list("verb", "count")
        assert list(events) == [
            ("Document.for_signature", 1),
            ("Campaign.present", 1),
            ("Document.issued", 1),
            ("EvaluationRequest.issued", 2),
            ("Campaign.open", 1),
        ]


class TestNumbers:
    @pytest.fixture
    def series(self, cast: Cast) -> NumberSeries:
        return NumberSeries.locked(cast.ministry, "CV", ON)

    @pytest.fixture
    def two(self, cast: Cast, play: Season, worker: Any) -> Campaign:
        """Presented, with two letters."""
        worker("Bùi Văn Tư", cast.other_ward)
        return play.presented()

    def test_next(self, two: Campaign, series: NumberSeries, signer: Seat) -> None:
        NumberSeries.objects.update(next_no=7)
        two.issue(NumberChoice(), by=signer, on=ON)
        series.refresh_from_db()
        assert (numbers(), series.next_no, series.term) == (["7", "8"], 9, "2025-2030")

    def test_typed(self, two: Campaign, series: NumberSeries, signer: Seat) -> None:
        two.issue(NumberChoice(typed=1), by=signer, on=ON)
        assert (numbers(), NumberRange.objects.count()) == (["1", "2"], 0)

    def test_typed_with_a_gap(self, two: Campaign, series: NumberSeries, signer: Seat) -> None:
        two.issue(NumberChoice(typed=5), by=signer, on=ON)
        series.refresh_from_db()
        assert (numbers(), series.next_no) == (["5", "6"], 7)
        gaps = NumberRange.objects.order_by("first").values_list("first", "last", "kind", "recorded_by")
        assert [number for first, last, _, _ in gaps for number in range(first, last + 1)] == [1, 2, 3, 4]
        assert {(kind, seat) for _, _, kind, seat in gaps} == {("outside", signer.pk)}

    def test_typed_over_a_reserved_block(self, two: Campaign, series: NumberSeries, signer: Seat) -> None:
        series.reserve(3, "Giữ cho văn phòng", by=signer)
        two.issue(NumberChoice(typed=6), by=signer, on=ON)
        kept = NumberRange.objects.order_by("first").values_list("first", "last", "kind")
        assert list(kept) == [(1, 3, "reserved"), (4, 5, "outside")]

    def test_a_wide_gap_costs_few_queries(self, two: Campaign, series: NumberSeries, signer: Seat) -> None:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            two.issue(NumberChoice(typed=5000), by=signer, on=ON)
        assert len(queries) < 50
        assert numbers() == ["5000", "5001"]

    @pytest.mark.parametrize("first", [3, 4])
    def test_taken(self, two: Campaign, series: NumberSeries, signer: Seat, first: int) -> None:
        NumberSeries.objects.update(next_no=5)
        series.ranges.create(first=4, last=4, kind="outside", reason="Công văn giấy", recorded_by=signer)
        before = everything()
        with pytest.raises(Refused, match="Số 04 đã được dùng trong sổ"):
            two.issue(NumberChoice(typed=first), by=signer, on=ON)
        assert everything() == before

    def test_next_goes_round_what_is_taken(self, two: Campaign, series: NumberSeries, signer: Seat) -> None:
        series.ranges.create(first=2, last=3, kind="outside", reason="Công văn giấy", recorded_by=signer)
        two.issue(NumberChoice(), by=signer, on=ON)
        assert numbers() == ["1", "4"]

    def test_reserved(self, two: Campaign, series: NumberSeries, signer: Seat) -> None:
        block = series.reserve(3, "Giữ cho văn phòng", by=signer)
        assert series.take_next(1) == [4]
        two.issue(NumberChoice(reserved=block), by=signer, on=ON)
        assert numbers() == ["1", "2"]
        assert list(NumberRange.objects.values_list("first", "last", "kind")) == [(3, 3, "reserved")]

    def test_reserved_and_used_up(self, two: Campaign, series: NumberSeries, signer: Seat) -> None:
        block = series.reserve(2, "Giữ cho văn phòng", by=signer)
        two.issue(NumberChoice(reserved=block), by=signer, on=ON)
        assert (numbers(), NumberRange.objects.count()) == (["1", "2"], 0)

    def test_reserved_too_few(self, two: Campaign, series: NumberSeries, signer: Seat) -> None:
        block = series.reserve(1, "Giữ cho văn phòng", by=signer)
        with pytest.raises(Refused, match="chỉ còn 1 số, cần 2 số"):
            two.issue(NumberChoice(reserved=block), by=signer, on=ON)
        assert numbers() == []

    def test_reserved_as_an_old_page_saw_it(self, two: Campaign, series: NumberSeries, signer: Seat) -> None:
        """Somebody used part of the block after this page was opened."""
        old_page = series.reserve(4, "Giữ cho văn phòng", by=signer)
        assert series.take_reserved(NumberRange.objects.get(), 1) == [1]
        two.issue(NumberChoice(reserved=old_page), by=signer, on=ON)
        assert numbers() == ["2", "3"]

    def test_reserved_in_another_book(self, cast: Cast, two: Campaign, series: NumberSeries, signer: Seat) -> None:
        other = NumberSeries.locked(cast.other_ministry, "CV", ON).reserve(5, "Khác", by=signer)
        with pytest.raises(Refused, match="không thuộc sổ này"):
            two.issue(NumberChoice(reserved=other), by=signer, on=ON)

    def test_books_begin_anew_with_the_term(self, cast: Cast) -> None:
        assert [NumberSeries.locked(cast.ministry, "CV", date(year, 1, 1)).term for year in (2024, 2025, 2030)] == [
            "2020-2025",
            "2025-2030",
            "2030-2035",
        ]


class TestExternal:
    @pytest.fixture
    def paper(self, cast: Cast, play: Season, worker: Any) -> Letter:
        worker("Bùi Văn Xa", cast.far_ward)
        play.issued()
        return Letter.objects.get(recipient=cast.far_ward)

    def test_a_printed_letter(self, paper: Letter) -> None:
        assert (paper.channel, paper.state, len(paper.code.replace("-", ""))) == ("print", "queued", 26)
        assert paper not in Letter.objects.due()

    def test_the_code_opens_it_however_typed(self, cast: Cast, paper: Letter) -> None:
        code = paper.code
        plain = code.replace("-", "")
        ways = [
            code,
            plain,
            code.lower(),
            f"  {code} ",
            " ".join(plain),
            code.replace("-", "–"),
            code.replace("-", "\n"),
        ]
        ways += [code.replace("O", "0"), code.replace("I", "1"), code.replace("B", "8").lower()]
        assert [Letter.objects.by_code(way) for way in ways] == [paper] * len(ways)

    @pytest.mark.parametrize("code", ["", "-", "   ", "0000", "ABCD-EFGH"])
    def test_other_codes_open_nothing(self, paper: Letter, code: str) -> None:
        assert Letter.objects.by_code(code) is None

    def test_the_code_is_stored_nowhere(self, paper: Letter) -> None:
        assert not any(word in str(everything()) for word in (paper.code, paper.code.replace("-", "")))

    def test_a_letter_by_e_mail_has_no_code(self, cast: Cast, paper: Letter) -> None:
        notice = Letter.objects.get(recipient=cast.ward)
        assert (notice.code_hash, Letter.objects.by_code(notice.code)) == ("", None)


class TestLate:
    def test_a_second_letter_only_for_who_was_missing(
        self, cast: Cast, play: Season, officer: Seat, signer: Seat, worker: Any
    ) -> None:
        campaign = play.issued()
        before = list(EvaluationRequest.objects.values())
        worker("Lê Văn Muộn")
        assert reasons(campaign) == {"Trần Thị Thử": "already", "Lê Văn Muộn": ""}
        assert campaign.present(by=officer) == 1
        assert campaign.issue(NumberChoice(), by=signer, on=date(2026, 10, 20)) == 1
        second = Document.objects.get(number="2")
        assert [row["name"] for row in second.facts["rows"]] == ["Lê Văn Muộn"]
        assert list(second.requests.values_list("member__full_name", flat=True)) == ["Lê Văn Muộn"]
        assert list(EvaluationRequest.objects.exclude(letter=second).values()) == before
        assert list(Letter.objects.order_by("pk").values_list("document__number", flat=True)) == ["1", "2"]

    def test_nobody_is_missing(self, play: Season, officer: Seat) -> None:
        with pytest.raises(Refused, match="Chưa có đảng viên nào"):
            play.issued().present(by=officer)

    def test_a_withdrawn_letter_does_not_stand_in_the_way(
        self, play: Season, officer: Seat, signer: Seat, worker: Any
    ) -> None:
        campaign = play.issued()
        Document.objects.update(state="withdrawn")
        worker("Lê Văn Muộn")
        assert campaign.present(by=officer) == 1

    def test_sent_back_is_not_asked_again_at_the_same_place(self, cast: Cast, play: Season, officer: Seat) -> None:
        campaign = play.issued()
        play.registered()
        decline(EvaluationRequest.objects.all(), "moved", "", by=by(cast.ward_officer, Action.ASSIGN, cast.ward))
        assert reasons(campaign) == {"Trần Thị Thử": "declined"}
        cast.asked.placements.update(until_on=date(2026, 10, 1))
        factories.placement(cast.asked, cast.other_ward)
        assert reasons(campaign) == {"Trần Thị Thử": ""}
        assert campaign.present(by=officer) == 1
        assert draft(cast.other_ward).requests.count() == 1

    def test_cancelled_by_hand_is_not_asked_again(self, cast: Cast, play: Season, officer: Seat) -> None:
        campaign = play.issued()
        EvaluationRequest.objects.get().cancel("Đã nghỉ hưu", by=officer)
        assert reasons(campaign) == {"Trần Thị Thử": "cancelled"}


class TestCancel:
    def test_nobody_is_called_silent(self, cast: Cast, play: Season, officer: Seat, worker: Any) -> None:
        worker("Lê Văn Hai", cast.other_ward)
        campaign = play.issued()
        play.answered()
        assert campaign.cancel("Phát hành nhầm bộ quy định", by=officer) == 1
        states = EvaluationRequest.objects.values_list("member__full_name", "state", "end_code", "end_note")
        assert sorted(states) == [
            ("Lê Văn Hai", "cancelled", "campaign", "Phát hành nhầm bộ quy định"),
            ("Trần Thị Thử", "answered", "", ""),
        ]
        campaign.refresh_from_db()
        assert (campaign.state, campaign.cancel_reason) == ("closed", "Phát hành nhầm bộ quy định")

    @pytest.mark.parametrize("reason", ["", "  "])
    def test_not_without_a_reason(self, play: Season, officer: Seat, reason: str) -> None:
        campaign, before = play.issued(), everything()
        with pytest.raises(Refused, match="Ghi lý do hủy"):
            campaign.cancel(reason, by=officer)
        assert everything() == before

    def test_only_what_is_open(self, play: Season, officer: Seat, signer: Seat) -> None:
        draft_round = play.presented()
        with pytest.raises(WrongState, match="đã phát hành và chưa kết thúc"):
            draft_round.cancel("Nhầm", by=officer)
        campaign = play.issued()
        campaign.close(by=signer)
        with pytest.raises(WrongState):
            campaign.cancel("Nhầm", by=officer)


class TestAnnex:
    def test_what_comes_after_the_end_is_answered_late(self, cast: Cast, play: Season, officer: Seat) -> None:
        """The cell had sent it, the campaign ended, then the ward confirms: the answer goes out as an annex."""
        version = play.submitted()
        assert Campaign.objects.get().close(by=officer) == 1
        version.confirm(by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
        assert [row.ready for row in replies_due(cast.ward)] == [1]
        issue_reply(play.letter(), NumberChoice(), by=by(cast.ward_signer, Action.REPLY, cast.ward))
        matter = EvaluationRequest.objects.get()
        assert (matter.state, matter.is_annex) == ("answered", True)
        matter.receive(by=by(cast.signer, Action.RECEIVE, cast.ministry))
        assert EvaluationRequest.objects.get().state == "received"

    def test_in_time_it_is_none(self, play: Season) -> None:
        assert play.answered().is_annex is False


class TestClose:
    def test_silence_is_kept(self, cast: Cast, play: Season, signer: Seat, worker: Any) -> None:
        worker("Lê Văn Hai", cast.other_ward)
        campaign = play.issued()
        play.answered()
        assert campaign.close(by=signer) == 1
        states = EvaluationRequest.objects.values_list("member__full_name", "state", "residence_commune__locality")
        assert sorted(states) == [("Lê Văn Hai", "no_reply", "Sơn Trà"), ("Trần Thị Thử", "answered", "An Hải")]
        campaign.refresh_from_db()
        assert (campaign.state, campaign.closed_by) == ("closed", signer)

    def test_twice(self, play: Season, signer: Seat) -> None:
        campaign = play.issued()
        campaign.close(by=signer)
        with pytest.raises(WrongState):
            Campaign.objects.get().close(by=signer)

    def test_never_opened(self, play: Season, signer: Seat) -> None:
        campaign = play.presented()
        before = everything()
        with pytest.raises(WrongState):
            campaign.close(by=signer)
        assert everything() == before

    def test_what_waits_for_signature_stays_in_the_house(
        self, play: Season, officer: Seat, signer: Seat, worker: Any
    ) -> None:
        campaign = play.issued()
        worker("Lê Văn Muộn")
        campaign.present(by=officer)
        assert Campaign.objects.get().close(by=signer) == 1
        assert Campaign.objects.get().issue(NumberChoice(), by=signer) == 0
        states = EvaluationRequest.objects.values_list("member__full_name", "state")
        assert sorted(states) == [("Lê Văn Muộn", "cancelled"), ("Trần Thị Thử", "no_reply")]
        assert Document.objects.filter(state="issued").count() == 1


class TestRaces:
    def test_eight_press_issue(
        self, transactional_db: None, cast: Cast, play: Season, signer: Seat, worker: Any
    ) -> None:
        worker("Bùi Văn Tư", cast.other_ward)
        play.presented()
        results = race(8, lambda _: Campaign.objects.get().issue(NumberChoice(), by=signer, on=ON))
        assert sorted(results) == [0] * 7 + [2]
        assert (numbers(), NumberSeries.objects.get().next_no) == (["1", "2"], 3)
        assert Letter.objects.count() == 2
        assert list(EvaluationRequest.objects.values_list("state", flat=True)) == ["issued"] * 2
        assert AuditEvent.objects.filter(verb="Campaign.open").count() == 1

    def test_eight_press_present(self, transactional_db: None, play: Season, officer: Seat) -> None:
        play.campaign()
        assert race(8, lambda _: Campaign.objects.get().present(by=officer)) == [1] * 8
        assert (EvaluationRequest.objects.count(), Document.objects.count()) == (1, 1)

    def test_two_committees_offices_take_numbers_of_one_book(
        self, transactional_db: None, cast: Cast, play: Season, officer: Seat, signer: Seat
    ) -> None:
        rounds = [play.presented(), self.another_year(cast, play, officer)]
        race(2, lambda number: rounds[number].issue(NumberChoice(), by=signer, on=ON))
        assert sorted(numbers()) == ["1", "2"]

    def another_year(self, cast: Cast, play: Season, officer: Seat) -> Campaign:
        campaign = Campaign.objects.create(
            committee=cast.ministry,
            year=2025,
            self_criticism_on=date(2025, 12, 1),
            due_on=date(2025, 11, 15),
            prepared_by=officer,
        )
        campaign.present(by=officer)
        return campaign


class TestQueries:
    def test_members_cost_nothing_communes_next_to_nothing(self, cast: Cast, officer: Seat, signer: Seat) -> None:
        NumberSeries.locked(cast.ministry, "CV", date(2030, 1, 1))
        costs = [
            self.cost(cast, officer, signer, members, places) for members, places in [(1, 1), (12, 1), (1, 3), (9, 3)]
        ]
        assert costs[0] == costs[1] == costs[2] == costs[3]

    def cost(self, cast: Cast, officer: Seat, signer: Seat, members: int, places: int) -> tuple[int, int, int]:
        """Queries of preview, present and issue for a committee of its own."""
        Placement.objects.update(standing="exempt_activity")
        communes = [factories.commune(cast.province, f"Mẫu {place}") for place in range(places)]
        for commune in communes:
            for _ in range(members):
                factories.member(workplace=cast.office_cell, commune=commune)
        year = 2030 + Campaign.objects.count()
        campaign = Campaign.objects.create(
            committee=cast.ministry,
            year=year,
            self_criticism_on=date(year, 12, 1),
            due_on=date(year, 11, 15),
            prepared_by=officer,
        )
        found = []
        for step in (
            campaign.preview,
            lambda: campaign.present(by=officer),
            lambda: campaign.issue(NumberChoice(), by=signer, on=date(year, 10, 1)),
        ):
            with CaptureQueriesContext(connection) as queries:
                step()
            found.append(len(queries))
        assert EvaluationRequest.objects.filter(campaign=campaign, state="issued").count() == members * places
        return found[0], found[1], found[2]
