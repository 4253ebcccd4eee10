"""The commune stands behind what a cell wrote (xác nhận), or asks it to complete the text."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from evaluations import tasks
from evaluations.forms.commune import SendBackForm
from evaluations.models import AssessmentVersion, EvaluationRequest, InnerDeadline, Letter
from evaluations.models.corrections import reopen
from evaluations.models.form_facts import attendance_facts
from evaluations.models.letters import notice_to_cell
from evaluations.views.letters_in import commune_within
from members.middleware import SignedIn
from members.models import Attendance, AuditEvent, Membership, Organization, Seat, User
from members.models.conflicts import conflicts_of, refuse_page, without_conflicts
from members.roles import Action
from members.states import Refused

State = AssessmentVersion.State
ROWS = 150  # an evening's work on one page, so that those to be opened stand together
TWINS = 5  # that are named beside a text; more of them say nothing more
_CELL = ("assessment__placement__cell", "assessment__placement__cell__name")


@dataclass(frozen=True)
class Entry:
    """One submitted text in the list."""

    version: AssessmentVersion
    attendance: dict[str, int]
    reasons: list[str]  # why it has to be opened; none: it may be confirmed from the list
    can_confirm: bool

    @property
    def ratings(self) -> list[tuple[str, str]]:
        version = self.version
        chosen = [(c.short, c.options, version.answer(c.code)["option"]) for c in version.book.criteria]
        return [(short, options[option]) for short, options, option in chosen if option is not None]


def reasons_to_open(version: AssessmentVersion, attendance: dict[str, int], twins: int = 0) -> list[str]:
    """What makes a text more than routine, a Vietnamese sentence each; `twins`: others with the same words."""
    book, found = version.book, []
    for criterion in book.criteria:
        answer = version.answer(criterion.code)
        if answer["no_basis"]:
            found.append(f"Mục {criterion.no}: không có cơ sở để đánh giá.")
        elif answer["option"] == criterion.lowest:
            found.append(f"Mục {criterion.no}: {criterion.options[criterion.lowest]}.")
    advice = version.answer("recommendation")["option"]
    if advice is not None and advice >= book.recommendation.remarks_required_from:
        found.append(f"Đề nghị: {book.recommendation.options[advice]}.")
    found += version.mismatches(attendance)
    if twins:
        found.append(f"Nội dung trùng lặp: phần Nhận xét khác giống nguyên văn {twins} đồng chí khác.")
    if version.is_contested:
        found.append("Chi bộ báo nội dung nhập khác với bản giấy, chưa được trả lời.")
    if version.origin == AssessmentVersion.Origin.CARRIED:
        found.append(f"{version.get_origin_display()}: đối chiếu với chi bộ.")
    if version.no > 1 and not version.keyed_by_id:
        found.append(f"Bản thứ {version.no}, chi bộ đã bổ sung theo đề nghị.")
    return found


@require_http_methods(["GET", "POST"])
def waiting(request: SignedIn, commune_id: int) -> HttpResponse:
    commune = commune_within(request.user, commune_id)
    by = request.user.acting(Action.CONFIRM, commune)
    if request.method == "POST":
        return _confirm_ticked(request, commune, by)
    versions = _submitted(commune, by)
    counted = versions.order_by("assessment__placement__cell__path").values(*_CELL).annotate(n=Count("pk"))
    cell = request.GET.get("chi-bo", "")
    cell = cell if _is_id(cell) else ""
    if cell:
        versions = versions.filter(assessment__placement__cell=int(cell))
    page: Page[AssessmentVersion] = Paginator(versions, ROWS).get_page(request.GET.get("trang"))
    entries = _entries(list(page), by)
    AuditEvent.objects.record_many("read", by=by, model=AssessmentVersion, ids=[row.version.pk for row in entries])
    context = {
        "commune": commune,
        "cells": [(str(pk), name, n) for pk, name, n in counted.values_list(*_CELL, "n")],
        "cell": cell,
        "page": page,
        "page_query": f"chi-bo={cell}&",
        "flagged": [row for row in entries if row.reasons],
        "plain": [row for row in entries if not row.reasons],
        "all_ticked": "chon-het" in request.GET,
        "bound": _about_own_people(commune, by),
    }
    return render(request, "evaluations/confirm_list.html", context)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _submitted(commune: Organization, by: Seat) -> QuerySet[AssessmentVersion]:
    """Texts that wait, with everything a row shows; nobody is shown what is said about himself or his household."""
    workplace = Membership.objects.filter(member=OuterRef("assessment__placement__member"), until_on=None)
    versions = AssessmentVersion.objects.awaiting_confirmation().filter(assessment__placement__commune=commune)
    return (
        without_conflicts(versions, by.user, "assessment__placement__member")
        .select_related(
            "assessment__placement__member",
            "assessment__placement__cell",
            "assessment__placement__commune",
            "joint_review",
            "submitted_by__user",
            "drafted_by",
        )
        .prefetch_related("contests")
        .annotate(workplace=Subquery(workplace.values("cell__parent__name")[:1]))
        .order_by("assessment__placement__cell__path", "assessment__placement__member__sort_key", "pk")
    )


def _about_own_people(commune: Organization, by: Seat) -> int:
    """How many texts wait for a colleague, because they are about the reader or his household."""
    waiting = AssessmentVersion.objects.awaiting_confirmation().filter(assessment__placement__commune=commune)
    return waiting.filter(assessment__placement__member__in=list(conflicts_of(by.user))).count()


def _entries(versions: list[AssessmentVersion], by: Seat) -> list[Entry]:
    tally: dict[tuple[int, int], dict[str, int]] = {}
    for year in {version.assessment.year for version in versions}:
        its = [version.assessment.placement_id for version in versions if version.assessment.year == year]
        tally |= {(year, pk): counts for pk, counts in Attendance.objects.tally(its, year).items()}
    twins = _twins(versions)
    rows = []
    for version in versions:
        attendance = tally.get((version.assessment.year, version.assessment.placement_id), {})
        reasons = reasons_to_open(version, attendance, len(twins.get(version.pk, ())))
        rows.append(Entry(version, attendance, reasons, version.is_confirmable(by)))
    return rows


def _twins(versions: list[AssessmentVersion]) -> dict[int, list[AssessmentVersion]]:
    """{version id: texts about others in the commune with word for word the same remarks}; one query."""
    if not any(version.remarks_key for version in versions):
        return {}
    copies = AssessmentVersion.objects.copies_of(versions, versions[0].assessment.placement.commune)
    copies = copies.select_related("assessment__placement__member", "assessment__placement__cell").order_by("pk")
    by_words: dict[tuple[str, int], list[AssessmentVersion]] = {}
    for copy in copies:
        by_words.setdefault((copy.remarks_key, copy.assessment.year), []).append(copy)
    return {
        version.pk: [
            copy
            for copy in by_words.get((version.remarks_key, version.assessment.year), ())
            if copy.assessment.placement_id != version.assessment.placement_id
        ]
        for version in versions
        if version.remarks_key
    }


def _confirm_ticked(request: SignedIn, commune: Organization, by: Seat) -> HttpResponse:
    """Confirm the ticked texts that need no opening; the rest stays, each for a stated reason."""
    ids = [int(pk) for pk in request.POST.getlist("version") if _is_id(pk)]
    kept: set[str] = set()
    done: Counter[str] = Counter()
    for entry in _entries(list(_submitted(commune, by).filter(pk__in=ids)), by):
        if entry.reasons:
            kept.add("Bản có dấu hiệu cần xem kỹ phải mở từng bản.")
            continue
        try:
            entry.version.confirm(by=by)
            cell = entry.version.assessment.placement.cell
            done[cell.name if cell else ""] += 1
        except Refused as refusal:
            kept.add(str(refusal))
    if done:
        waiting_now = _submitted(commune, by).count()
        by_cell = ", ".join(f"{name} {count}" for name, count in done.items()) if len(done) > 1 else ""
        which = f" ({by_cell})" if by_cell else ""
        messages.success(request, f"Đã xác nhận {done.total()} bản nhận xét{which}. Còn {waiting_now} bản chờ.")
        tasks.wake()
    if left := len(set(ids)) - done.total():
        why = " ".join(sorted(kept)) or "Các bản này không còn chờ xác nhận."
        messages.warning(request, f"{left} bản chưa xác nhận. {why}")
    if not ids:
        messages.info(request, "Chưa đánh dấu bản nào để xác nhận.")
    cell_id = request.GET.get("chi-bo", "")
    return redirect(_list_url(commune.pk) + (f"?chi-bo={cell_id}" if _is_id(cell_id) else ""))


def _list_url(commune_id: int) -> str:
    return reverse("evaluations:confirm_list", args=[commune_id])


@require_http_methods(["GET", "POST"])
def page(request: SignedIn, version_id: int) -> HttpResponse:
    version, by = _version(request.user, version_id)
    if request.method == "GET":
        return _version_page(request, version, by, SendBackForm(version))
    following = _next_to_open(version, by) if "next" in request.POST else None
    version.confirm(by=by)
    tasks.wake()
    messages.success(request, "Đã xác nhận bản nhận xét. Phiếu nhận xét đang được lập.")
    if following:
        return redirect("evaluations:confirm_page", following.pk)
    return redirect(_list_url(version.assessment.placement.commune_id))


def _next_to_open(version: AssessmentVersion, by: Seat) -> AssessmentVersion | None:
    """The following text of the commune that has to be opened, in the order of the list."""
    versions = list(_submitted(version.assessment.placement.commune, by))
    at = next((place for place, row in enumerate(versions) if row.pk == version.pk), -1)
    after = versions[at + 1 : at + 1 + ROWS]
    return next((row.version for row in _entries(after, by) if row.reasons and row.can_confirm), None)


@require_POST
def send_back(request: SignedIn, version_id: int) -> HttpResponse:
    version, by = _version(request.user, version_id)
    form = SendBackForm(version, request.POST)
    if not form.is_valid():
        return _version_page(request, version, by, form)
    if version.state == State.CONFIRMED:
        reopen(version, form.cleaned_data["code"], form.cleaned_data["note"], by=by)
    else:
        version.send_back(form.cleaned_data["code"], form.cleaned_data["note"], by=by)
    _tell_cell(version)
    tasks.wake()
    messages.success(request, "Đã gửi chi bộ đề nghị bổ sung, hoàn chỉnh.")
    return redirect("evaluations:confirm_list", version.assessment.placement.commune_id)


def _version(user: User, version_id: int) -> tuple[AssessmentVersion, Seat]:
    """404 outside reach and for drafts, which belong to the cell; 403 without the task or about one's own people."""
    versions = AssessmentVersion.objects.for_residence(user, Action.SEE_RESIDENTS).exclude(state=State.DRAFT)
    related = ("assessment__placement__member", "assessment__placement__cell", "assessment__placement__commune")
    version = get_object_or_404(
        versions.select_related(*related, "joint_review", "submitted_by__user", "confirmed_by__user", "drafted_by"),
        pk=version_id,
    )
    placement = version.assessment.placement
    by = user.acting(Action.CONFIRM, placement.commune)
    refuse_page(user, placement.member_id)
    return version, by


