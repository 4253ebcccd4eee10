"""A request on paper: the letter, and people typed from it one by one."""

import csv
import io
from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict

from evaluations.forms.campaigns import DayField
from evaluations.forms.keying import ScanField
from evaluations.models import Document
from evaluations.models.incoming import PaperRequest, add_to_address_book, known_senders, register_on_paper
from members.forms.text import Line
from members.models import Organization, Seat
from members.names import search_key
from members.roster import Roster, RosterError, parse_roster

ANSWER_WITHIN = timedelta(days=30)


class SenderForm(forms.Form):
    """A committee on paper, from the address book or new in it."""

    asker = Line(
        label="Đảng ủy gửi",
        max_length=200,
        help_text="Gõ vài chữ rồi chọn trong danh bạ; chưa có thì ghi đủ tên và đánh dấu ô bên dưới.",
        widget=forms.TextInput(attrs={"list": "askers", "autocomplete": "off"}),
        error_messages={"required": "Ghi tên đảng ủy gửi."},
    )
    is_new = forms.BooleanField(label="Thêm vào danh bạ (chưa có trong danh bạ)", required=False)
    address = Line(label="Địa chỉ nhận trả lời", max_length=250, required=False, help_text="Ghi khi thêm vào danh bạ.")
    phone = Line(label="Điện thoại", max_length=40, required=False)

    def __init__(self, commune: Organization, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commune, self.book = commune, known_senders(commune)

    @property
    def names(self) -> list[str]:
        return sorted(entry.name for entry in self.book.values())

    def check_sender(self) -> None:
        asker = self.cleaned_data.get("asker")
        if asker and not self.cleaned_data.get("is_new") and search_key(asker) not in self.book:
            self.add_error("is_new", "Chưa có đảng ủy tên này trong danh bạ. Xem lại tên, hoặc đánh dấu để thêm vào.")
        if asker and not search_key(asker):
            self.add_error("asker", "Ghi tên đảng ủy gửi.")

    def sender(self, *, by: Seat) -> Organization:
        """The entry of the address book; made when it is new. In the transaction of what it is for."""
        said = self.cleaned_data
        return self.book.get(search_key(said["asker"])) or add_to_address_book(
            self.commune, said["asker"], by=by, address=said["address"], phone=said["phone"]
        )


class IncomingForm(SenderForm):
    number = Line(
        label="Số, ký hiệu công văn",
        max_length=40,
        help_text="Như trên giấy, ví dụ 12-CV/ĐU.",
        error_messages={"required": "Ghi số, ký hiệu như trên giấy."},
    )
    dated_on = DayField(label="Ngày công văn")
    received_on = DayField(label="Ngày đến")
    registered_no = Line(label="Số đến", max_length=12, required=False, help_text="Số trong sổ công văn đến.")
    year = forms.IntegerField(
        label="Năm nhận xét",
        error_messages={"required": "Ghi năm nhận xét.", "invalid": "Ghi năm bằng bốn chữ số."},
    )
    due_on = DayField(label="Hạn trả lời", help_text="Công văn không ghi hạn thì giữ ngày gợi ý.")

    def __init__(
        self,
        commune: Organization,
        data: QueryDict | None = None,
        files: "MultiValueDict[str, UploadedFile[Any]] | None" = None,
    ) -> None:
        today = timezone.localdate()
        initial = {"received_on": today, "year": today.year, "due_on": today + ANSWER_WITHIN}
        super().__init__(commune, data, files, initial=initial)
        self.fields["scan"] = ScanField(required=False, label="Bản chụp công văn")

    def clean_year(self) -> int:
        year: int = self.cleaned_data["year"]
        this_year = timezone.localdate().year
        if not this_year - 1 <= year <= this_year + 1:
            raise forms.ValidationError(f"Năm nhận xét từ {this_year - 1} đến {this_year + 1}.")
        return year

    def clean(self) -> dict[str, Any]:
        data, today = self.cleaned_data, timezone.localdate()
        dated, received, due = data.get("dated_on"), data.get("received_on"), data.get("due_on")
        self.check_sender()
        if received and received > today:
            self.add_error("received_on", "Ngày đến chưa tới. Kiểm tra lại.")
        elif dated and received and dated > received:
            self.add_error("dated_on", "Ngày công văn sau ngày đến. Kiểm tra lại.")
        if due and received and due < received:
            self.add_error("due_on", "Hạn trả lời trước ngày đến. Kiểm tra lại.")
        return data

    @transaction.atomic
    def save(self, *, by: Seat) -> Document:
        said, asker = self.cleaned_data, self.sender(by=by)
        names = ("number", "dated_on", "received_on", "due_on", "year", "registered_no", "scan")
        return register_on_paper(self.commune, PaperRequest(asker, **{name: said[name] for name in names}), by=by)


class TypedPersonForm(forms.Form):
    """One person of a short list: read and checked like a row of a workbook."""

    COLUMNS: ClassVar[dict[str, str]] = {
        "full_name": "Họ và tên",
        "birth_date": "Ngày sinh",
        "joined_on": "Ngày vào Đảng",
        "workplace_cell": "Chi bộ",
        "position": "Chức vụ",
        "neighborhood": "Tổ dân phố",
        "address": "Số nhà, đường",
    }
    full_name = Line(label="Họ và tên", max_length=120, error_messages={"required": "Ghi họ và tên."})
    birth_date = Line(
        label="Ngày sinh",
        max_length=20,
        help_text="Ngày/tháng/năm, hoặc chỉ năm.",
        error_messages={"required": "Ghi ngày sinh hoặc năm sinh."},
    )
    joined_on = Line(label="Ngày vào Đảng", max_length=20, required=False)
    workplace_cell = Line(label="Chi bộ nơi công tác", max_length=120, required=False)
    position = Line(label="Chức vụ", max_length=120, required=False)
    neighborhood = Line(label="Tổ dân phố, thôn", max_length=120, required=False)
    address = Line(label="Số nhà, đường", max_length=120, required=False)

    def roster(self) -> Roster:
        """Raises RosterError."""
        sheet = io.StringIO()
        csv.writer(sheet).writerows([list(self.COLUMNS.values()), [self.cleaned_data[name] for name in self.COLUMNS]])
        return parse_roster(sheet.getvalue().encode(), "ghi-tay.csv", today=timezone.localdate())

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            try:
                self.read = self.roster()
            except RosterError as problem:
                self.add_error(None, str(problem))
        return self.cleaned_data
