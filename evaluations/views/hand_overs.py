"""Record of hand-over: who gave which paper to whom, and what the post brought back."""

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from evaluations.forms.hand_overs import CameBackForm, HandOverForm
from evaluations.models import HandOver, Letter
from evaluations.models.hand_overs import hand_over_letter, hand_over_pack
from evaluations.models.letters import LetterQuerySet
from members.middleware import SignedIn
from members.models import Organization, Seat, User
from members.models.address_book import may_correct
from members.roles import Action, Side
from members.views.participation import open_cell

State = Letter.State
FROM_WORKPLACE = ("request_letter", "introduction")
FROM_RESIDENCE = ("reply_letter", "counterpart")


@require_http_methods(["GET", "POST"])
def letter(request: SignedIn, letter_id: int) -> HttpResponse:
    """Ghi việc gửi: a letter on paper, posted or handed over, as often as it came back."""
    found = get_object_or_404(_letters(request.user), pk=letter_id)
    seat = _seat(request.user, found)
    form = HandOverForm(HandOver.How.POST, request.user.full_name, request.POST if request.method == "POST" else None)
    if form.is_valid():
        hand_over_letter(found, by=seat, **form.cleaned_data)
        messages.success(request, "Đã ghi nhận công văn giấy được gửi đi.")
        return redirect("evaluations:hand_over_letter", found.pk)
    context = {"letter": found, "form": form, "title": f"Gửi giấy: {found.recipient}", "back_form": CameBackForm()}
    context |= {"hand_overs": found.hand_overs.select_related("recorded_by__user", "returned_by__user")}
    assert found.recipient
    open_entries = Organization.objects.filter(may_correct(request.user), pk=found.recipient.pk, closed_on=None)
    context |= {"may_correct": open_entries.exists()}
    context |= {"can_hand_over": found.state in (State.RENDERED, State.RETURNED_BY_POST)}
    return render(request, "evaluations/hand_over.html", context)


def _letters(user: User) -> LetterQuerySet:
    issuer = "document__issuer__"
    reach = user.reach(Action.SEE_MEMBERS, issuer, Side.WORKPLACE) & Q(document__genre__in=FROM_WORKPLACE)
    reach |= user.reach(Action.SEE_RESIDENTS, issuer, Side.RESIDENCE) & Q(document__genre__in=FROM_RESIDENCE)
    on_paper = Letter.objects.filter(reach, channel=Letter.Channel.PRINT)
    return on_paper.select_related("document__issuer", "document__campaign", "recipient")


def _seat(user: User, letter: Letter) -> Seat:
    assert letter.document
    is_reply = letter.document.genre in FROM_RESIDENCE
    return user.acting(Action.REGISTER if is_reply else Action.PREPARE, letter.document.issuer)


@require_http_methods(["GET", "POST"])
def pack(request: SignedIn, cell_id: int, year: int) -> HttpResponse:
    """Ghi giao bộ phiếu: the forms of a cell have gone to its secretary."""
    cell, _ = open_cell(request, cell_id, year, Action.SEE_RESIDENTS)
    assert cell.parent
    seat = request.user.acting(Action.REGISTER, cell.parent)
    form = HandOverForm(HandOver.How.HAND, request.user.full_name, request.POST if request.method == "POST" else None)
    if form.is_valid():
        hand_over_pack(cell, year, by=seat, **form.cleaned_data)
        messages.success(request, f"Đã ghi nhận giao bộ phiếu cho {cell.name}.")
        return redirect("evaluations:commune_print", cell.parent.pk, year)
    context: dict[str, Any] = {"cell": cell, "year": year, "form": form, "title": f"Giao bộ phiếu: {cell.name}"}
    context |= {"hand_overs": cell.packs_received.filter(year=year).select_related("recorded_by__user")}
    return render(request, "evaluations/hand_over.html", context | {"can_hand_over": True})


@require_POST
def came_back(request: SignedIn, hand_over_id: int) -> HttpResponse:
    posted = HandOver.objects.filter(letter__in=_letters(request.user).values("pk"), how=HandOver.How.POST)
    found = get_object_or_404(posted.select_related("letter__document__issuer"), pk=hand_over_id)
    assert found.letter
    seat = _seat(request.user, found.letter)
    form = CameBackForm(request.POST)
    if form.is_valid():
        found.came_back(form.cleaned_data["on"], form.cleaned_data["reason"], by=seat)
        messages.success(request, "Đã ghi bưu điện hoàn lại. Đồng chí kiểm tra địa chỉ trong danh bạ rồi gửi lại.")
    else:
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    return redirect("evaluations:hand_over_letter", found.letter.pk)