def _version_page(request: SignedIn, version: AssessmentVersion, by: Seat, form: SendBackForm) -> HttpResponse:
    placement, year = version.assessment.placement, version.assessment.year
    AuditEvent.objects.record("read", by=by, on=version)
    attendance = attendance_facts(placement, year)
    matters = EvaluationRequest.objects.live().filter(assessment=version.assessment)
    twins, bound = _twins([version]).get(version.pk, []), conflicts_of(by.user)
    membership = (
        Membership.objects.filter(member=placement.member, until_on=None).select_related("cell__parent").first()
    )
    return render(
        request,
        "evaluations/confirm_page.html",
        {
            "version": version,
            "placement": placement,
            "year": year,
            "workplace": membership.cell.parent.name if membership and membership.cell.parent else "",
            "answers": _answers(version),
            "advice": _advice(version),
            "reasons": reasons_to_open(version, attendance, len(twins)),
            "twins": [twin for twin in twins if twin.assessment.placement.member_id not in bound][:TWINS],
            "attendance": attendance,
            "cell_people": version.joint_review.names("cell") if version.joint_review else [],
            "front_people": version.joint_review.names("front") if version.joint_review else [],
            "returned": _returned(version),
            "matters": matters.select_related("asker_now").order_by("due_on", "pk"),
            "can_confirm": version.can_confirm(by),
            "is_waiting": version.state == State.SUBMITTED,
            "can_reopen": _is_newest_confirmed(version),
            "form": form,
        },
    )


