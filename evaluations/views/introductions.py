"""Giấy giới thiệu, the workplace's side: whom to introduce, the signer's folder, and what became of each."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from evaluations.forms.introductions import DraftForm, EndForm, PaperCounterpartForm
from evaluations.models import Introduction, ResidenceReport
from evaluations.models.introduction_issue import drafts_of, folder, present_drafts, sent_back, take_back_drafts
from evaluations.models.introductions import IntroductionQuerySet
from evaluations.models.receptions import key_counterpart
from evaluations.rulebooks import load
from evaluations.views.letters_in import granted
from members.middleware import SignedIn
from members.models import AuditEvent, Member, Membership, Organization, Placement, User
from members.names import search_key
from members.roles import Action, Side
from members.states import Refused

ROWS = 50
# A committee may have a thousand to introduce in its first week; what is drafted makes room for the next.
AT_ONCE = 150
State = Introduction.State
# The steps as the workplace counts them.
SHOWN = (State.ISSUED, State.AT_COMMUNE, State.ASSIGNED, State.ACCEPTED, State.RETURNED, State.CLOSED)


def committee_within(user: User, committee_id: int) -> Organization:
    """A workplace committee within the person's reach; else 404."""
    reached = Organization.objects.filter(user.reach(Action.SEE_MEMBERS, "", Side.WORKPLACE), closed_on=None)
    return get_object_or_404(reached.exclude(kind=Organization.Kind.CELL), pk=committee_id)


@require_GET
def overview(request: SignedIn, committee_id: int) -> HttpResponse:
    """What needs attention, what waits for the signer, and everybody's step."""
    committee = committee_within(request.user, committee_id)
    seat = request.user.acting(Action.RECEIVE, committee)
    own = Introduction.objects.filter(workplace=committee)
    counts, step = own.by_state(), request.GET.get("buoc", "")
    rows = (
        own.filter(state=step) if step in State.values else own.filter(state__in=[*Introduction.UNDERWAY, "accepted"])
    )
    page = Paginator(rows.listed(), ROWS).get_page(request.GET.get("trang"))
    attention, drafts = list(own.unsettled().listed()), list(drafts_of(committee).listed()[:AT_ONCE])
    shown = {row.pk for row in (*page, *attention, *drafts)}
    AuditEvent.objects.record_many("read", by=seat, model=Introduction, ids=shown)
    context = {
        "committee": committee,
        "page": page,
        "query": f"buoc={step}&" if step in State.values else "",
        "step": step,
        "steps": [(state.value, state.label, counts.get(state, 0)) for state in SHOWN if counts.get(state)],
        "attention": [(row, _why_back(row)) for row in attention],
        "reports": _reports(committee),
        "drafts": [row for row in drafts if not row.document or row.document.state == "draft"],
        "waiting": folder(committee).count(),
        "late": own.overdue().count(),
        "sent_back": sent_back(committee),
        "may_prepare": granted(request.user, Action.PREPARE, committee),
        "may_sign": granted(request.user, Action.SIGN, committee),
    }
    return render(request, "evaluations/introductions.html", context)


def _reports(committee: Organization) -> list[tuple[ResidenceReport, Member | None]]:
    """What residences told of their own accord, each with the one member who may be meant."""
    reports = list(ResidenceReport.objects.filter(workplace=committee).to_settle().listed()[:AT_ONCE])
    named: dict[tuple[str, int | None], list[Member]] = {}
    keys = {search_key(report.name) for report in reports}
    for member in Member.objects.in_committee(committee).filter(search_key__in=keys).order_by("pk"):
        named.setdefault((member.search_key, member.birth_year), []).append(member)
    found = [(report, named.get((search_key(report.name), report.year), [])) for report in reports]
    return [(report, members[0] if len(members) == 1 else None) for report, members in found]


def _why_back(row: Introduction) -> str:
    words = load().decline_codes.get(row.return_code, "")
    return f"{words}. {row.return_note}" if row.return_note else words


