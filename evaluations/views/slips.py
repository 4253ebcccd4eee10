"""Giving out the slips that open accounts: to the secretaries below, and by the administrator to offices."""

from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Min, Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from evaluations import tasks
from evaluations.forms.slips import SlipReasonForm
from evaluations.models.account_notices import tell_of_slip
from evaluations.paper_words import qr
from members.middleware import SignedIn
from members.models import Seat, User
from members.models.slips import account_ways, holders_below, issue_slip
from members.names import search_key
from members.roles import Action

PAGE = 50


@require_GET
def holders(request: SignedIn) -> HttpResponse:
    """Whose accounts this person may open, by organisation."""
    if not request.user.may(Action.HAND_OUT):
        raise PermissionDenied("Đồng chí không có nhiệm vụ cấp phiếu mở tài khoản.")
    words = request.GET.get("tim", "")[:60]
    page = Paginator(_found(holders_below(request.user), words), PAGE).get_page(request.GET.get("trang"))
    people = list(page)
    query = f"{urlencode({'tim': words})}&" if words else ""
    ways = account_ways(people)
    context = {"rows": [(person, ways[person.pk]) for person in people], "page": page, "words": words, "query": query}
    return render(request, "evaluations/slip_list.html", context)


def _found(people: QuerySet[User], words: str) -> QuerySet[User]:
    """By organisation; narrowed to names, user names and organisations in which the words occur, marks or none."""
    seats = Seat.objects.current().select_related("organization")
    people = people.annotate(place=Min("seats__organization__path")).order_by("place", "full_name", "pk")
    if key := search_key(words):
        rows = people.values_list("pk", "full_name", "username", "seats__organization__name")
        people = people.filter(pk__in=[pk for pk, *names in rows if key in search_key(" ".join(names))][:500])
    return people.prefetch_related(Prefetch("seats", seats, to_attr="held"))


@require_http_methods(["GET", "POST"])
def issue(request: SignedIn, user_id: int) -> HttpResponse:
    """What will end, then the slip itself: shown this once, because nothing readable of it is kept."""
    holder = get_object_or_404(holders_below(request.user), pk=user_id)
    form = SlipReasonForm(request.POST if request.method == "POST" else None)
    context = {"holder": holder, "seats_held": holder.seats_now, "way": account_ways([holder])[holder.pk], "form": form}
    if not form.is_valid():
        return render(request, "evaluations/slip_issue.html", context)
    seat = request.user.acting(Action.HAND_OUT, holder.seats_now[0].organization)
    with transaction.atomic():
        slip = issue_slip(holder, by=seat, reason=form.words())
        tell_of_slip(holder, slip.number)
        tasks.wake()
    address = settings.PUBLIC_URL + reverse("members:slip_enter")
    # Behind the #: what stands there is never sent, so that no log and no preview of a chat holds the code.
    printed = {"slip": slip, "address": address, "qr": qr(f"{address}#{slip.code}"), "seat": seat}
    return render(request, "evaluations/slip_print.html", context | printed)
