"""One's own ways of signing in and one's sessions: what may be taken away, and what may be ended."""

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from members.middleware import SignedIn
from members.models import AuditEvent, User
from members.models.slips import end_sessions
from members.sign_in import device, just_confirmed

LAST = (
    "Đây là cách đăng nhập cuối cùng của đồng chí, bỏ đi thì không vào được nữa. Đồng chí thêm cách khác trước, rồi "
    "hãy bỏ cách này."
)


@require_POST
@just_confirmed
def remove(request: SignedIn, way_id: int) -> HttpResponse:
    """Takes a passkey or the code app away; never the last way in, nor the last second factor of who needs one."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=request.user.pk)
        mine = Authenticator.objects.filter(user_id=request.user.pk)
        way = get_object_or_404(mine, pk=way_id)
        kinds = set(mine.exclude(pk=way.pk).values_list("type", flat=True))
        enough = (
            kinds if request.user.needs_second_factor else {*kinds, *("password",) * request.user.has_usable_password()}
        )
        if not enough or (kinds == {"totp"} and not request.user.has_usable_password()):
            # Not Refused: after asking again who sits there, that would show the page that asked.
            messages.error(request, LAST)
            return redirect("mfa_index")
        AuditEvent.objects.record("remove_way_in", by=request.user, on=request.user, fields=[way.type])
        way.delete()
    messages.success(request, "Đã bỏ. Máy đó không đăng nhập được vào tài khoản này nữa.")
    return redirect("mfa_index")


@require_GET
def sessions(request: SignedIn) -> HttpResponse:
    alive = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    rows = UserSession.objects.filter(user_id=request.user.pk, session_key__in=alive).order_by("-last_seen_at")
    context = {"rows": [(row, row.session_key == request.session.session_key, device(row.user_agent)) for row in rows]}
    return render(request, "members/sessions.html", context)


@require_POST
def end_others(request: SignedIn) -> HttpResponse:
    ended = end_sessions(request.user, but=request.session.session_key or "")
    AuditEvent.objects.record("end_sessions", by=request.user, on=request.user)
    messages.success(request, f"Đã kết thúc {ended} phiên ở máy khác. Phiên ở máy này vẫn tiếp tục.")
    return redirect("members:sessions")
