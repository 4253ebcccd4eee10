"""What a ward, a workplace and an address book can print; every button orders a print copy (views/bundles.py)."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from evaluations.forms.exports import ReasonForm
from evaluations.models import AssessmentVersion, Bundle, Campaign, Document, HandOver, Introduction, Letter, packs
from evaluations.models.print_plans import Order
from evaluations.owing import request_letters
from evaluations.views.archives import campaign_form, commune_form
from evaluations.views.bundles import ordered, recent
from evaluations.views.introductions import committee_within
from evaluations.views.letters_in import commune_within
from evaluations.views.letters_out import workplaces_of
from members.middleware import SignedIn
from members.models import Organization, Placement
from members.models.address_book import address_book
from members.roles import Action

KIND = Bundle.Kind
USED_FOR = "Đưa vào hồ sơ kiểm điểm, đánh giá, xếp loại"
REASON = 200  # letters


@require_http_methods(["GET", "POST"])
def commune(request: SignedIn, commune_id: int, year: int) -> HttpResponse:
    """The ward's packs: all at once or cell by cell, and who has received his."""
    ward = commune_within(request.user, commune_id)
    seat = request.user.acting(Action.SEE_RESIDENTS, ward)
    if request.method == "POST":
        return ordered(request, packs.commune_pack(ward, year), "In để giao các chi bộ", seat)
    cells = _cells(ward, year)
    context = {
        "commune": ward,
        "year": year,
        "cells": cells,
        "left": sum(row["left"] for row in cells),
        "bundles": recent(request, ward, [KIND.COMMUNE_PACK]),
        "may_hand_over": any(seat.organization_id == ward.pk for seat, _ in request.user.grants(Action.REGISTER)),
    }
    return render(request, "evaluations/commune_print.html", context)


def _cells(ward: Organization, year: int) -> list[dict[str, Any]]:
    """Each cell with how many forms it still has to fill in, and its hand-overs; three queries."""
    sent = AssessmentVersion.objects.filter(
        state__in=["submitted", "confirmed"], assessment__year=year, assessment__purpose="annual"
    )
    active = Placement.objects.current().active().filter(commune=ward, cell__isnull=False).order_by()
    everybody = dict(active.values_list("cell").annotate(n=Count("pk")))
    done = active.filter(assessments__versions__in=sent).values_list("cell").annotate(n=Count("pk", distinct=True))
    finished = dict(done)
    hand_overs = Prefetch("packs_received", HandOver.objects.filter(year=year), to_attr="given")
    cells = Organization.objects.residence_cells().filter(parent=ward, pk__in=everybody).prefetch_related(hand_overs)
    return [
        {"cell": cell, "total": everybody[cell.pk], "left": everybody[cell.pk] - finished.get(cell.pk, 0)}
        for cell in cells.order_by("search_key", "pk")
    ]


@require_http_methods(["GET", "POST"])
def returns(request: SignedIn, commune_id: int, year: int) -> HttpResponse:
    """In bộ trả theo nơi công tác: the replies and their forms, one pile for each workplace."""
    ward = commune_within(request.user, commune_id)
    seat = request.user.acting(Action.CONFIRM, ward)
    replies = Document.objects.filter(issuer=ward, genre=Document.Genre.REPLY_LETTER, state=Document.State.ISSUED)
    if request.method == "POST":
        chosen = request.POST.get("workplace", "")
        receivers = Organization.objects.filter(documents_received__in=replies).distinct()
        workplace = get_object_or_404(receivers, pk=int(chosen[:15]) if chosen.isdecimal() else 0)
        order = packs.workplace_answers(ward, workplace, year, request.user)
        return ordered(request, order, "In bộ trả lời gửi nơi công tác", seat)
    counted = (
        replies.filter(answered_requests__year=year)
        .order_by()
        .values("recipient", "recipient__name")
        .annotate(replies=Count("pk", distinct=True), forms=Count("answered_requests", distinct=True))
    )
    context = {
        "commune": ward,
        "year": year,
        "rows": counted.order_by("recipient__search_key", "recipient"),
        "letters": _paper_letters(replies),
        "bundles": recent(request, ward, [KIND.WORKPLACE_ANSWERS, KIND.ARCHIVE]),
        "may_export": (may_export := _exports(request, ward)),
        "export_form": ReasonForm(),
        "archive_form": commune_form(ward, year) if may_export else None,
        "workplaces": workplaces_of(ward),
    }
    return render(request, "evaluations/returns_print.html", context)


def _exports(request: SignedIn, place: Organization) -> bool:
    return any(seat.organization_id == place.pk for seat, _ in request.user.grants(Action.EXPORT))