def _answers(version: AssessmentVersion) -> list[dict[str, Any]]:
    rows = []
    for criterion in version.book.criteria:
        answer = version.answer(criterion.code)
        option = answer["option"]
        rows.append(
            {
                "criterion": criterion,
                "word": "Không có cơ sở để đánh giá"
                if answer["no_basis"]
                else criterion.options[option]
                if option is not None
                else "",
                "facts": answer["facts"],
                "is_flagged": answer["no_basis"] or option == criterion.lowest,
            }
        )
    return rows


def _advice(version: AssessmentVersion) -> str:
    option = version.answer("recommendation")["option"]
    return version.book.recommendation.options[option] if option is not None else ""


def _is_newest_confirmed(version: AssessmentVersion) -> bool:
    later = version.assessment.versions.filter(no__gt=version.no)
    return version.state == State.CONFIRMED and not later.exists()


def _returned(version: AssessmentVersion) -> list[tuple[AssessmentVersion, str]]:
    """Earlier versions that went back, each with the words of its code."""
    earlier = version.assessment.versions.filter(state=State.RETURNED, no__lte=version.no).order_by("-no")
    return [(row, row.book.return_codes.get(row.return_code, "")) for row in earlier]


def _tell_cell(version: AssessmentVersion) -> None:
    cell = version.assessment.placement.cell
    if cell is not None:
        due_on = EvaluationRequest.objects.awaiting_answer().filter(assessment=version.assessment).order_by("due_on")
        own = InnerDeadline.objects.due_on(cell.parent, version.assessment.year)
        due = own or due_on.values_list("due_on", flat=True).first()
        facts: dict[str, object] = {"count": 1, "due_on": due.isoformat() if due else ""}
        notice_to_cell(cell, Letter.Kind.RETURNED, f"version:{version.pk}", facts)
