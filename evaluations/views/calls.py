"""Danh sách gọi điện: units that owe a step and that no message reaches, and who has rung them up."""

from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from evaluations.models import Letter
from evaluations.steps import Owed, owed
from members.middleware import SignedIn
from members.models import Organization
from members.roles import Action

SHOWN_FOR = timedelta(days=30)
DONE = 50


@require_GET
def page(request: SignedIn) -> HttpResponse:
    if not request.user.may(Action.CALL):
        raise PermissionDenied("Gọi điện nhắc việc là việc của văn thư và cán bộ phụ trách.")
    places = {seat.organization_id: seat.organization for seat, _ in request.user.grants(Action.CALL)}
    rows = Letter.objects.calls(request.user).select_related("recipient", "caller", "called_by__user")
    waiting = rows.filter(state=Letter.State.RENDERED).order_by("recipient__locality_key", "recipient__name", "pk")
    done = rows.filter(state=Letter.State.SENT, sent_at__gte=timezone.now() - SHOWN_FOR).order_by("-sent_at")[:DONE]
    context = {"callers": [_caller(place, list(waiting)) for place in places.values()], "done": done}
    return render(request, "evaluations/calls.html", context)


def _caller(place: Organization, waiting: list[Letter]) -> dict[str, Any]:
    """What the units of this office owe at this moment: whoever has done it since the morning is not rung up."""
    today = timezone.localdate()
    by_owner: dict[int, list[Owed]] = {}
    for row in owed(caller=place.pk):
        by_owner.setdefault(row.owner, []).append(row)
    calls = [
        _call(letter, by_owner[letter.recipient_id], today)
        for letter in waiting
        if letter.caller_id == place.pk and letter.recipient_id in by_owner
    ]
    everybody = [row for rows in by_owner.values() for row in rows]
    return {
        "organization": place,
        "calls": sorted(calls, key=lambda call: call["due_on"]),
        "units": len(by_owner),
        "due_on": min((row.due_on for row in everybody), default=None),
        "url": settings.PUBLIC_URL,
    }


def _call(letter: Letter, rows: list[Owed], today: date) -> dict[str, Any]:
    due_on = min(row.due_on for row in rows)
    return {
        "letter": letter,
        "unit": letter.recipient,
        "lines": [f"{row.count} {row.step.words}" for row in rows],
        "due_on": due_on,
        "days_late": max((today - due_on).days, 0),
    }


@require_POST
def done(request: SignedIn, letter_id: int) -> HttpResponse:
    letter = get_object_or_404(Letter.objects.calls(request.user).select_related("caller", "recipient"), pk=letter_id)
    assert letter.caller
    assert letter.recipient
    letter.mark_called(by=request.user.acting(Action.CALL, letter.caller))
    messages.success(request, f"Đã ghi: đồng chí đã gọi {letter.recipient.name}.")
    return redirect("evaluations:calls")
