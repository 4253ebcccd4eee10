"""Nhập kết quả từ bản giấy: which sheets wait, one sheet, and its second keying."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Exists, Min, OuterRef, Q, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from evaluations import tasks
from evaluations.forms.keying import AgainForm, CompareForm, KeyForm, last_keyed_like
from evaluations.models import Assessment, AssessmentVersion, EvaluationRequest, ScanPage
from evaluations.models import keying as verbs
from evaluations.models.assessments import AssessmentQuerySet
from evaluations.models.paper_codes import PaperKind, read_paper_code
from members.middleware import SignedIn
from members.models import AuditEvent, Membership, Organization, Seat, User
from members.models.conflicts import refuse_page
from members.names import search_key
from members.roles import Action
from members.states import Refused

ROWS = 50
State = AssessmentVersion.State


def waiting_on_paper(user: User) -> AssessmentQuerySet:
    """Asked, not answered, and nothing of it has reached us by another way."""
    open_matters = EvaluationRequest.objects.awaiting_answer().filter(assessment=OuterRef("pk"))
    told = AssessmentVersion.objects.filter(assessment=OuterRef("pk"), state__in=["submitted", "confirmed"])
    return verbs.within_keyers_reach(user).filter(Exists(open_matters), ~Exists(told))


@require_GET
def to_key(request: SignedIn) -> HttpResponse:
    """Found by the code on the sheet or by name; without words those that wait, half-keyed ones first."""
    if not request.user.may(Action.KEY):
        raise PermissionDenied
    words = request.GET.get("tim", "").strip()[:120]
    code = read_paper_code(words) if words else None
    within = verbs.within_keyers_reach(request.user)
    if code and code[0] == PaperKind.ASSESSMENT and within.filter(pk=code[1]).exists():
        return redirect("evaluations:key_form", code[1])
    rows = _named(within, words) if words else waiting_on_paper(request.user)
    page = Paginator(_listed(rows), ROWS).get_page(request.GET.get("trang"))
    AuditEvent.objects.record_many("read", by=request.user, model=Assessment, ids=[row.pk for row in page])
    context = {"page": page, "words": words, "query": f"tim={words}&" if words else ""}
    return render(request, "evaluations/key_list.html", context)


def _named(within: AssessmentQuerySet, words: str) -> AssessmentQuerySet:
    key = search_key(words)
    return within.filter(placement__member__search_key__contains=key) if key else within.none()


def _listed(rows: AssessmentQuerySet) -> AssessmentQuerySet:
    """With everything a row shows, in the order of names."""
    newest = AssessmentVersion.objects.filter(assessment=OuterRef("pk")).order_by("-no")
    workplace = Membership.objects.filter(member=OuterRef("placement__member"), until_on=None)
    return (
        rows.select_related("placement__member", "placement__cell", "placement__commune")
        .annotate(
            workplace=Subquery(workplace.values("cell__parent__name")[:1]),
            version_state=Subquery(newest.values("state")[:1]),
            is_half=Exists(newest.filter(state=State.KEYED)),
            due_on=Min("requests__due_on", filter=Q(requests__state__in=EvaluationRequest.UNANSWERED)),
        )
        .order_by("-is_half", "placement__commune__path", "placement__cell__path", "placement__member__sort_key", "pk")
    )


def load(user: User, assessment_id: int) -> tuple[Assessment, Seat]:
    """404 for what this person's offices know nothing of; 403 for who does not key, and about oneself."""
    related = ("placement__member", "placement__cell", "placement__commune")
    seen = verbs.within_keyers_reach(user, see=True).select_related(*related)
    assessment = get_object_or_404(seen, pk=assessment_id)
    seat = user.acting(Action.KEY, keeping_office(assessment, user))
    refuse_page(user, assessment.placement.member_id)
    return assessment, seat


def keeping_office(assessment: Assessment, user: User) -> Organization:
    """Whose paper it is: the commune's on the system, else the asker's."""
    commune = assessment.placement.commune
    asked = EvaluationRequest.objects.live().for_asker(user, Action.SEE_MEMBERS)
    matter = asked.filter(assessment=assessment).select_related("asker_now").order_by("-pk").first()
    return matter.asker_now if matter and not commune.is_on_system else commune