def _paper_letters(documents: QuerySet[Document]) -> list[Letter]:
    """Replies that have to be sent as paper, those not yet sent first."""
    found = Letter.objects.filter(document__in=documents, channel=Letter.Channel.PRINT)
    rows = found.select_related("document", "recipient").prefetch_related("hand_overs").order_by("-pk")[:50]
    return sorted(rows, key=lambda row: row.state == Letter.State.SENT)


@require_http_methods(["GET", "POST"])
def introductions(request: SignedIn, committee_id: int) -> HttpResponse:
    """In giấy giới thiệu: those that nobody has received yet, one pile for each receiving commune."""
    committee = committee_within(request.user, committee_id)
    seat = request.user.acting(Action.RECEIVE, committee)
    waiting = Introduction.objects.filter(workplace=committee).waiting().order_by()
    if request.method == "POST":
        chosen = request.POST.get("commune", "")
        receivers = Organization.objects.filter(pk__in=waiting.values("commune"))
        place = get_object_or_404(receivers, pk=int(chosen[:15]) if chosen.isdecimal() else 0)
        return ordered(request, packs.introductions(committee, place, request.user), "In để gửi nơi cư trú", seat)
    counted = waiting.values("commune", "commune__name").annotate(count=Count("pk"))
    context = {
        "committee": committee,
        "rows": counted.order_by("commune__search_key", "commune"),
        "bundles": recent(request, committee, [KIND.INTRODUCTIONS]),
    }
    return render(request, "evaluations/introductions_print.html", context)


@require_http_methods(["GET", "POST"])
def campaign(request: SignedIn, campaign_id: int) -> HttpResponse:
    """The workplace's prints: what goes out on paper, what has come back."""
    own = Campaign.objects.for_user(request.user, Action.RECEIVE).select_related("committee")
    found = get_object_or_404(own, pk=campaign_id)
    seat = request.user.acting(Action.RECEIVE, found.committee)
    if request.method == "POST":
        order = _campaign_order(request, found)
        reason = request.POST.get("reason", "").strip()[:REASON] or _usual_reason(order.kind)
        return ordered(request, order, reason, seat)
    letters = [letter for letter in request_letters(found) if letter.recipient and not letter.recipient.is_on_system]
    context = {
        "campaign": found,
        "letters": [(letter, list(letter.letters.all())) for letter in letters if letter.state == "issued"],
        "answered": found.requests.filter(state__in=packs.OUT).count(),
        "reason": USED_FOR,
        "bundles": recent(
            request,
            found.committee,
            [KIND.CAMPAIGN_ANSWERS, KIND.COMMUNE_ANSWERS, KIND.LETTER_PACK, KIND.ARCHIVE],
            found.pk,
        ),
        "may_export": (may_export := _exports(request, found.committee)),
        "export_form": ReasonForm(),
        "archive_form": campaign_form(found) if may_export else None,
        "may_print": request.user.may(Action.KEEP_ADDRESSES),
    }
    return render(request, "evaluations/campaign_print.html", context)


def _campaign_order(request: SignedIn, found: Campaign) -> Order:
    wanted, commune_id = request.POST.get("kind"), request.POST.get("commune", "")
    if wanted not in (KIND.COMMUNE_ANSWERS, KIND.LETTER_PACK):
        return packs.campaign_answers(found, request.user)
    asked = Organization.objects.filter(requests_to_commune__campaign=found).distinct()
    place = get_object_or_404(asked, pk=int(commune_id[:15]) if commune_id.isdecimal() else 0)
    if wanted == KIND.LETTER_PACK:
        return packs.letter_pack(found, place)
    return packs.commune_answers(found, place, request.user)


def _usual_reason(kind: str) -> str:
    return "In để gửi nơi cư trú" if kind == KIND.LETTER_PACK else USED_FOR


@require_POST
def addresses(request: SignedIn) -> HttpResponse:
    """Labels or envelopes for the committees that were ticked in the address book."""
    keeping = request.user.grants(Action.KEEP_ADDRESSES)
    if not keeping:
        raise PermissionDenied("In nhãn, bì thư là việc của văn thư, cán bộ đảng ủy.")
    seat = keeping[0][0]
    chosen = [int(pk[:15]) for pk in request.POST.getlist("to") if pk.isdecimal()]
    receivers = list(address_book().filter(pk__in=chosen[:1000]))
    if not receivers:
        messages.info(request, "Xin đánh dấu ít nhất một đơn vị rồi in.")
        return redirect("members:address_book")
    paper, year = request.POST.get("paper"), timezone.localdate().year
    order = packs.labels(seat.organization, receivers, year)
    if paper in ("DL", "C5"):
        order = packs.envelopes(seat.organization, receivers, year, paper)
    return ordered(request, order, "In nhãn, bì thư", seat)