@require_GET
def late(request: SignedIn, committee_id: int) -> HttpResponse:
    """Issued long ago and not received, by commune: whom to ring up, and words to send that name nobody."""
    committee = committee_within(request.user, committee_id)
    seat = request.user.acting(Action.RECEIVE, committee)
    rows = list(Introduction.objects.filter(workplace=committee).overdue().listed())
    AuditEvent.objects.record_many("read", by=seat, model=Introduction, ids=[row.pk for row in rows])
    by_commune: dict[Organization, list[Introduction]] = {}
    for row in sorted(rows, key=lambda row: (row.commune.locality_key, row.commune_id)):
        by_commune.setdefault(row.commune, []).append(row)
    late_ones = [(commune, its, min(row.due_on for row in its if row.due_on)) for commune, its in by_commune.items()]
    context = {"committee": committee, "days": load().introduction_days, "total": len(rows)}
    context["late"] = sorted(late_ones, key=lambda group: group[2])
    return render(request, "evaluations/introductions_late.html", context)


@require_http_methods(["GET", "POST"])
def choose(request: SignedIn, committee_id: int) -> HttpResponse:
    """Giới thiệu về nơi cư trú: everybody without an introduction, by receiving commune; who is ticked is drafted."""
    committee = committee_within(request.user, committee_id)
    seat = request.user.acting(Action.PREPARE, committee)
    waiting = not_introduced(committee)
    if request.method == "POST":
        ids = [int(pk) for pk in request.POST.getlist("placement") if pk.isascii() and pk.isdigit() and len(pk) < 19]
        count = Introduction.objects.draft_all(waiting.filter(pk__in=ids), by=seat)
        words = f"Đã soạn {count} giấy giới thiệu. Đồng chí xem lại rồi trình ký."
        messages.success(request, words if count else "Chưa chọn đồng chí nào, nên chưa có gì thay đổi.")
        return redirect("evaluations:introductions" if count else "evaluations:introductions_choose", committee.pk)
    rows = list(waiting.select_related("member", "commune")[:AT_ONCE])
    homeless = list(without_residence(committee)[:AT_ONCE])
    ids = [row.member_id for row in rows] + [member.pk for member in homeless]
    cells = _work_cells(ids)
    AuditEvent.objects.record_many("read", by=seat, model=Member, ids=ids)
    context = {
        "committee": committee,
        "rows": [(row, cells.get(row.member_id, "")) for row in rows],
        "total": waiting.count(),
        "homeless": [(member, cells.get(member.pk, "")) for member in homeless],
    }
    return render(request, "evaluations/introductions_choose.html", context)


def not_introduced(committee: Organization) -> "QuerySet[Placement]":
    """Open placements of the committee's members without an introduction in force, by commune, then by name."""
    members = Member.objects.in_committee(committee).exclude(
        pk__in=Introduction.objects.live().order_by().values("member")
    )
    places = Placement.objects.current().filter(member__in=members.order_by().values("pk"))
    return places.order_by("commune__locality_key", "commune", "member__sort_key", "pk")


def without_residence(committee: Organization) -> "QuerySet[Member]":
    here = Placement.objects.current().order_by().values("member")
    return Member.objects.in_committee(committee).exclude(pk__in=here).order_by("sort_key", "pk")


def _work_cells(members: list[int]) -> dict[int, str]:
    rows = Membership.objects.filter(until_on=None, member__in=members)
    return dict(rows.values_list("member_id", "cell__name"))


@require_http_methods(["GET", "POST"])
def draft_one(request: SignedIn, committee_id: int, member_id: int) -> HttpResponse:
    """One member: to the commune in the register, or to the one that is recorded here first."""
    committee = committee_within(request.user, committee_id)
    seat = request.user.acting(Action.PREPARE, committee)
    member = get_object_or_404(Member.objects.in_committee(committee), pk=member_id)
    placement = Placement.objects.current().filter(member=member).select_related("commune").first()
    initial = {"commune": placement.commune.name, "words": placement.cell_as_written} if placement else {}
    form = DraftForm(committee, request.POST if request.method == "POST" else None, initial=initial)
    if form.is_bound and form.is_valid() and _drafted(request, form, member, seat):
        return redirect("evaluations:introductions", committee.pk)
    AuditEvent.objects.record("read", by=seat, on=member)
    cell = _work_cells([member.pk]).get(member.pk, "")
    context = {"committee": committee, "member": member, "cell": cell, "placement": placement, "form": form}
    return render(request, "evaluations/introduction_draft.html", context)


def _drafted(request: SignedIn, form: DraftForm, member: Member, seat: Any) -> bool:
    try:
        row = Introduction.draft(member, form.cleaned_data["commune"], words=form.cleaned_data["words"], by=seat)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    messages.success(request, f"Đã soạn giấy giới thiệu gửi {row.commune.name}. Đồng chí xem lại rồi trình ký.")
    return True


