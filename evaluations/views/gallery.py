"""Mẫu văn bản: every document drawn from made-up facts, for who configures the system."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from evaluations.gallery import BY_NAME, SPECIMENS, draw
from evaluations.views.documents import pdf
from members.middleware import SignedIn
from members.roles import Action


@require_GET
def page(request: SignedIn) -> HttpResponse:
    _only_for_administrators(request)
    letters = [specimen for specimen in SPECIMENS if not specimen.is_sheet]
    sheets = [specimen for specimen in SPECIMENS if specimen.is_sheet]
    return render(request, "evaluations/gallery.html", {"letters": letters, "sheets": sheets})


@require_GET
def specimen(request: SignedIn, name: str) -> HttpResponse:
    _only_for_administrators(request)
    if name not in BY_NAME:
        raise Http404
    wanted = request.GET.get("ban")
    drawn = draw(BY_NAME[name], is_draft=wanted == "du-thao", is_long=wanted == "ten-dai")
    return pdf(drawn.content, f"mau-{name.replace('_', '-')}")


def _only_for_administrators(request: SignedIn) -> None:
    if not request.user.may(Action.CONFIGURE):
        raise PermissionDenied("Mẫu văn bản dành cho quản trị hệ thống.")
