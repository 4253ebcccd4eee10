"""Everybody's ratings in one grid. No words can be written through it: they belong to one person's own page."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.http import QueryDict

from evaluations.models import Assessment, AssessmentVersion
from evaluations.models.assessments import EditedMeanwhile, draft_assessments
from evaluations.models.sharing import Follower, follower_of
from evaluations.models.stand_ins import Route, routes
from evaluations.rulebooks import Rulebook, load
from members.models import Attendance, Organization, Seat
from members.models.conflicts import SELF, conflicts_of
from members.models.participation import meetings_of_year
from members.states import Refused

NO_BASIS = "n"
NO_BASIS_WORDS = "Không có cơ sở để đánh giá"
NOTHING: dict[str, Any] = {"option": None, "no_basis": False, "facts": ""}


@dataclass(frozen=True)
class Column:
    """A criterion or the recommendation, as a choice."""

    code: str
    head: str
    text: str
    choices: list[tuple[str, str]]

    def word(self, value: str) -> str:
        return dict(self.choices).get(value, "chưa chọn")


def columns(book: Rulebook) -> list[Column]:
    criteria = [
        Column(c.code, f"{c.no}. {c.short}", c.text, [*_numbered(c.options), (NO_BASIS, NO_BASIS_WORDS)])
        for c in book.criteria
    ]
    advice = book.recommendation
    return [*criteria, Column("recommendation", advice.text, advice.text, _numbered(advice.options))]


def _numbered(options: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(str(index), option) for index, option in enumerate(options)]


def choice_of(answer: dict[str, Any]) -> str:
    if answer["no_basis"]:
        return NO_BASIS
    return "" if answer["option"] is None else str(answer["option"])


def with_choice(answer: dict[str, Any], choice: str) -> dict[str, Any]:
    """The answer with another choice. Words that explained the opposite are set aside, not lost and not printed."""
    no_basis = choice == NO_BASIS
    changed = {**answer, "option": int(choice) if choice.isdigit() else None, "no_basis": no_basis}
    aside = answer.get("set_aside", "")
    if no_basis != answer["no_basis"] and (answer["facts"] or aside):
        changed |= {"facts": aside, "set_aside": answer["facts"]}
    return changed


def mark_of(data: Mapping[str, Any]) -> str:
    """Which page saves for the how-manieth time, as static/js/drafts.js says it; "" without scripts."""
    said = str(data.get("mark", ""))
    return said if re.fullmatch(r"[0-9a-z]{6,16}\.[0-9]{1,6}", said) else ""


@dataclass
class Row:
    """One member of the cell in the grid."""

    assessment: Assessment
    columns: list[Column]
    attendance: dict[str, int]
    conflict: str  # what the member is to the reader, who then says nothing of him
    version: AssessmentVersion | None = None
    route: Route | None = None
    typed: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    is_clash: bool = False

    @property
    def placement_id(self) -> int:
        return self.assessment.placement_id

    @property
    def is_own(self) -> bool:
        """About the reader or his household."""
        return bool(self.conflict)

    @property
    def instead(self) -> str:
        """Who comments in the place of the reader, with the reason."""
        whom = "về chính đồng chí" if self.conflict == SELF else f"người thân của đồng chí ({self.conflict})"
        return f"{whom}: {self.route.words if self.route else 'đồng chí khác trong chi ủy nhận xét'}"

    @property
    def follower(self) -> Follower | None:
        return follower_of(self.assessment)

    @property
    def is_open(self) -> bool:
        return not self.is_own and (self.version is None or self.version.state == AssessmentVersion.State.DRAFT)

    @property
    def is_sent(self) -> bool:
        return self.version is not None and self.version.state != AssessmentVersion.State.DRAFT

    @property
    def edit_no(self) -> int:
        return self.version.edit_no if self.version else 0

    @property
    def returned(self) -> AssessmentVersion | None:
        """The version the commune sent back or opened again, as long as its successor is being written."""
        if self.version is None or self.is_sent or self.version.no == 1:
            return None
        earlier = [version for version in self.assessment.versions.all() if version.no == self.version.no - 1]
        return earlier[0] if earlier and earlier[0].return_note else None

    @property
    def return_reason(self) -> str:
        return self.returned.book.return_codes.get(self.returned.return_code, "") if self.returned else ""

    @property
    def missing(self) -> list[str]:
        return self.version.missing(self.attendance) if self.version else ["Chưa nhận xét."]

    @property
    def is_complete(self) -> bool:
        return not self.is_sent and not self.missing

    @property
    def is_begun(self) -> bool:
        return self.version is not None and bool(self.version.answers or self.version.remarks)

    def stored(self) -> dict[str, str]:
        answers = self.version.answer if self.version else lambda code: NOTHING
        return {column.code: choice_of(answers(column.code)) for column in self.columns}

    def shown(self) -> str:
        """Edit number and stored choices as one short text: it travels with the page and tells what was changed."""
        return f"{self.edit_no}.{''.join(value or '-' for value in self.stored().values())}"

    def cells(self) -> list[tuple[Column, str, str]]:
        """(column, value, its words)"""
        values = {**self.stored(), **self.typed}
        return [(column, values[column.code], column.word(values[column.code])) for column in self.columns]

    def take(self, data: QueryDict) -> int | None:
        """Read what was chosen here; the edit number the page showed, or None when nothing was changed."""
        number, _, before = data.get(f"s{self.placement_id}", "").partition(".")
        if not number.isdecimal() or len(number) > 9 or len(before) != len(self.columns):
            return None
        for column, letter in zip(self.columns, before, strict=True):
            chosen = data.get(f"{self.placement_id}-{column.code}", "")
            if (chosen or "-") != letter:
                self.typed[column.code] = chosen
        return int(number) if self.typed else None

    def write(self, expected: int, *, by: Seat, mark: str = "") -> bool:
        """Keep what was chosen; a refusal is told under the row and the choices stay on the page."""
        if any(value not in ("", *dict(c.choices)) for c in self.columns if (value := self.typed.get(c.code, ""))):
            self.typed, self.problem = {}, "Có lựa chọn không hợp lệ nên dòng này chưa được lưu."
            return False
        version = self.version
        answers = {
            code: with_choice(version.answer(code) if version else NOTHING, choice)
            for code, choice in self.typed.items()
        }
        try:
            self.version = self.saved_assessment().write(answers, None, by=by, expected=expected, mark=mark)
        except EditedMeanwhile as clash:
            self.version = clash.stored
            self.problem = self._clash()
            self.is_clash = bool(self.problem)
        except Refused as refusal:
            self.problem = f"{refusal} Chưa lưu: {self._spoken(self.typed)}."
        return not self.problem

    def saved_assessment(self) -> Assessment:
        if not self.assessment.pk:
            placement = self.assessment.placement
            self.assessment, _ = Assessment.objects.get_or_create(
                placement=placement, year=self.assessment.year, purpose=Assessment.Purpose.ANNUAL
            )
            self.assessment.placement = placement
        return self.assessment

    def _clash(self) -> str:
        stored = self.stored()
        theirs = {code: value for code, value in stored.items() if code in self.typed and value != self.typed[code]}
        if not theirs:
            return ""
        mine = {code: self.typed[code] for code in theirs}
        return (
            f"Vừa được lưu ở nơi khác. Bản đã lưu: {self._spoken(theirs)}. Đồng chí vừa chọn: {self._spoken(mine)}. "
            "Các ô của dòng trên đang giữ lựa chọn của đồng chí: xem lại rồi bấm Lưu nếu vẫn chọn như vậy."
        )

    def _spoken(self, values: dict[str, str]) -> str:
        return "; ".join(f"{c.head} “{c.word(values[c.code])}”" for c in self.columns if c.code in values)


class RatingGrid:
    """Everybody of a cell for one year, in the order of names."""

    def __init__(self, cell: Organization, year: int, seat: Seat) -> None:
        self.columns = columns(load())
        assessments = draft_assessments(cell, year)
        tally = Attendance.objects.tally([row.placement_id for row in assessments], year)
        self.held = meetings_of_year(cell, year).count()
        bound, taken = conflicts_of(seat.user), routes(cell)
        self.rows = [
            Row(
                assessment,
                self.columns,
                tally.get(assessment.placement_id, {}),
                bound.get(assessment.placement.member_id, ""),
                assessment.latest(),
                taken.get(assessment.placement.member_id),
            )
            for assessment in assessments
        ]
        self.shown = self.rows

    def keep(self, members: Collection[int]) -> None:
        """Only these members: for who takes the place of the cell."""
        self.rows = [row for row in self.rows if row.assessment.placement.member_id in members]
        self.shown = self.rows

    @transaction.atomic
    def save(self, data: QueryDict, *, by: Seat) -> int:
        """Write the rows that were changed, each by itself; how many were written."""
        written = 0
        for row in self.rows:
            if not row.is_own and (expected := row.take(data)) is not None:
                written += row.write(expected, by=by, mark=mark_of(data))
        return written

    @property
    def problems(self) -> list[Row]:
        return [row for row in self.rows if row.problem]

    @property
    def complete(self) -> list[Row]:
        return [row for row in self.rows if row.is_complete]

    @property
    def left(self) -> list[Row]:
        """Neither sent nor complete, of those that are shown."""
        return [row for row in self.shown if not row.is_sent and not row.is_complete]

    @property
    def done(self) -> int:
        return len(self.shown) - len(self.left)

    def ready_for(self, sends: Collection[int] | None) -> list[Row]:
        """What this person may send now (None: of everybody): what is complete and not about his own people."""
        ready = [row for row in self.complete if not row.is_own]
        return [row for row in ready if sends is None or row.assessment.placement.member_id in sends]

    def spread(self, rows: list[Row]) -> list[tuple[Column, list[tuple[str, int]]]]:
        """How often each step was chosen, for a last look before sending."""
        return [
            (
                column,
                [(word, sum(row.stored()[column.code] == value for row in rows)) for value, word in column.choices],
            )
            for column in self.columns
        ]


def attendance_words(held: int, counts: dict[str, int]) -> str:
    """ "2 cuộc: 1 có mặt, 1 vắng không lý do" """
    if not held:
        return "chưa ghi cuộc họp nào"
    labels = dict(Attendance.Status.choices)
    parts = [f"{counts[status]} {labels[status]}" for status in Attendance.Status.values if counts.get(status)]
    unrecorded = held - sum(counts.values())
    return f"{held} cuộc: {', '.join([*parts, *([f'{unrecorded} chưa điểm danh'] if unrecorded > 0 else [])])}"
