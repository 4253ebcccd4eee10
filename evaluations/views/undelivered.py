"""Thư chưa gửi được: what did not reach its mailbox and why; sending it again; addresses that sent letters back."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from evaluations import tasks
from evaluations.models import Letter, StoppedAddress
from members.middleware import SignedIn
from members.models import Organization, Seat, User
from members.models.address_book import may_correct
from members.roles import Action

ROWS = 50


@require_GET
def page(request: SignedIn) -> HttpResponse:
    if not _is_theirs(request.user):
        raise PermissionDenied("Trang này dành cho văn thư, cán bộ phụ trách và người quản trị hệ thống.")
    found = Letter.objects.undelivered(request.user).select_related("recipient", "document", "user")
    shown = Paginator(found.order_by("-pk"), ROWS).get_page(request.GET.get("trang"))
    stopped = stopped_for(request.user).select_related("letter__recipient").order_by("-stopped_at")[:ROWS]
    places = {letter.recipient_id for letter in shown} | {row.letter.recipient_id for row in stopped}
    correctable = Organization.objects.filter(may_correct(request.user), pk__in=[place for place in places if place])
    context = {
        "page": shown,
        "letters": [_line(letter) for letter in shown],
        "stopped": stopped,
        "correctable": set(correctable.values_list("pk", flat=True)),
    }
    return render(request, "evaluations/undelivered.html", context)


def stopped_for(user: User) -> Any:
    """Addresses that came back from the offices this person writes to."""
    ours = (
        user.reach(Action.KEEP_ADDRESSES, "letter__document__issuer__")
        | user.reach(Action.KEEP_ADDRESSES, "letter__recipient__parent__")
        | user.reach(Action.CONFIGURE, "letter__recipient__")
    )
    return StoppedAddress.objects.stopped().filter(ours)


def _line(letter: Letter) -> dict[str, Any]:
    is_dead = letter.state == Letter.State.SENDING
    why = f"Máy {letter.lease_host} ngừng khi đang gửi; không rõ thư đã đi hay chưa." if is_dead else letter.last_error
    return {"letter": letter, "why": why, "is_dead": is_dead}


def _is_theirs(user: User) -> bool:
    return user.may(Action.KEEP_ADDRESSES) or user.may(Action.CONFIGURE)


@require_POST
def send_again(request: SignedIn, letter_id: int) -> HttpResponse:
    reached = Letter.objects.undelivered(request.user).select_related("document__issuer", "recipient__parent")
    letter = get_object_or_404(reached, pk=letter_id)
    letter.send_again(by=_seat(request.user, letter))
    tasks.wake()
    messages.success(request, "Đã xếp thư để gửi lại. Kết quả có sau ít phút.")
    return redirect("evaluations:undelivered")


@require_POST
def free(request: SignedIn, stopped_id: int) -> HttpResponse:
    reached = stopped_for(request.user).select_related("letter__document__issuer", "letter__recipient__parent")
    row = get_object_or_404(reached, pk=stopped_id)
    row.free(by=_seat(request.user, row.letter))
    messages.success(request, f"Từ nay lại gửi thư tới {row.address}.")
    return redirect("evaluations:undelivered")


def _seat(user: User, letter: Letter) -> Seat:
    """The seat by which this person looks after the letter: at the office that sent it, or the administrator's."""
    document, recipient = letter.document, letter.recipient
    senders = [document.issuer_id if document else None, recipient.parent_id if recipient else None]
    own = [seat for seat, _ in user.grants(Action.KEEP_ADDRESSES) if seat.organization_id in senders]
    return own[0] if own else user.grants(Action.CONFIGURE)[0][0]