@require_POST
def present(request: SignedIn, committee_id: int) -> HttpResponse:
    committee = committee_within(request.user, committee_id)
    count = present_drafts(committee, by=request.user.acting(Action.PREPARE, committee))
    messages.success(
        request, f"Đã trình ký {count} giấy giới thiệu. Đồng chí có nhiệm vụ ký mở trang này để phát hành."
    )
    return redirect("evaluations:introductions", committee.pk)


@require_POST
def take_back(request: SignedIn, committee_id: int) -> HttpResponse:
    committee = committee_within(request.user, committee_id)
    count = take_back_drafts(committee, by=request.user.acting(Action.PREPARE, committee))
    messages.success(request, f"Đã rút {count} giấy giới thiệu về soạn lại. Chưa giấy nào được gửi đi.")
    return redirect("evaluations:introductions", committee.pk)


def _load(user: User, introduction_id: int) -> Introduction:
    reached: IntroductionQuerySet = Introduction.objects.for_workplace(user, Action.SEE_MEMBERS)
    return get_object_or_404(reached.listed(), pk=introduction_id)


@require_GET
def page(request: SignedIn, introduction_id: int) -> HttpResponse:
    row = _load(request.user, introduction_id)
    seat = request.user.acting(Action.RECEIVE, row.workplace)
    AuditEvent.objects.record("read", by=seat, on=row)
    return _page(request, row)


def _page(request: SignedIn, row: Introduction, **forms: Any) -> HttpResponse:
    may_prepare = granted(request.user, Action.PREPARE, row.workplace)
    on_paper = row.state == State.ISSUED and not row.commune.is_on_system
    context = {
        "row": row,
        "steps": _steps(row),
        "why_back": _why_back(row) if row.returned_at else "",
        "may_end": may_prepare and row.can_close(),
        "may_cancel": may_prepare and row.can_cancel(),
        "may_key": may_prepare and on_paper,
        "end_form": forms.get("end") or EndForm(),
        "paper_form": forms.get("paper") or PaperCounterpartForm(),
        "scans": row.document.files.filter(kind="scan").defer("content") if row.document else [],
    }
    return render(request, "evaluations/introduction_page.html", context)


def _steps(row: Introduction) -> list[dict[str, Any]]:
    """What has happened, when, and at which office; persons of the other side are not named."""
    signed = row.counterpart.issued_at if row.counterpart else None
    rows = [
        ("Phát hành giấy giới thiệu", row.issued_at, row.workplace.name),
        ("Vào sổ", row.at_commune_at, row.commune.name),
        ("Phân về chi bộ", row.assigned_at, row.where),
        ("Chi bộ tiếp nhận", row.accepted_at, row.where),
        ("Ký phần tiếp nhận trả lại", signed, row.commune.name),
    ]
    return [{"label": label, "at": at, "unit": unit if at else ""} for label, at, unit in rows]


@require_POST
def cancel(request: SignedIn, introduction_id: int) -> HttpResponse:
    row = _load(request.user, introduction_id)
    row.cancel("", by=request.user.acting(Action.PREPARE, row.workplace))
    messages.success(request, "Đã hủy giấy giới thiệu.")
    return redirect("evaluations:introductions", row.workplace_id)


@require_POST
def end(request: SignedIn, introduction_id: int) -> HttpResponse:
    """The matter is over, with its reason; what the residence sent back leaves the list by this too."""
    row = _load(request.user, introduction_id)
    seat = request.user.acting(Action.PREPARE, row.workplace)
    form = EndForm(request.POST)
    if not form.is_valid():
        return _page(request, row, end=form)
    row.close(form.cleaned_data["code"], form.cleaned_data["note"], by=seat)
    messages.success(request, "Đã ghi kết thúc giấy giới thiệu.")
    return redirect("evaluations:introduction_page", row.pk)


@require_POST
def key_receipt(request: SignedIn, introduction_id: int) -> HttpResponse:
    """The counterpart came back on paper from a commune that is not on the system."""
    row = _load(request.user, introduction_id)
    seat = request.user.acting(Action.PREPARE, row.workplace)
    form = PaperCounterpartForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            key_counterpart(row, **form.cleaned_data, by=seat)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Đã ghi phần tiếp nhận của nơi cư trú.")
            return redirect("evaluations:introduction_page", row.pk)
    return _page(request, row, paper=form)
