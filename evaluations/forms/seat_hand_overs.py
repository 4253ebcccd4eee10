"""Who hands a task over to whom, for the minutes."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from evaluations.forms.campaigns import DayField
from members.forms.text import Line
from members.models import Seat


class MinutesForm(forms.Form):
    giver = forms.ChoiceField(label="Bên giao")
    receiver = forms.ChoiceField(label="Bên nhận")
    on = DayField(label="Ngày bàn giao")
    note = Line(
        label="Giấy tờ, vật dụng kèm theo",
        required=False,
        max_length=500,
        help_text="Ví dụ: sổ theo dõi, phiếu giấy chưa nhập, con dấu chức danh. Để trống nếu không có.",
    )

    def __init__(self, seats: list[Seat], data: QueryDict | None = None) -> None:
        """`seats`: everybody who holds or held the task, the newest first."""
        today = timezone.localdate()
        newest = seats[0].pk if seats else None
        earlier = seats[1].pk if len(seats) > 1 else newest
        super().__init__(data, initial={"on": today, "giver": earlier, "receiver": newest})
        self.seats = {str(seat.pk): seat for seat in seats}
        for name in ("giver", "receiver"):
            self.fields[name].choices = [("", "để trống, ghi tay"), *((pk, _line(s)) for pk, s in self.seats.items())]  # type: ignore[attr-defined]
            self.fields[name].required = False

    def said(self) -> dict[str, Any]:
        giver, receiver = (self.seats.get(self.cleaned_data[name]) for name in ("giver", "receiver"))
        return {
            "on": self.cleaned_data["on"].isoformat(),
            "giver": giver.user.full_name if giver else "",
            "giver_since": _time(giver),
            "receiver": receiver.user.full_name if receiver else "",
            "receiver_since": _time(receiver),
            "paper": receiver.acting_paper if receiver else "",
            "note": self.cleaned_data["note"],
        }


def _line(seat: Seat) -> str:
    return f"{seat.user.full_name} ({seat.title.lower()}, {_time(seat)})"


def _time(seat: Seat | None) -> str:
    if seat is None:
        return ""
    until = f" đến hết ngày {seat.until_on:%d/%m/%Y}" if seat.until_on else ""
    return f"từ ngày {seat.from_on:%d/%m/%Y}{until}"
