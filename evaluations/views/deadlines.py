"""The commune's one deadline for its cells."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Min
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from evaluations.forms.deadlines import ExtensionForm
from evaluations.models import EvaluationRequest, InnerDeadline
from evaluations.models.deadlines import extend_inner, inner_due_on, set_inner_deadline
from evaluations.views.letters_in import commune_within
from members.middleware import SignedIn
from members.models import AuditEvent
from members.roles import Action
from members.views.participation import FIRST_YEAR


class DeadlineForm(forms.Form):
    due_on = forms.DateField(
        label="Chi bộ gửi nhận xét chậm nhất ngày",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": "Chọn ngày.", "invalid": "Ghi ngày theo dạng ngày/tháng/năm, ví dụ 08/11/2026."},
    )

    def __init__(self, year: int, initial: date | None, data: Any = None) -> None:
        super().__init__(data, initial={"due_on": initial})
        self.year = year

    def clean_due_on(self) -> date:
        day: date = self.cleaned_data["due_on"]
        if not date(self.year, 1, 1) <= day <= date(self.year + 1, 6, 30):
            raise forms.ValidationError(f"Ngày này không thuộc đợt nhận xét năm {self.year}. Xin chọn lại.")
        return day


@require_http_methods(["GET", "POST"])
def inner(request: SignedIn, commune_id: int, year: int) -> HttpResponse:
    if not FIRST_YEAR <= year <= 9000:
        raise Http404
    commune = commune_within(request.user, commune_id)
    by = request.user.acting(Action.ASSIGN, commune)
    stored = InnerDeadline.objects.filter(commune=commune, year=year).select_related("set_by__user").first()
    open_now = EvaluationRequest.objects.awaiting_answer().filter(residence_commune=commune, year=year)
    first = open_now.aggregate(first=Min("due_on"))["first"]
    form = DeadlineForm(year, stored.due_on if stored else first, request.POST or None)
    if form.is_valid():
        day = form.cleaned_data["due_on"]
        set_inner_deadline(commune, year, day, by=by)
        messages.success(request, f"Hạn nội bộ năm {year} của các chi bộ là ngày {day:%d/%m/%Y}.")
        if first and day > first:
            messages.warning(request, f"Hạn này sau hạn trả lời sớm nhất của nơi công tác ({first:%d/%m/%Y}).")
        return redirect("evaluations:home")
    context = {"commune": commune, "year": year, "form": form, "stored": stored, "first": first}
    return render(request, "evaluations/inner_deadline.html", context)


@require_http_methods(["GET", "POST"])
def of_request(request: SignedIn, request_id: int) -> HttpResponse:
    """More time for the cell, for one comrade."""
    reached = EvaluationRequest.objects.for_residence(request.user, Action.SEE_RESIDENTS)
    matter = get_object_or_404(reached.listed(), pk=request_id)
    by = request.user.acting(Action.ASSIGN, matter.residence_commune)
    form = ExtensionForm(request.POST or None)
    if form.is_valid():
        until = form.cleaned_data["until"]
        extend_inner(matter, until, form.cleaned_data["reason"], by=by)
        messages.success(request, f"Chi bộ có thêm thời gian đến ngày {until:%d/%m/%Y} cho đồng chí này.")
        return redirect("evaluations:ward_steps", matter.residence_commune_id)
    AuditEvent.objects.record("read", by=by, on=matter)
    return render(
        request, "evaluations/inner_extension.html", {"matter": matter, "form": form, "inner": inner_due_on(matter)}
    )