@require_http_methods(["GET", "POST"])
def key_form(request: SignedIn, assessment_id: int) -> HttpResponse:
    assessment, seat = load(request.user, assessment_id)
    latest = assessment.latest()
    if latest and latest.state == State.KEYED and request.method == "GET" and "sua" not in request.GET:
        return redirect("evaluations:key_again", assessment.pk)
    sent: dict[str, Any] = {"data": request.POST, "files": request.FILES} if request.method == "POST" else {}
    matters = verbs.answered_matters(assessment, seat)
    has_portal = matters.exclude(dossier_code="").exists()
    form = KeyForm(assessment, latest, last_keyed_like(assessment, seat), has_portal=has_portal, **sent)
    if form.is_bound and form.is_valid():
        try:
            version = verbs.key(assessment, form.paper(), by=seat, expected=form.cleaned_data["expected"])
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            return _keyed(request, assessment, version)
    AuditEvent.objects.record("read", by=seat, on=latest or assessment)
    context: dict[str, Any] = {"form": form, "latest": latest, "following": _following(request.user, assessment)}
    context["is_sent_online"] = latest and not latest.keyed_by_id and latest.state not in (State.DRAFT, State.RETURNED)
    context |= about(assessment) | {"is_twice": verbs.is_keyed_twice(assessment)}
    context["scans"] = ScanPage.objects.for_user(request.user).of_assessment(assessment)
    status = 409 if form.non_field_errors() else 200
    return render(request, "evaluations/key_form.html", context, status=status)


def about(assessment: Assessment) -> dict[str, Any]:
    """Whom a page is about; no name stands alone."""
    membership = Membership.objects.filter(member=assessment.placement.member_id, until_on=None)
    first = membership.select_related("cell__parent").first()
    workplace = first.cell.parent.name if first and first.cell.parent else ""
    return {"assessment": assessment, "placement": assessment.placement, "workplace": workplace}


def _following(user: User, assessment: Assessment) -> Assessment | None:
    """The next sheet of the same pile, in the order of names."""
    placement = assessment.placement
    pile = waiting_on_paper(user).filter(placement__cell=placement.cell, placement__commune=placement.commune)
    pile = pile.exclude(pk=assessment.pk).filter(year=assessment.year).order_by("placement__member__sort_key", "pk")
    return pile.filter(placement__member__sort_key__gte=placement.member.sort_key).first() or pile.first()


def _keyed(request: SignedIn, assessment: Assessment, version: AssessmentVersion) -> HttpResponse:
    tasks.wake()
    words = {
        State.KEYED: "Đã nhập lần một. Đợt này yêu cầu nhập hai lần: đồng chí khác mở lại phiếu và nhập lần hai.",
        State.SUBMITTED: "Đã nhập bản giấy; nhận xét chờ đảng ủy xác nhận.",
    }
    messages.success(request, words.get(State(version.state), "Đã nhập bản giấy; đề nghị nhận xét đã có trả lời."))
    following = _following(request.user, assessment) if "next" in request.POST else None
    if following:
        return redirect("evaluations:key_form", following.pk)
    return redirect("evaluations:keyed_page", version.pk)


@require_http_methods(["GET", "POST"])
def key_again(request: SignedIn, assessment_id: int) -> HttpResponse:
    """The second keying, and where the two differ what the paper says."""
    assessment, seat = load(request.user, assessment_id)
    version = assessment.latest()
    if version is None or version.state != State.KEYED:
        messages.info(request, "Phiếu này không chờ nhập lần hai.")
        return redirect("evaluations:key_form", assessment.pk)
    data = request.POST if request.method == "POST" else None
    differing = verbs.differing(version)
    form = CompareForm(version, differing, data) if differing else AgainForm(version, data)
    if form.is_valid():
        try:
            if isinstance(form, CompareForm):
                verbs.settle_keying(version, form.answers(), by=seat)
            elif verbs.key_again(version, form.chosen(), by=seat):
                return redirect("evaluations:key_again", assessment.pk)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            return _keyed(request, assessment, version)
    AuditEvent.objects.record("read", by=seat, on=version)
    context: dict[str, Any] = {"form": form, "version": version, "rows": []}
    if isinstance(form, CompareForm):
        context["rows"] = form.rows()
    context["scans"] = ScanPage.objects.for_user(request.user).of_assessment(assessment)
    context["is_own_keying"] = version.keyed_by is not None and version.keyed_by.user_id == seat.user_id
    status = 409 if form.non_field_errors() else 200
    return render(request, "evaluations/key_again.html", context | about(assessment), status=status)
