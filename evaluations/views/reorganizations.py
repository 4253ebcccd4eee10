"""Sắp xếp tổ chức: a form, what would follow, the confirmation; and the list of what is planned and done."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from evaluations import tasks
from evaluations.forms.reorganizations import FORMS, AddForm, ChangeForm, SplitForm
from evaluations.models import Reorganization
from evaluations.models.changes import Change
from evaluations.models.consequences import consequences, seal
from members.middleware import SignedIn
from members.models import AuditEvent, Member, Organization, Seat
from members.models.tree import action_for, arranged_by, kinds_to_add, reached_by
from members.roles import Action
from members.states import Refused

ROWS = 30


@require_http_methods(["GET", "POST"])
def reorganize(request: SignedIn, organization_id: int, verb: str) -> HttpResponse:
    """Nothing is written before everything that follows was shown as it is at that moment."""
    organization, by = _arranged(request, organization_id, verb)
    form = FORMS[verb](organization, request.user, request.POST if request.method == "POST" else None)
    _note_reading(form, by)
    if form.is_valid() and "edit" not in request.POST:
        change = form.change()
        if problem := change.problem():
            form.add_error(None, problem)
        else:
            return _preview_or_decide(request, form, change, by)
    return render(request, "evaluations/reorganize.html", {"organization": organization, "form": form})


def _arranged(request: SignedIn, organization_id: int, verb: str) -> tuple[Organization, Seat]:
    """Outside what this person sees: nothing there; within, and not his to arrange: refused."""
    if verb not in FORMS:
        raise Http404
    open_now = reached_by(request.user).filter(closed_on=None).select_related("parent")
    organization = get_object_or_404(open_now, pk=organization_id)
    if verb == "them":
        offered = kinds_to_add(request.user, organization)
        action = action_for(offered[0][0]) if offered else None
    else:
        is_his = arranged_by(request.user).filter(pk=organization.pk).exists()
        action = action_for(organization.kind) if is_his else None
    if action is None:
        raise PermissionDenied("Việc sắp xếp tổ chức này do cấp ủy cấp trên làm.")
    if verb == "vao-he-thong" and organization.is_on_system:
        raise Http404
    return organization, request.user.acting(action, organization)


def _note_reading(form: ChangeForm, by: Seat) -> None:
    if isinstance(form, SplitForm) and form.people:
        AuditEvent.objects.record_many("read", by=by, model=Member, ids=form.people)


def _preview_or_decide(request: SignedIn, form: ChangeForm, change: Change, by: Seat) -> HttpResponse:
    lines = consequences(change)
    mark = seal(change, lines)
    if request.POST.get("seen") == mark:
        try:
            row = Reorganization.objects.decide(change, by=_seat(request, form, by))
        except Refused as refusal:
            form.add_error(None, str(refusal))
            return render(request, "evaluations/reorganize.html", {"organization": form.organization, "form": form})
        tasks.wake()
        done = (
            f"Đã thực hiện: {row.words}." if row.executed_at else f"Sẽ thực hiện ngày {row.on:%d/%m/%Y}: {row.words}."
        )
        messages.success(request, done)
        return redirect("evaluations:reorganization", row.pk)
    if "seen" in request.POST:
        messages.warning(request, "Số liệu vừa thay đổi so với lúc đồng chí xem. Xin xem lại rồi xác nhận.")
    sent = [(name, value) for name, values in request.POST.lists() for value in values if name not in NOT_SENT_AGAIN]
    context = {"organization": form.organization, "change": change, "lines": lines, "mark": mark, "sent": sent}
    context["is_ahead"] = change.on > timezone.localdate()
    return render(request, "evaluations/reorganize_preview.html", context)


NOT_SENT_AGAIN = ("csrfmiddlewaretoken", "seen", "edit")


def _seat(request: SignedIn, form: ChangeForm, by: Seat) -> Seat:
    """What is set up may need another grant than the first kind offered."""
    if isinstance(form, AddForm):
        kind = form.cleaned_data["what"].partition("-")[0]
        return request.user.acting(action_for(kind), form.organization)
    return by


@require_GET
def reorganizations(request: SignedIn) -> HttpResponse:
    """What lies ahead first, then what was done."""
    if not (request.user.may(Action.KEEP_CELLS) or request.user.may(Action.ORGANIZE)):
        raise PermissionDenied("Việc sắp xếp tổ chức do cấp ủy cấp trên làm.")
    rows = Reorganization.objects.seen_by(request.user).select_related("organization", "planned_by__user")
    done = rows.exclude(executed_at=None, cancelled_at=None)
    page = Paginator(done.order_by("-on", "-pk"), ROWS).get_page(request.GET.get("trang"))
    context = {"planned": rows.planned().order_by("on", "pk"), "page": page}
    return render(request, "evaluations/reorganization_list.html", context)


@require_GET
def page(request: SignedIn, reorganization_id: int) -> HttpResponse:
    rows = Reorganization.objects.seen_by(request.user).select_related("organization", "made", "planned_by__user")
    row = get_object_or_404(rows, pk=reorganization_id)
    context = {"row": row, "outcome": [(LABELS[name], row.outcome[name]) for name in LABELS if row.outcome.get(name)]}
    return render(request, "evaluations/reorganization.html", context)


LABELS = {
    "organizations": "tổ chức trực thuộc đã chuyển",
    "placements": "đảng viên giữ mối liên hệ đã chuyển",
    "memberships": "đảng viên sinh hoạt đã chuyển",
    "requests": "đề nghị nhận xét đã chuyển",
    "seats": "nhiệm vụ",
}


@require_POST
def cancel(request: SignedIn, reorganization_id: int) -> HttpResponse:
    rows = Reorganization.objects.seen_by(request.user).select_related("organization")
    row = get_object_or_404(rows, pk=reorganization_id)
    kind = row.names.get("kind", row.organization.kind)
    row.cancel(by=request.user.acting(action_for(kind), row.organization))
    messages.success(request, f"Đã hủy: {row.words}.")
    return redirect("evaluations:reorganizations")
