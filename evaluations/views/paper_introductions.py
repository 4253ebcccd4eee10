"""Giấy giới thiệu đến bằng giấy: the commune enters it, then it goes the way of all others."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from evaluations.forms.paper_introductions import IntroducedForm, PaperIntroductionForm
from evaluations.views.letters_in import commune_within
from members.middleware import SignedIn
from members.roles import Action
from members.states import Refused


@require_http_methods(["GET", "POST"])
def new(request: SignedIn, commune_id: int) -> HttpResponse:
    commune = commune_within(request.user, commune_id)
    by = request.user.acting(Action.REGISTER, commune)
    sent: list[Any] = [request.POST, request.FILES] if request.method == "POST" else []
    form = PaperIntroductionForm(commune, *sent)
    person = IntroducedForm(request.POST if sent else None, prefix="person")
    if form.is_bound and form.is_valid() and person.is_valid():
        try:
            form.save(person, by=by)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Đã vào sổ giấy giới thiệu. Tiếp theo: phân đồng chí ấy về chi bộ.")
            return redirect("evaluations:introductions_in", commune.pk)
    return render(request, "evaluations/paper_introduction.html", {"commune": commune, "form": form, "person": person})
