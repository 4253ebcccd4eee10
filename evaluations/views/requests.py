"""One request of the workplace: where it is, who owes the next step, and the answer."""

from datetime import date
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from evaluations.forms.campaigns import CancelForm
from evaluations.forms.deadlines import ExtensionForm
from evaluations.models import AssessmentVersion, DocumentFile, EvaluationRequest
from evaluations.models.deadlines import extend as give_more_time
from evaluations.models.reply_facts import decline_reason
from evaluations.owing import owed_step, with_step
from evaluations.rulebooks import load
from evaluations.timeline import timeline
from evaluations.views.keyed import scans_of
from evaluations.views.outside import TO_END
from members.middleware import SignedIn
from members.models import AuditEvent, Membership, User
from members.roles import Action
from members.states import WrongState


@require_GET
def page(request: SignedIn, request_id: int) -> HttpResponse:
    """Opening the answer is its reception (answered → received); before that only the state is shown, never a draft."""
    matter = _load(request.user, request_id)
    seat = request.user.acting(Action.RECEIVE, matter.asker_now)
    if matter.can_receive():
        try:
            matter.receive(by=seat)
        except WrongState:  # somebody of the same office opened it a moment earlier
            matter = _load(request.user, request_id)
    # The text is what was read; the member is shown who opened it.
    AuditEvent.objects.record("read", by=seat, on=_answer(matter) or matter)
    return render(request, "evaluations/request_page.html", _context(matter, request.user, CancelForm()))


@require_POST
def cancel(request: SignedIn, request_id: int) -> HttpResponse:
    """Take the request back for good, with the reason."""
    matter = _load(request.user, request_id)
    seat = request.user.acting(Action.PREPARE, matter.asker_now)
    form = CancelForm(request.POST)
    if form.is_valid():
        matter.cancel(form.cleaned_data["reason"], by=seat)
        messages.success(request, "Đã hủy đề nghị nhận xét.")
        return redirect("evaluations:request_page", matter.pk)
    return render(request, "evaluations/request_page.html", _context(matter, request.user, form))


@require_POST
def extend(request: SignedIn, request_id: int) -> HttpResponse:
    """Wait longer for this answer."""
    matter = _load(request.user, request_id)
    seat = request.user.acting(Action.PREPARE, matter.asker_now)
    form = ExtensionForm(request.POST)
    if form.is_valid():
        until = form.cleaned_data["until"]
        give_more_time(matter, until, form.cleaned_data["reason"], by=seat)
        messages.success(request, f"Đã gia hạn đến ngày {until:%d/%m/%Y}. Thư nhắc đi theo hạn mới.")
        if matter.campaign and until >= matter.campaign.self_criticism_on:
            begins_on = matter.campaign.self_criticism_on
            messages.warning(request, f"Hạn mới không còn trước ngày bắt đầu kiểm điểm ({begins_on:%d/%m/%Y}).")
        return redirect("evaluations:request_page", matter.pk)
    return render(request, "evaluations/request_page.html", _context(matter, request.user, CancelForm(), form))


def _load(user: User, request_id: int) -> EvaluationRequest:
    reached = with_step(EvaluationRequest.objects.for_asker(user, Action.SEE_MEMBERS)).select_related(
        "member", "residence_commune__parent", "residence_cell", "asked_by", "asker_now", "campaign", "letter", "reply"
    )
    return get_object_or_404(reached, pk=request_id)


def _context(
    matter: EvaluationRequest, user: User, form: CancelForm, extension: ExtensionForm | None = None
) -> dict[str, Any]:
    membership = Membership.objects.filter(member=matter.member_id, until_on=None).select_related("cell").first()
    version = _answer(matter)
    papers = [paper for paper in (version.form if version else None, matter.reply, matter.letter) if paper]
    # Of somebody who came from another committee the letters are that committee's.
    papers = [paper for paper in papers if matter.asker_now_id == matter.asked_by_id or paper.version_id]
    stored = DocumentFile.objects.filter(document__in=papers, kind=DocumentFile.Kind.ISSUED)
    return {
        "matter": matter,
        "workplace": membership.cell.name if membership else matter.asker_now.name,
        "is_ours": membership is not None,
        "others": _others(matter, user),
        "step": owed_step(matter),
        "steps": timeline(matter),
        "answer": _shown(version) if version else None,
        "form_paper": version.form if version else None,
        "version": version,
        "scans": [file for paper in papers for file in scans_of(paper)] if version or matter.dossier_code else [],
        "may_key": _may_key(user, matter) and matter.state in TO_END,
        "use": use_words(matter),
        "may_use": matter.campaign_id and matter.state == EvaluationRequest.State.RECEIVED and matter.can_consider(),
        "must_verify": matter.state == EvaluationRequest.State.RECEIVED and not matter.can_consider(),
        "stored": set(stored.values_list("document_id", flat=True)),
        "ended_because": _why_ended(matter),
        "form": form,
        "extension": extension or ExtensionForm(),
        "may_extend": matter.state in EvaluationRequest.UNANSWERED and _prepares(user, matter),
        "may_cancel": matter.can_cancel() and _prepares(user, matter),
    }


