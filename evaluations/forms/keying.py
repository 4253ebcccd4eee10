"""Keying a signed paper: what it says, word for word, and what is known about the sheet itself."""

from datetime import date
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict

from evaluations.forms.assessments import FACTS_LIMIT
from evaluations.forms.campaigns import DayField
from evaluations.forms.ratings import NO_BASIS, NOTHING, Column, choice_of, columns, with_choice
from evaluations.models import Assessment, AssessmentVersion, Document
from evaluations.models.assessments import REMARKS_LIMIT
from evaluations.models.checks import NOTE_LIMIT, Verification
from evaluations.models.keying import Paper, PaperReply
from evaluations.rulebooks import load
from members.forms.text import Line, Words
from members.models import Seat

MAX_SCAN = 5 * 1024 * 1024
# First bytes → what it is. Nothing else is kept, whatever the file is called.
KINDS = {b"%PDF-": "application/pdf", b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
Origin = AssessmentVersion.Origin


def content_type(content: bytes) -> str:
    """By the first bytes, "" for what is neither PDF nor picture."""
    return next((kind for start, kind in KINDS.items() if content.startswith(start)), "")


class ScanField(forms.FileField):
    """A PDF or photo of a sheet, read at once; `clean` returns its bytes."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label=kwargs.pop("label", "Bản chụp tờ giấy"),
            help_text="Tệp PDF, JPG hoặc PNG, không quá 5 MB.",
            widget=forms.FileInput(attrs={"accept": ".pdf,.jpg,.jpeg,.png"}),
            error_messages={
                "required": "Chọn tệp bản chụp.",
                "empty": "Tệp bản chụp trống; chụp lại rồi chọn tệp mới.",
            },
            **kwargs,
        )

    def clean(self, data: Any, initial: Any = None) -> Any:
        upload: UploadedFile[Any] | None = super().clean(data, initial)
        if not upload:
            return None
        if (upload.size or 0) > MAX_SCAN:
            raise forms.ValidationError("Tệp lớn hơn 5 MB. Chụp ở độ phân giải thấp hơn rồi chọn lại.")
        content = upload.read()
        if not content_type(content):
            raise forms.ValidationError("Tệp này không phải PDF, JPG hay PNG. Chụp hoặc quét lại rồi chọn tệp mới.")
        return content


class RatingFields(forms.Form):
    """One choice for each criterion, empty to begin with."""

    def add_ratings(self, shown: list[Column], initial: dict[str, str] | None = None) -> None:
        self.columns = shown
        for column in shown:
            self.fields[column.code] = forms.ChoiceField(
                label=column.text,
                choices=column.choices,
                widget=forms.RadioSelect,
                initial=(initial or {}).get(column.code),
                error_messages={
                    "required": "Chọn mức đánh dấu trên giấy. Giấy để trống: chọn “Không có cơ sở để đánh giá”."
                    if NO_BASIS in dict(column.choices)
                    else "Chọn mục Đề nghị ghi trên giấy."
                },
            )

    def add_reason(self, column: Column, initial: str = "") -> None:
        self.fields[f"{column.code}-facts"] = Words(
            label="Sự việc, lý do ghi trên giấy (nếu không có cơ sở để đánh giá: ghi lý do)",
            required=False,
            max_length=FACTS_LIMIT,
            widget=forms.Textarea(attrs={"rows": 2}),
            initial=initial,
        )

    def check_reasons(self) -> None:
        for column in self.columns:
            name = f"{column.code}-facts"
            is_asked = self.cleaned_data.get(column.code) == NO_BASIS and name in self.fields
            if is_asked and name not in self.errors and not self.cleaned_data.get(name):
                self.add_error(name, "Ghi lý do không có cơ sở để đánh giá, như trên giấy.")

    def answer(self, code: str) -> dict[str, Any]:
        said = self.cleaned_data
        return {**with_choice(NOTHING, said[code]), "facts": said.get(f"{code}-facts", "")}

    def questions(self) -> list[tuple[Column, forms.BoundField, forms.BoundField | None]]:
        return [
            (c, self[c.code], self[f"{c.code}-facts"] if f"{c.code}-facts" in self.fields else None)
            for c in self.columns
        ]


class KeyForm(RatingFields):
    """The whole sheet."""

    expected = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    origin = forms.ChoiceField(label="Bản giấy đến bằng cách nào", widget=forms.RadioSelect)
    remarks = Words(
        label="Nhận xét khác, ghi đúng từng chữ trên giấy",
        required=False,
        max_length=REMARKS_LIMIT,
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    met_on = DayField(label="Ngày chi ủy họp với Ban công tác Mặt trận")
    on_paper_on = DayField(label="Ngày ghi trên phiếu")
    signer_name = Line(
        label="Họ và tên người ký phiếu", max_length=120, error_messages={"required": "Ghi họ và tên người ký phiếu."}
    )
    signer_position = Line(
        label="Chức vụ người ký",
        max_length=80,
        error_messages={"required": "Ghi chức vụ người ký, ví dụ Bí thư."},
    )
    paper_reason = forms.ChoiceField(
        label="Vì sao làm trên giấy",
        choices=[("", "Chọn lý do"), *AssessmentVersion.PaperReason.choices],
        error_messages={"required": "Chọn lý do làm trên giấy."},
    )
    paper_note = Line(label="Ghi chú về bản giấy", max_length=300, required=False)

    def __init__(
        self,
        assessment: Assessment,
        latest: AssessmentVersion | None,
        like: AssessmentVersion | None,
        *,
        has_portal: bool = False,
        data: QueryDict | None = None,
        files: "MultiValueDict[str, UploadedFile[Any]] | None" = None,
    ) -> None:
        """`latest` was keyed before and is corrected; `like` is a sheet of the same pile, for what they share."""
        self.assessment = assessment
        self.is_foreign = not assessment.placement.commune.is_on_system
        self.is_correction = latest is not None and bool(latest.keyed_by_id)
        super().__init__(data, files, initial=self._initial(latest, like))
        source = latest if self.is_correction else None
        self.add_ratings(
            columns(load(latest.rulebook) if latest else load()),
            {c.code: choice_of(source.answer(c.code)) for c in columns(source.book)} if source else None,
        )
        for column in self.columns:
            if NO_BASIS in dict(column.choices):
                self.add_reason(column, source.answer(column.code)["facts"] if source else "")
        self._add_paper(has_portal, like)

    def _initial(self, latest: AssessmentVersion | None, like: AssessmentVersion | None) -> dict[str, Any]:
        known = latest if self.is_correction else like
        first: dict[str, Any] = {"expected": latest.no if latest else 0, "origin": Origin.PAPER}
        if known is not None:
            names = ["met_on", "on_paper_on", "signer_name", "signer_position", "paper_reason"]
            first |= {name: getattr(known, name) for name in names}
        if self.is_correction and latest is not None:
            first |= {"remarks": latest.remarks, "paper_note": latest.paper_note, "origin": latest.origin}
        return first

    def _add_paper(self, has_portal: bool, like: AssessmentVersion | None) -> None:
        place = self.assessment.placement.commune.name if self.is_foreign else "Chi bộ"
        choices = [(Origin.PAPER, f"{place} gửi"), (Origin.CARRIED, Origin.CARRIED.label)]
        origin: Any = self.fields["origin"]
        origin.choices = [*choices, *([(Origin.PORTAL, Origin.PORTAL.label)] if has_portal else [])]
        self.fields["scan"] = ScanField(required=False)
        if not self.is_foreign:
            return
        typed = like_letter(like)
        self.fields["reply_number"] = Line(
            label="Số, ký hiệu công văn trả lời",
            max_length=40,
            required=False,
            initial=typed.number if typed else "",
            help_text="Như trên giấy, ví dụ 45-CV/ĐU. Không có công văn kèm theo thì để trống.",
        )
        self.fields["reply_on"] = DayField(
            label="Ngày công văn trả lời", required=False, initial=typed.issued_on if typed else None
        )

    def clean(self) -> dict[str, Any]:
        self.check_reasons()
        data, today = self.cleaned_data, timezone.localdate()
        met, written, replied = data.get("met_on"), data.get("on_paper_on"), data.get("reply_on")
        first = date(self.assessment.year, 1, 1)
        for name, day in (("met_on", met), ("on_paper_on", written), ("reply_on", replied)):
            if day and day > today:
                self.add_error(name, "Ngày này chưa đến. Kiểm tra lại năm ghi trên giấy.")
            elif day and day < first:
                self.add_error(name, f"Ngày này trước năm nhận xét {self.assessment.year}.")
        if met and written and met > written:
            self.add_error("on_paper_on", "Ngày ghi trên phiếu trước ngày họp với Ban công tác Mặt trận.")
        if bool(data.get("reply_number")) != bool(replied) and "reply_on" not in self.errors:
            name = "reply_on" if data.get("reply_number") else "reply_number"
            self.add_error(name, "Ghi cả số và ngày của công văn trả lời, hoặc để trống cả hai.")
        if data.get("paper_reason") == AssessmentVersion.PaperReason.OTHER and not data.get("paper_note"):
            self.add_error("paper_note", "Ghi rõ lý do làm trên giấy.")
        return data

    def paper(self) -> Paper:
        said = self.cleaned_data
        number = said.get("reply_number")
        return Paper(
            answers={column.code: self.answer(column.code) for column in self.columns},
            remarks=said["remarks"],
            met_on=said["met_on"],
            on_paper_on=said["on_paper_on"],
            signer_name=said["signer_name"],
            signer_position=said["signer_position"],
            reason=said["paper_reason"],
            note=said["paper_note"],
            origin=said["origin"],
            scan=said["scan"],
            reply=PaperReply(number, said["reply_on"]) if number else None,
        )


def like_letter(like: AssessmentVersion | None) -> Document | None:
    """The covering letter of the sheet keyed before this one."""
    if like is None:
        return None
    matter = like.assessment.requests.filter(reply__keyed_by__isnull=False).select_related("reply").first()
    return matter.reply if matter and matter.reply and matter.reply.number else None


def last_keyed_like(assessment: Assessment, by: Seat) -> AssessmentVersion | None:
    """The sheet this person keyed last from the same pile: one cell, or one commune on paper, meets once for many."""
    placement = assessment.placement
    pile = {"cell": placement.cell} if placement.cell else {"commune": placement.commune, "cell": None}
    found = AssessmentVersion.objects.filter(
        keyed_by__user=by.user_id,
        assessment__year=assessment.year,
        **{f"assessment__placement__{name}": value for name, value in pile.items()},
    )
    return found.order_by("-keyed_at").first()


class ContestForm(forms.Form):
    note = Words(
        label="Nội dung nhập khác với bản giấy ở chỗ nào",
        max_length=NOTE_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Ví dụ: mục 3 trên giấy ghi “Tham gia đầy đủ”.",
        error_messages={"required": "Ghi một câu: khác ở mục nào, trên giấy ghi thế nào."},
    )


class SettleForm(forms.Form):
    note = Words(
        label="Trả lời chi bộ",
        max_length=NOTE_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Đã đối chiếu với bản giấy nào, vì sao giữ nguyên nội dung đã nhập.",
        error_messages={"required": "Ghi lý do giữ nguyên nội dung đã nhập."},
    )


class ScanForm(forms.Form):
    scan = ScanField()


class PortalForm(forms.Form):
    code = Line(
        label="Mã hồ sơ",
        max_length=40,
        help_text="Mã hồ sơ trên Cổng dịch vụ công, ghi ở giấy hẹn hoặc kết quả.",
        error_messages={"required": "Ghi mã hồ sơ thủ tục 2.002753."},
    )
    on = DayField(label="Ngày trả kết quả")
    scan = ScanField(label="Tệp kết quả")

    def clean_on(self) -> date:
        day: date = self.cleaned_data["on"]
        if day > timezone.localdate():
            raise forms.ValidationError("Ngày này chưa đến. Kiểm tra lại năm.")
        return day


class VerifyForm(forms.Form):
    method = forms.ChoiceField(
        label="Đối chiếu bằng cách nào",
        choices=Verification.Method.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Chọn cách đối chiếu."},
    )
    result = forms.ChoiceField(
        label="Kết quả",
        choices=Verification.Result.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Chọn kết quả đối chiếu."},
    )
    note = Words(
        label="Đã hỏi ai, nội dung trao đổi",
        max_length=NOTE_LIMIT,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": "Ghi đã hỏi ai, trao đổi điều gì."},
    )
    verified_on = DayField(label="Ngày đối chiếu")

    def clean_verified_on(self) -> date:
        day: date = self.cleaned_data["verified_on"]
        if day > timezone.localdate():
            raise forms.ValidationError("Ngày này chưa đến.")
        return day


class AgainForm(RatingFields):
    """The second keying: ratings only, on an empty sheet."""

    def __init__(self, version: AssessmentVersion, data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.add_ratings(columns(version.book))

    def chosen(self) -> dict[str, str]:
        return {column.code: self.cleaned_data[column.code] for column in self.columns}


class CompareForm(RatingFields):
    """Where two keyings differ: what the paper really says."""

    def __init__(self, version: AssessmentVersion, codes: list[str], data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.version = version
        self.add_ratings([column for column in columns(version.book) if column.code in codes])
        for column in self.columns:
            if NO_BASIS in dict(column.choices):
                self.add_reason(column, version.answer(column.code)["facts"])

    def clean(self) -> dict[str, Any]:
        self.check_reasons()
        return self.cleaned_data

    def rows(self) -> list[dict[str, Any]]:
        again = self.version.keyed_again or {}
        return [
            {
                "column": column,
                "first": column.word(choice_of(self.version.answer(column.code))),
                "second": column.word(again.get(column.code, "")),
                "choice": choice,
                "facts": facts,
            }
            for column, choice, facts in self.questions()
        ]

    def answers(self) -> dict[str, dict[str, Any]]:
        return {column.code: self.answer(column.code) for column in self.columns}
