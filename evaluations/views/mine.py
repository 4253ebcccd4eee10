"""The member's own page: where my comment is, who holds it, what it says once it was answered, who has read it."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from evaluations.models import AssessmentVersion, Document, EvaluationRequest
from members.models import Attendance, AuditEvent, Member, Organization, Placement, Seat, User

State = EvaluationRequest.State
ANSWERED = (State.ANSWERED, State.RECEIVED, State.CONSIDERED)


@dataclass
class Matter:
    """One request about me, in words."""

    request: EvaluationRequest
    version: AssessmentVersion | None  # the confirmed text, once it has left the commune
    holder: Organization | None
    readers: list[tuple[Seat, int, datetime]]

    @property
    def lines(self) -> list[tuple[str, str, str]]:
        """(criterion, chosen step, facts) of the confirmed text."""
        if self.version is None:
            return []
        found = [(f"{c.no}. {c.short}", _step(self.version, c.code, c.options)) for c in self.version.book.criteria]
        advice = self.version.book.recommendation
        chosen = [*found, (advice.text, _step(self.version, "recommendation", advice.options))]
        return [(text, *step) for text, step in chosen]


def _step(version: AssessmentVersion, code: str, options: tuple[str, ...]) -> tuple[str, str]:
    answer = version.answer(code)
    if answer["no_basis"]:
        return "Không có cơ sở để đánh giá", answer["facts"]
    return "" if answer["option"] is None else options[answer["option"]], answer["facts"]


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    member = user.member
    if member is None:
        return render(request, "evaluations/mine.html", {"member": None})
    year = timezone.localdate().year
    matters = _matters(member, user)
    shown = [matter.version.pk for matter in matters if matter.version]
    if shown:
        AuditEvent.objects.record_many("read", by=user, model=AssessmentVersion, ids=shown)
    placement = Placement.objects.current().filter(member=member).select_related("commune", "cell").first()
    attended = Attendance.objects.filter(placement__member=member, meeting__held_on__year=year)
    context = {"member": member, "matters": matters, "placement": placement, "year": year}
    context["attended"] = attended.select_related("meeting").order_by("meeting__held_on", "pk")
    return render(request, "evaluations/mine.html", context)


def _matters(member: Member, user: User) -> list[Matter]:
    """Requests about the member that have left the asker, newest year first; constant queries."""
    requests = list(
        EvaluationRequest.objects.filter(member=member)
        .exclude(state__in=[State.PREPARED, State.CANCELLED, State.SUPERSEDED])
        .select_related("residence_commune", "residence_cell", "asker_now", "assessment")
        .prefetch_related("assessment__versions__joint_review", "assessment__versions__form")
        .order_by("-year", "-pk")
    )
    reads = _reads(requests, user)
    matters = []
    for row in requests:
        version = row.answering_version() if row.state in ANSWERED else None
        matters.append(Matter(row, version, _holder(row), _readers(reads, row) if version else []))
    return matters


def _holder(row: EvaluationRequest) -> Organization | None:
    """Which unit must do something next."""
    if row.state in (State.ISSUED, State.AT_COMMUNE, State.RETURN_ASKED):
        return row.residence_commune
    if row.state == State.AT_CELL:
        latest = row.assessment.latest() if row.assessment else None
        is_with_cell = latest is None or latest.state == AssessmentVersion.State.DRAFT
        return row.residence_cell if is_with_cell else row.residence_commune
    return row.asker_now


Reads = dict[tuple[str, int], list[tuple[Seat, int, datetime]]]


def _objects(row: EvaluationRequest) -> list[tuple[str, int]]:
    """What holds the text of one answer: its versions and their printed forms."""
    versions = list(row.assessment.versions.all()) if row.assessment else []
    forms = [version.form for version in versions if hasattr(version, "form")]
    return [
        *((AssessmentVersion._meta.label, version.pk) for version in versions),
        *((Document._meta.label, form.pk) for form in forms),
    ]


def _reads(requests: list[EvaluationRequest], user: User) -> Reads:
    """Recorded openings by others, by object; by whom is a seat, because a person reads for a unit."""
    wanted = Q(pk__in=[])
    by_type: dict[str, set[int]] = {}
    for row in requests:
        for label, pk in _objects(row):
            by_type.setdefault(label, set()).add(pk)
    for label, ids in by_type.items():
        wanted |= Q(object_type=label, object_id__in=ids)
    counted = _counted(AuditEvent.objects.filter(wanted, verb="read").exclude(seat=None).exclude(user=user))
    seats = Seat.objects.select_related("organization").in_bulk({seat_id for _, _, seat_id, _, _ in counted})
    found: Reads = {}
    for label, pk, seat_id, times, last in counted:
        found.setdefault((label, pk), []).append((seats[seat_id], times, last))
    return found


def _counted(events: QuerySet[AuditEvent]) -> list[tuple[str, int, int, int, datetime]]:
    rows = events.order_by().values_list("object_type", "object_id", "seat_id").annotate(n=Count("pk"), last=Max("at"))
    return [(label, pk, seat_id, times, last) for label, pk, seat_id, times, last in rows if pk and seat_id]


def _readers(reads: Reads, row: EvaluationRequest) -> list[tuple[Seat, int, datetime]]:
    """Each seat once, the latest first."""
    found: dict[int, tuple[Seat, int, datetime]] = {}
    for key in _objects(row):
        for seat, times, last in reads.get(key, []):
            _, before, latest = found.get(seat.pk, (seat, 0, last))
            found[seat.pk] = (seat, before + times, max(latest, last))
    return sorted(found.values(), key=lambda reader: reader[2], reverse=True)