def _others(matter: EvaluationRequest, user: User) -> list[tuple[str, EvaluationRequest]]:
    """The request this one replaces, the one that replaces it, and the other part of the year."""
    same = EvaluationRequest.objects.for_asker(user, Action.SEE_MEMBERS).exclude(pk=matter.pk)
    near = Q(pk=matter.replaces_id) | Q(replaces=matter.pk)
    if matter.campaign_id and matter.part != "whole":
        near |= Q(campaign=matter.campaign_id, member=matter.member_id, state__in=_LIVE) & ~Q(part="whole")
    rows = same.filter(near).select_related("residence_commune").order_by("pk")
    return [(_tie(matter, other), other) for other in rows]


_LIVE = [state for state in EvaluationRequest.State.values if state not in EvaluationRequest.ENDED]


def _tie(matter: EvaluationRequest, other: EvaluationRequest) -> str:
    if other.pk == matter.replaces_id:
        return "Thay cho đề nghị trước"
    return "Đã thay bằng đề nghị" if other.replaces_id == matter.pk else "Phần khác trong năm"


def use_words(matter: EvaluationRequest) -> str:
    """What the workplace did with the answer."""
    if not matter.considered_on:
        return ""
    words = load().use_codes.get(matter.consider_code, "")
    note = f": {matter.consider_note}" if matter.consider_note else ""
    return f"{words}, họp ngày {matter.considered_on:%d/%m/%Y}{note}"


def _answer(matter: EvaluationRequest) -> AssessmentVersion | None:
    """The text the commune has sent us; what it has confirmed but not yet sent is not ours to read."""
    if matter.reply is None or matter.assessment_id is None or matter.state == EvaluationRequest.State.DECLINED:
        return None
    versions = AssessmentVersion.objects.filter(
        assessment=matter.assessment_id,
        state__in=[AssessmentVersion.State.CONFIRMED, AssessmentVersion.State.REPLACED],
    )
    if not matter.reply.keyed_by_id:
        versions = versions.filter(confirmed_at__lte=matter.reply.issued_at)
    return versions.select_related("form").prefetch_related("contests").order_by("-no").first()


def _shown(version: AssessmentVersion) -> dict[str, Any]:
    """The answer as frozen in the issued form: the same words on screen and on paper."""
    facts = version.form.facts
    advice = facts["recommendation"]
    reasons = {row["no"]: row["reason"] for row in facts["no_basis_reasons"]}
    return {
        "criteria": [
            {
                "no": row["no"],
                "text": row["text"],
                "option": row["options"][row["chosen"]] if row["chosen"] is not None else "",
                "reason": reasons.get(row["no"], ""),
                "facts": row["facts"],
            }
            for row in facts["criteria"]
        ],
        "recommendation": advice["options"][advice["chosen"]] if advice["chosen"] is not None else "",
        "remarks": facts["remarks"],
        "held_on": date.fromisoformat(facts["review"]["held_on"]),
        "labels": facts["labels"],
        "cell": facts["review"]["cell"],
        "front": facts["review"]["front"],
        "attendance": facts["attendance"],
    }


def _why_ended(matter: EvaluationRequest) -> str:
    if matter.state == EvaluationRequest.State.DECLINED:
        return decline_reason(matter)
    return matter.end_note if matter.ended_at else ""


def _may_key(user: User, matter: EvaluationRequest) -> bool:
    """Whether paper about this matter is keyed here: its commune is not on the system, or it came by the portal."""
    return any(seat.organization_id == matter.asker_now_id for seat, _ in user.grants(Action.KEY))


def _prepares(user: User, matter: EvaluationRequest) -> bool:
    return any(seat.organization_id == matter.asker_now_id for seat, _ in user.grants(Action.PREPARE))
