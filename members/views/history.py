"""The history as people read it: for auditors the acts in their reach, on a person's page who changed and who read."""

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from members.middleware import SignedIn
from members.models import AuditEvent, AuditSeal, Member, User
from members.roles import Action

ROWS = 50
READ = "read"
# Acts that are no change of state; those are named by the state they lead to.
ACTS = {
    READ: "Xem",
    "read_by_code": "Xem bằng mã công văn",
    "export": "Xuất số liệu",
    "issue_slip": "Cấp phiếu mở tài khoản",
    "open_account": "Mở tài khoản bằng phiếu",
    "add_way_in": "Thêm cách đăng nhập",
    "remove_way_in": "Bỏ cách đăng nhập",
    "end_sessions": "Kết thúc phiên ở máy khác",
    "Member.import": "Đưa vào sổ theo dõi",
    "Member.update": "Cập nhật theo danh sách",
    "RosterImport.stage": "Tải danh sách lên",
    "RosterImport.commit": "Đưa danh sách vào sổ",
    "Organization.add": "Lập tổ chức",
    "Placement.assign": "Phân về chi bộ",
    "ContactMeeting.add": "Ghi cuộc họp",
    "Attendance.record": "Điểm danh",
    "JointReview.record": "Ghi cuộc họp với Mặt trận",
    "AssessmentVersion.write": "Soạn nhận xét",
    "Campaign.prepare": "Lập đợt lấy ý kiến",
    "Campaign.present": "Trình ký",
    "Letter.post": "Ghi việc gửi giấy",
}


@dataclass(frozen=True)
class Line:
    """One act in words."""

    event: AuditEvent

    @property
    def act(self) -> str:
        return ACTS.get(self.event.verb) or _moved(self.event.verb)

    @property
    def thing(self) -> str:
        """ "đề nghị nhận xét số 12" or "12 đảng viên"; never a name, an auditor needs none."""
        words = _kind(self.event.object_type)
        if self.event.count == 1:
            return f"{words} số {self.event.object_id}"
        return f"{self.event.count} {words}"


def _moved(verb: str) -> str:
    """ "chuyển bước: đã xác nhận" for the verb that states.move writes."""
    model_name, _, state = verb.partition(".")
    for app in ("members", "evaluations"):
        model = apps.all_models[app].get(model_name.lower())
        if model is not None and hasattr(model, "MOVES"):
            field: Any = model._meta.get_field("state")
            labels = dict(field.flatchoices)
            return f"Chuyển bước: {labels.get(state, state)}"
    return verb


@cache
def _kind(label: str) -> str:
    try:
        return str(apps.get_model(label)._meta.verbose_name)
    except LookupError:
        return label


@require_GET
def history(request: SignedIn) -> HttpResponse:
    """Newest first, by pages that go on where the last one ended; what an auditor reads here is noted as well."""
    grants = request.user.grants(Action.AUDIT)
    if not grants:
        raise PermissionDenied("Kiểm tra lịch sử là việc của cán bộ được giao nhiệm vụ này.")
    found, kept = _chosen(_in_reach(request.user), request)
    before = request.GET.get("truoc", "")
    if before.isdecimal() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    events = list(found.select_related("seat__organization", "user").order_by("-pk")[: ROWS + 1])
    shown = events[:ROWS]
    if shown:
        AuditEvent.objects.record_many(READ, by=grants[0][0], model=AuditEvent, ids=[event.pk for event in shown])
    context = {
        "lines": [Line(event) for event in shown],
        "next_url": f"?{urlencode(kept | {'truoc': shown[-1].pk})}" if len(events) > ROWS else None,
        "kept": kept,
        "head": AuditSeal.objects.order_by("-position").first(),
    }
    return render(request, "members/history.html", context)


def _in_reach(user: User) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(user.reach(Action.AUDIT, "seat__organization__"))


def _chosen(events: QuerySet[AuditEvent], request: SignedIn) -> tuple[QuerySet[AuditEvent], dict[str, str]]:
    """Narrowed by what the form asks; what is no day or no number is left out of it."""
    kept = {name: request.GET.get(name, "").strip()[:60] for name in ("tu", "den", "nguoi", "so", "viec")}
    days = {name: _day(kept[name]) for name in ("tu", "den")}
    if days["tu"]:
        events = events.filter(at__date__gte=days["tu"])
    if days["den"]:
        events = events.filter(at__date__lte=days["den"])
    if kept["nguoi"]:
        events = events.filter(user__username=kept["nguoi"])
    if kept["so"].isdecimal() and len(kept["so"]) < 19:
        events = events.filter(object_id=int(kept["so"]))
    if kept["viec"] in ("xem", "sua"):
        is_read = Q(verb__in=[READ, "read_by_code"])
        events = events.filter(is_read if kept["viec"] == "xem" else ~is_read)
    return events, {name: text for name, text in kept.items() if text}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def lines_about(member: Member) -> list[Line]:
    """The newest acts on one member's own row and placements: who changed, who read."""
    placements = list(member.placements.values_list("pk", flat=True))
    about = Q(object_type="members.Member", object_id=member.pk)
    about |= Q(object_type="members.Placement", object_id__in=placements)
    events = AuditEvent.objects.filter(about).select_related("seat__organization", "user")
    return [Line(event) for event in events.order_by("-pk")[:20]]
