"""What is said about one member, with all its words; and the sending of what is complete."""

from typing import Any, cast

from django import forms
from django.http import QueryDict
from django.utils.html import format_html

from evaluations.forms.ratings import NO_BASIS, NOTHING, Column, Row, choice_of, mark_of, with_choice
from evaluations.models import AssessmentVersion
from evaluations.models.assessments import REMARKS_LIMIT
from members.forms.text import Words
from members.models import JointReview, Organization, Seat

FACTS_LIMIT = 1000


class PersonForm(forms.Form):
    """All that is said about one member: choices, facts, remarks."""

    edit_no = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    remarks = Words(
        label="Nhận xét khác",
        required=False,
        max_length=REMARKS_LIMIT,
        widget=forms.Textarea(attrs={"rows": 7}),
        help_text="Ưu điểm, khuyết điểm cụ thể: việc gì, khi nào, ở đâu. Tối đa 4.000 ký tự.",
    )

    def __init__(self, row: Row, data: QueryDict | None = None, *, is_draft: bool = False) -> None:
        """A draft may still lack what a finished comment needs."""
        self.row, self.is_draft, version = row, is_draft, row.version
        answers = {c.code: version.answer(c.code) if version else NOTHING for c in row.columns}
        initial = {"remarks": version.remarks if version else "", "edit_no": row.edit_no}
        super().__init__(data, initial=initial)
        for column in row.columns:
            self.fields[column.code] = forms.ChoiceField(
                label=column.text,
                choices=column.choices,
                required=False,
                widget=forms.RadioSelect,
                initial=choice_of(answers[column.code]),
            )
            if NO_BASIS in dict(column.choices):
                self.fields[f"{column.code}-facts"] = Words(
                    label="Sự việc, số liệu cụ thể (nếu không có cơ sở để đánh giá: ghi lý do)",
                    required=False,
                    max_length=FACTS_LIMIT,
                    widget=forms.Textarea(attrs={"rows": 2}),
                    initial=answers[column.code]["facts"],
                    help_text=_aside(answers[column.code]),
                )

    def questions(self) -> list[tuple[Column, forms.BoundField, forms.BoundField | None]]:
        return [
            (c, self[c.code], self[f"{c.code}-facts"] if f"{c.code}-facts" in self.fields else None)
            for c in self.row.columns
        ]

    def clean(self) -> dict[str, Any]:
        for column in () if self.is_draft else self.row.columns:
            name = f"{column.code}-facts"
            if (
                self.cleaned_data.get(column.code) == NO_BASIS
                and not self.cleaned_data.get(name)
                and name not in self.errors
            ):
                self.add_error(name, "Xin ghi lý do không có cơ sở để đánh giá.")
        return self.cleaned_data

    def save(self, *, by: Seat) -> AssessmentVersion:
        """Raises EditedMeanwhile when somebody saved after this page was opened."""
        said = self.cleaned_data
        answers = {
            column.code: {
                **with_choice(NOTHING, said[column.code]),
                "facts": said.get(f"{column.code}-facts", ""),
                **self._set_aside(column.code),
            }
            for column in self.row.columns
        }
        assessment = self.row.saved_assessment()
        return assessment.write(answers, said["remarks"], by=by, expected=said["edit_no"], mark=mark_of(self.data))

    def _set_aside(self, code: str) -> dict[str, str]:
        """Words that the grid put aside (`with_choice`) stay there: this page shows them but does not edit them."""
        words = self.row.version.answer(code).get("set_aside", "") if self.row.version else ""
        return {"set_aside": words} if words else {}

    def beside(self, stored: AssessmentVersion) -> list[tuple[str, str, str]]:
        """(heading, what is stored, what was typed here) wherever the two differ."""
        found = []
        for column in self.row.columns:
            answer = stored.answer(column.code)
            theirs = _whole(column.word(choice_of(answer)), answer["facts"])
            mine = _whole(
                column.word(self.cleaned_data[column.code]), self.cleaned_data.get(f"{column.code}-facts", "")
            )
            found.append((column.head, theirs, mine))
        found.append(("Nhận xét khác", stored.remarks or "(để trống)", self.cleaned_data["remarks"] or "(để trống)"))
        return [line for line in found if line[1] != line[2]]


def _aside(answer: dict[str, Any]) -> str:
    words = answer.get("set_aside")
    return format_html("Lời ghi trước khi đổi lựa chọn ở bảng, vẫn được giữ: “{}”.", words) if words else ""


def _whole(word: str, facts: str) -> str:
    return f"{word}. {facts}" if facts else word


class ReviewChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: JointReview) -> str:
        return f"Ngày {obj.held_on:%d/%m/%Y}: {'; '.join([*obj.names('cell'), *obj.names('front')])}"


class SubmitForm(forms.Form):
    review = ReviewChoice(
        JointReview.objects.none(),
        label="Cuộc họp của chi ủy với Ban công tác Mặt trận đã thống nhất các nhận xét này",
        widget=forms.RadioSelect,
        empty_label=None,
        error_messages={
            "required": "Xin chọn cuộc họp với Ban công tác Mặt trận.",
            "invalid_choice": "Cuộc họp đã chọn không thuộc chi bộ hoặc năm nhận xét này.",
        },
    )

    def __init__(self, cell: Organization, year: int, data: QueryDict | None = None) -> None:
        super().__init__(data)
        reviews = JointReview.objects.filter(cell=cell, year=year)
        choice = cast(ReviewChoice, self.fields["review"])
        choice.queryset = reviews
        self.latest = choice.initial = reviews.first()
