"""Sổ theo dõi: the two books of Regulation 213 on screen, on paper and as a table."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from evaluations.exports import register_export
from evaluations.forms.exports import ReasonForm
from evaluations.forms.registers import WantedForm
from evaluations.models import Bundle, packs
from evaluations.models.registers import INTRODUCED, ORDER, RESIDENTS, Book, Line, lines, placements_in
from evaluations.views.bundles import ordered, recent
from evaluations.views.exports import given_out
from evaluations.views.letters_in import granted
from members.middleware import SignedIn
from members.models import AuditEvent, Organization, Placement, Seat, User
from members.paging import Keys, page_of
from members.roles import Action, Side
from members.sign_in import just_confirmed


@dataclass(frozen=True)
class Shelf:
    """Where a book stands: who may read it, and the addresses of its pages."""

    book: Book
    action: Action
    side: Side
    kind: str
    name: str  # of the page's URL; with "_export" of its table

    def place(self, user: User, organization_id: int) -> tuple[Organization, Seat]:
        """The office whose book it is, and the seat by which this person reads it; outside reach 404."""
        reach = Organization.objects.filter(user.reach(self.action, "", self.side))
        place = get_object_or_404(reach, pk=organization_id)
        return place, user.acting(self.action, place)


OUT = Shelf(INTRODUCED, Action.SEE_MEMBERS, Side.WORKPLACE, Bundle.Kind.INTRODUCED_BOOK, "evaluations:introduced")
IN = Shelf(RESIDENTS, Action.SEE_RESIDENTS, Side.RESIDENCE, Bundle.Kind.RESIDENTS_BOOK, "evaluations:residents")


@require_GET
def shelf(request: SignedIn) -> HttpResponse:
    """Every book this person may open, by office."""
    places: dict[int, dict[str, Any]] = {}
    for action in (Action.SEE_MEMBERS, Action.SEE_RESIDENTS, Action.KEEP_BOOK):
        for seat, _ in request.user.grants(action):
            row = places.setdefault(seat.organization_id, {"place": seat.organization})
            row[action.value] = True
    if not places:
        raise PermissionDenied("Sổ theo dõi, sổ công văn là việc của cán bộ đảng ủy, chi bộ.")
    for row in places.values():
        row |= _kept_at(row["place"])
    return render(request, "evaluations/shelf.html", {"rows": list(places.values())})


def _kept_at(place: Organization) -> dict[str, bool]:
    """Which of the two sides the office has: a commune with cells of its own staff has both."""
    has_residents = bool(place.unit) or place.side == Organization.Side.RESIDENCE
    has_own = place.side != Organization.Side.RESIDENCE
    if place.unit:
        has_own = Organization.objects.below(place).workplace_cells().exists()
    return {"has_residents": has_residents, "has_own": has_own}


@require_http_methods(["GET", "POST"])
def introduced(request: SignedIn, organization_id: int) -> HttpResponse:
    """The workplace's book: who was introduced where and when, and whether the residence side has received him."""
    return _page(request, OUT, organization_id)


@require_http_methods(["GET", "POST"])
def residents(request: SignedIn, organization_id: int) -> HttpResponse:
    """The residence side's book, of a commune or of one of its cells."""
    return _page(request, IN, organization_id)


def _page(request: SignedIn, shelf: Shelf, organization_id: int) -> HttpResponse:
    """A GET reads one page and leaves one line of history; a POST orders the printed book of what is asked for."""
    place, seat = shelf.place(request.user, organization_id)
    form = WantedForm(request.GET)
    wanted = form.wanted()
    if request.method == "POST":
        # Each copy names on every page who took it.
        order = packs.register_book(shelf.book, place, wanted, f"{seat.user_id} {form.scope()}")
        return ordered(request, order, form.scope(), seat)
    rows = placements_in(shelf.book, place, wanted)
    keys = page_of(rows, ORDER, request.GET, form.kept())
    return shown(request, shelf, place, seat, form, keys, lines(keys.ids, shelf.book))


def shown(
    request: SignedIn, shelf: Shelf, place: Organization, seat: Seat, form: WantedForm, keys: Keys, found: list[Line]
) -> HttpResponse:
    if keys.ids:
        AuditEvent.objects.record_many("read", by=seat, model=Placement, ids=keys.ids)
    context = {
        "book": shelf.book,
        "place": place,
        "form": form,
        "kept": urlencode(form.kept()),
        "lines": found,
        "keys": keys,
        "bundles": recent(request, place, [shelf.kind]),
        "may_export": granted(request.user, Action.EXPORT, place),
        "export_form": ReasonForm(),
        "export_url": reverse(f"{shelf.name}_export", args=[place.pk]),
    }
    return render(request, "evaluations/register.html", context)


@require_POST
@just_confirmed
def introduced_export(request: SignedIn, organization_id: int) -> HttpResponse:
    return _table(request, OUT, organization_id)


@require_POST
@just_confirmed
def residents_export(request: SignedIn, organization_id: int) -> HttpResponse:
    return _table(request, IN, organization_id)


def _table(request: SignedIn, shelf: Shelf, organization_id: int) -> HttpResponse:
    """The lines that are asked for as .xlsx, with a reason, logged."""
    place, _ = shelf.place(request.user, organization_id)
    seat, form, wanted = request.user.acting(Action.EXPORT, place), ReasonForm(request.POST), WantedForm(request.GET)
    if not form.is_valid():
        messages.error(request, f"Lý do xuất: {' '.join(str(error) for error in form.errors['reason'])}")
        return redirect(f"{reverse(shelf.name, args=[place.pk])}?{urlencode(wanted.kept())}")
    export = register_export(shelf.book, place, wanted.wanted())
    return given_out(export, place, form.cleaned_data["reason"], seat)
