"""A keyed text beside its scan: seen by those in whose name it was keyed, who may say that it differs."""

from typing import Any

from django.contrib import messages
from django.db.models import OuterRef, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from evaluations.forms.keying import ContestForm, ScanForm, SettleForm
from evaluations.forms.ratings import choice_of, columns
from evaluations.models import AssessmentVersion, Document
from evaluations.models import keying as verbs
from evaluations.models.assessments import VersionQuerySet
from evaluations.models.checks import can_contest, open_contests
from evaluations.models.checks import contest as contest_it
from evaluations.views.keying import about, keeping_office
from evaluations.views.letters_in import granted
from members.middleware import SignedIn
from members.models import AuditEvent, Membership, Organization, Seat, User
from members.models.conflicts import refuse_page, without_conflicts
from members.roles import Action
from members.views.participation import open_cell


def _load(user: User, version_id: int, *actions: Action) -> tuple[AssessmentVersion, Seat]:
    """A keyed text within reach, else 404, and the seat that does one of the actions, else 403; never about oneself."""
    related = ("assessment__placement__member", "assessment__placement__cell", "assessment__placement__commune")
    keyed = AssessmentVersion.objects.filter(
        keyed_by__isnull=False, assessment__in=verbs.within_keyers_reach(user, see=True)
    )
    version = get_object_or_404(
        keyed.select_related(*related, "keyed_by__user", "keyed_again_by__user").prefetch_related("contests"),
        pk=version_id,
    )
    placement = version.assessment.placement
    refuse_page(user, placement.member_id)
    office = keeping_office(version.assessment, user)
    places = {office, placement.commune, placement.cell} - {None}
    fitting = ((action, place) for action in actions for place in places if place and granted(user, action, place))
    action, place = next(fitting, (actions[0], office))
    return version, user.acting(action, place)


@require_GET
def page(request: SignedIn, version_id: int) -> HttpResponse:
    version, by = _load(request.user, version_id, Action.KEY, Action.CONFIRM, Action.WRITE, Action.RECEIVE)
    return _page(request, version, by)


def _page(request: SignedIn, version: AssessmentVersion, by: Seat, **forms: Any) -> HttpResponse:
    AuditEvent.objects.record("read", by=by, on=version)
    placement, cell = version.assessment.placement, version.assessment.placement.cell
    is_writer = cell is not None and granted(request.user, Action.SUBMIT, cell)
    is_keeper = granted(request.user, Action.KEY, keeping_office(version.assessment, request.user))
    context = {
        "version": version,
        "answers": [
            (column, column.word(choice_of(version.answer(column.code))), version.answer(column.code)["facts"])
            for column in columns(version.book)
        ],
        "scans": scans_of(version.form),
        "contests": version.contests.select_related("made_by__user", "settled_by__user", "corrected_by"),
        "contest_form": forms.get("contest") or (ContestForm() if is_writer and can_contest(version) else None),
        "settle_form": forms.get("settle") or (SettleForm() if is_keeper and version.is_contested else None),
        "scan_form": forms.get("scan") or (ScanForm() if is_keeper else None),
        "is_keeper": is_keeper and placement.commune_id is not None,
        "newest": version.assessment.latest(),
        **about(version.assessment),
    }
    return render(request, "evaluations/keyed_page.html", context)


def scans_of(document: Document) -> list[Any]:
    """Pictures of the paper, without their bytes."""
    return list(document.files.filter(kind="scan").defer("content").order_by("pk"))


@require_GET
def of_cell(request: SignedIn, cell_id: int, year: int) -> HttpResponse:
    """What the commune has keyed in the name of the cell: it signed the paper and may say that it differs."""
    cell, seat = open_cell(request, cell_id, year, Action.WRITE)
    of_year = keyed_for(cell).filter(assessment__year=year)
    versions = without_conflicts(of_year, seat.user, "assessment__placement__member")
    rows = versions.select_related("assessment__placement__member", "keyed_by__user").prefetch_related("contests")
    workplace = Membership.objects.filter(member=OuterRef("assessment__placement__member"), until_on=None)
    rows = rows.annotate(workplace=Subquery(workplace.values("cell__parent__name")[:1]))
    rows = rows.order_by("assessment__placement__member__sort_key", "pk")
    AuditEvent.objects.record_many("read", by=seat, model=AssessmentVersion, ids=[row.pk for row in rows])
    return render(request, "evaluations/keyed_list.html", {"cell": cell, "year": year, "rows": rows})


def keyed_for(cell: Organization) -> VersionQuerySet:
    """Texts in force that somebody else keyed for this cell."""
    held = [AssessmentVersion.State.KEYED, AssessmentVersion.State.SUBMITTED, AssessmentVersion.State.CONFIRMED]
    return AssessmentVersion.objects.filter(assessment__placement__cell=cell, keyed_by__isnull=False, state__in=held)


@require_POST
def contest(request: SignedIn, version_id: int) -> HttpResponse:
    version, by = _load(request.user, version_id, Action.SUBMIT)
    form = ContestForm(request.POST)
    if not form.is_valid():
        return _page(request, version, by, contest=form)
    contest_it(version, form.cleaned_data["note"], by=by)
    messages.success(request, "Đã báo đảng ủy. Nội dung nhập được đánh dấu cho đến khi đảng ủy trả lời.")
    return redirect("evaluations:keyed_page", version.pk)


@require_POST
def settle(request: SignedIn, version_id: int) -> HttpResponse:
    """A reasoned answer; the other way is to key the paper anew."""
    version, by = _load(request.user, version_id, Action.KEY)
    form = SettleForm(request.POST)
    if not form.is_valid():
        return _page(request, version, by, settle=form)
    for one in open_contests(version):
        one.settle(form.cleaned_data["note"], by=by)
    messages.success(request, "Đã trả lời chi bộ; nội dung nhập được giữ nguyên.")
    return redirect("evaluations:keyed_page", version.pk)


@require_POST
def add_scan(request: SignedIn, version_id: int) -> HttpResponse:
    version, by = _load(request.user, version_id, Action.KEY)
    form = ScanForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, version, by, scan=form)
    verbs.add_scan(version.form, form.cleaned_data["scan"], by=by)
    messages.success(request, "Đã lưu bản chụp bên cạnh nội dung nhập.")
    return redirect("evaluations:keyed_page", version.pk)
