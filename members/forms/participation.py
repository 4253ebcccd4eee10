"""What a residence cell enters about its life: meetings, who came, and the joint review with the Front."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from members.forms.text import Line
from members.models import Attendance, ContactMeeting, Organization, Placement
from members.models.participation import Attendee, meetings_of_year
from members.names import search_key
from members.states import Refused

MOST_ATTENDEES = 30


class DayOfYear(forms.DateField):
    """A day of one year that has already come; typed by hand or chosen."""

    def __init__(self, year: int, **options: Any) -> None:
        self.year = year
        super().__init__(
            input_formats=["%Y-%m-%d", "%d/%m/%Y"],
            widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
            **options,
        )

    def clean(self, value: Any) -> date | None:
        day: date | None = super().clean(value)
        if day and day > timezone.localdate():
            raise forms.ValidationError("Ngày này chưa đến. Chỉ ghi cuộc họp đã diễn ra.")
        if day and day.year != self.year:
            raise forms.ValidationError(f"Ngày họp phải trong năm {self.year}.")
        return day


class MeetingForm(forms.Form):
    kind = forms.ChoiceField(
        label="Loại cuộc họp",
        choices=ContactMeeting.Kind.choices,
        initial=ContactMeeting.Kind.PERIODIC,
        widget=forms.RadioSelect,
    )
    theme = Line(
        label="Nội dung chính",
        max_length=200,
        required=False,
        help_text="Một dòng, ví dụ: thông báo tình hình 6 tháng.",
    )
    field_order = ("held_on", "kind", "theme")

    def __init__(self, year: int, data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.fields["held_on"] = DayOfYear(year, label="Ngày họp")
        self.order_fields(self.field_order)


class JointReviewForm(forms.Form):
    """Day and attendees of both sides. `rows` is how many lines each side shows."""

    SIDES = (("cell", "Phía chi ủy chi bộ"), ("front", "Phía Ban công tác Mặt trận"))

    def __init__(self, year: int, data: QueryDict | None = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        self.rows = self._rows_of(data or initial or {})
        self.fields["held_on"] = DayOfYear(year, label="Ngày họp")
        for side, label in self.SIDES:
            for number in range(1, self.rows + 1):
                about = f"{label}, dòng {number}"
                self.fields[f"{side}-{number}-name"] = _line(f"Họ và tên ({about})", 120)
                self.fields[f"{side}-{number}-position"] = _line(f"Chức vụ ({about})", 120)

    @staticmethod
    def _rows_of(values: Any) -> int:
        typed = str(values.get("rows", "3"))
        return min(max(int(typed), 3), MOST_ATTENDEES) if typed.isascii() and typed.isdigit() and len(typed) < 4 else 3

    @classmethod
    def with_more_rows(cls, year: int, data: QueryDict) -> "JointReviewForm":
        """The same words on a longer form, not judged yet."""
        return cls(year, initial={**data.dict(), "rows": cls._rows_of(data) + 3})

    @property
    def can_grow(self) -> bool:
        return self.rows < MOST_ATTENDEES

    def sides(self) -> list[tuple[str, list[tuple[forms.BoundField, forms.BoundField]]]]:
        numbers = range(1, self.rows + 1)
        return [
            (label, [(self[f"{side}-{n}-name"], self[f"{side}-{n}-position"]) for n in numbers])
            for side, label in self.SIDES
        ]

    def clean(self) -> dict[str, Any]:
        found: dict[str, dict[str, str]] = {"cell": {}, "front": {}}
        for side, label in self.SIDES:
            for number in range(1, self.rows + 1):
                self._read_line(side, number, found[side])
            if not found[side] and not self.errors:
                self.add_error(f"{side}-1-name", f"{label} phải có ít nhất một đồng chí dự họp.")
        for key in found["cell"].keys() & found["front"].keys():
            self.add_error(
                found["front"][key],
                "Một người không thể vừa đại diện chi ủy vừa đại diện Ban công tác Mặt trận. "
                "Nếu là hai người trùng họ tên, xin ghi thêm năm sinh sau họ tên.",
            )
        return self.cleaned_data

    def _read_line(self, side: str, number: int, found: dict[str, str]) -> None:
        """Remember which field holds whom; both halves of a line are needed or neither."""
        name = self.cleaned_data.get(f"{side}-{number}-name", "")
        position = self.cleaned_data.get(f"{side}-{number}-position", "")
        if name and not position:
            self.add_error(f"{side}-{number}-position", "Xin ghi chức vụ.")
        if (position or name) and not search_key(name):
            self.add_error(f"{side}-{number}-name", "Xin ghi họ và tên.")
        if name:
            found[search_key(name)] = f"{side}-{number}-name"

    def attendees(self) -> list[Attendee]:
        return [
            {"side": side, "name": name, "position": self.cleaned_data[f"{side}-{number}-position"]}
            for side, _ in self.SIDES
            for number in range(1, self.rows + 1)
            if (name := self.cleaned_data[f"{side}-{number}-name"])
        ]


def _line(label: str, limit: int) -> Line:
    return Line(label=label, max_length=limit, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"}))


@dataclass(frozen=True)
class Clash:
    """A cell that two people changed to different things."""

    placement: Placement
    meeting: ContactMeeting
    stored: str
    chosen: str

    def words(self) -> tuple[str, str]:
        labels = dict(Attendance.Status.choices)
        return labels.get(self.stored, "chưa ghi"), labels.get(self.chosen, "chưa ghi")


class AttendanceGrid:
    """Members by meetings. What a page showed travels with it, so that only what this person changed is written and
    two people may fill in the same book; where both changed one cell, both words are shown."""

    LETTERS = {"": "-", "present": "p", "excused": "e", "absent": "a"}

    def __init__(self, cell: Organization, year: int) -> None:
        self.placements: list[Placement] = list(Placement.objects.active().of_cell(cell))
        self.meetings = list(meetings_of_year(cell, year))
        known = Attendance.objects.filter(meeting__in=self.meetings, placement__in=self.placements)
        self.stored = {(row[0], row[1]): row[2] for row in known.values_list("meeting_id", "placement_id", "status")}
        self.clashes: list[Clash] = []

    def keep_to(self, shown: str) -> None:
        """Only the meetings that a page shows, in its order: one may have been added since it was opened."""
        known = {str(meeting.pk): meeting for meeting in self.meetings}
        self.meetings = [known[key] for key in shown.split(",") if key in known]

    def rows(self) -> list[tuple[Placement, str, list[tuple[ContactMeeting, str]], list[Clash]]]:
        """(placement, what is stored as one short text, a status for each meeting, what was not saved)."""
        typed = {(clash.meeting.pk, clash.placement.pk): clash.chosen for clash in self.clashes}
        shown = {**self.stored, **typed}
        found = []
        for placement in self.placements:
            keys = [(meeting.pk, placement.pk) for meeting in self.meetings]
            was = "".join(self.LETTERS[self.stored.get(key, "")] for key in keys)
            statuses = [(meeting, shown.get((meeting.pk, placement.pk), "")) for meeting in self.meetings]
            clashes = [clash for clash in self.clashes if clash.placement == placement]
            found.append((placement, was, statuses, clashes))
        return found

    def recorded(self) -> list[tuple[ContactMeeting, int]]:
        """For each meeting how many members have a status."""
        return [(meeting, sum(key[0] == meeting.pk for key in self.stored)) for meeting in self.meetings]

    def changes(self, data: QueryDict) -> dict[ContactMeeting, dict[int, str]]:
        """What the person changed. Raises Refused for a status that does not exist."""
        shown = data.get("meetings", "").split(",")
        found: dict[ContactMeeting, dict[int, str]] = {meeting: {} for meeting in self.meetings}
        for placement in self.placements:
            before = dict(zip(shown, data.get(f"was-{placement.pk}", ""), strict=False))
            for meeting in self.meetings:
                chosen = data.get(f"{meeting.pk}-{placement.pk}")
                if chosen is None:
                    continue
                if chosen not in self.LETTERS:
                    raise Refused("Có ô điểm danh không hợp lệ nên chưa lưu gì. Xin tải lại trang rồi chọn lại.")
                if self.LETTERS[chosen] != before.get(str(meeting.pk), "-"):
                    self._take(found[meeting], placement, meeting, chosen, before.get(str(meeting.pk), "-"))
        return found

    def _take(
        self, found: dict[int, str], placement: Placement, meeting: ContactMeeting, chosen: str, before: str
    ) -> None:
        """A change, unless somebody else has meanwhile changed the same cell to something else."""
        stored = self.stored.get((meeting.pk, placement.pk), "")
        if chosen != stored and self.LETTERS[stored] != before:
            self.clashes.append(Clash(placement, meeting, stored, chosen))
        else:
            found[placement.pk] = chosen

    def fill(self, changes: dict[ContactMeeting, dict[int, str]], meeting_id: str) -> None:
        """Present for everybody of one meeting about whom nothing is recorded, here or meanwhile elsewhere."""
        for meeting in self.meetings:
            if str(meeting.pk) == meeting_id:
                for placement in self.placements:
                    if not changes[meeting].get(placement.pk) and (meeting.pk, placement.pk) not in self.stored:
                        changes[meeting][placement.pk] = Attendance.Status.PRESENT
