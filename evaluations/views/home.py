"""The first screen of each role: what waits today, and the one thing to do next (design §8)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Exists, F, Min, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from evaluations.attention import waiting_count, without_a_cell
from evaluations.models import (
    Assessment,
    AssessmentVersion,
    Campaign,
    Destruction,
    Document,
    EvaluationRequest,
    InnerDeadline,
    Inspection,
    Letter,
    ScanPage,
)
from evaluations.models.assessments import draft_assessments
from evaluations.models.sharing import follower_of
from evaluations.models.signing_keys import waiting_by_office
from evaluations.models.stand_ins import Route, left_to_commune, routes
from evaluations.owing import commune_standings
from evaluations.steps import CELL_DUE
from evaluations.vacancies import vacancies
from evaluations.views.introduction_work import waiting_introductions
from evaluations.views.keyed import keyed_for
from evaluations.views.keying import waiting_on_paper
from evaluations.views.outside import to_verify
from members.models import Attendance, Member, Organization, Seat, User
from members.models.conflicts import conflicts_of
from members.models.slips import slips_beside
from members.roles import Action, Side

WARD_ACTIONS = (Action.REGISTER, Action.ASSIGN, Action.CONFIRM, Action.REPLY)
VACANCIES = 6  # further ones stand first in the list of organisations
CALLS = 6  # who is later than these stands on the campaign's own page
State = EvaluationRequest.State
# Opened before, and a corrected answer has come since.
CORRECTED = Q(requests__state__in=["received", "considered"], requests__received_at__lt=F("requests__reply__issued_at"))


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    user, today = request.user, timezone.localdate()
    return render(
        request,
        "evaluations/home.html",
        {
            "cells": [_cell(seat.organization, user, today) for seat in _seats(user, Action.WRITE)],
            "wards": [_ward(user, ward, today) for ward in _wards(user)],
            "campaigns": _campaigns(user, today),
            "mine": _mine(user),
            "calls": _calls(user),
            "undelivered": _undelivered(user),
            "attention": _attention(user),
            "to_key": waiting_on_paper(user).count() if user.may(Action.KEY) else None,
            "scanned": _scanned(user),
            "to_sign": waiting_by_office(user),
            "introductions": waiting_introductions(user),
            "to_verify": to_verify(user).count() if user.may(Action.RECEIVE) else 0,
            "may_see_figures": user.may(Action.SEE_FIGURES),
            "may_configure": user.may(Action.CONFIGURE),
            "broken": _broken(user),
            "may_audit": user.may(Action.AUDIT),
            "slips": slips_beside(user),
            **_vacancies(user),
            "may_keep_data": user.may(Action.KEEP_DATA),
            "to_approve": _to_approve(user),
        },
    )


def _scanned(user: User) -> list[tuple[Organization, int]]:
    """Offices whose trays hold scanned pages: what came in by a letter code is announced nowhere else."""
    offices = {seat.organization_id: seat.organization for seat, _ in user.grants(Action.SCAN)}
    waiting = ScanPage.objects.filter(organization__in=offices, state=ScanPage.State.TRAY).order_by()
    rows = waiting.values_list("organization").annotate(n=Count("pk")) if offices else []
    return [(offices[pk], number) for pk, number in rows]


def _vacancies(user: User) -> dict[str, Any]:
    """Seats that nobody holds though there is work, for whoever can fill them."""
    found, total = vacancies(user, VACANCIES) if user.may(Action.APPOINT) else ([], 0)
    return {"vacancies": found[:VACANCIES], "more_vacancies": max(total - VACANCIES, 0)}


def _attention(user: User) -> list[tuple[str, str, int]]:
    """(where, page, how many) of what got stuck, on either side."""
    committees = {seat.organization_id: seat.organization for seat, _ in user.grants(Action.PREPARE)}
    wards = {seat.organization_id: seat.organization for seat, _ in user.grants(Action.ASSIGN)}
    rows = [(row, reverse("evaluations:attention", args=[row.pk]), waiting_count(row)) for row in committees.values()]
    rows += [
        (row, reverse("evaluations:reassign", args=[row.pk]), without_a_cell(row).count())
        for row in wards.values()
        if row.unit
    ]
    return [(row.name, url, count) for row, url, count in rows if count]


def _calls(user: User) -> int:
    """How many units are to be rung up."""
    if not user.may(Action.CALL):
        return 0
    return Letter.objects.calls(user).filter(state=Letter.State.RENDERED).count()


def _undelivered(user: User) -> int:
    """How many letters of ours, or of the installation, did not reach their mailbox."""
    if not (user.may(Action.KEEP_ADDRESSES) or user.may(Action.CONFIGURE)):
        return 0
    return Letter.objects.undelivered(user).count()


def _broken(user: User) -> int:
    """Rows that the last nightly look over everything has named."""
    newest = Inspection.newest() if user.may(Action.CONFIGURE) else None
    return newest.total if newest else 0


def _to_approve(user: User) -> int:
    """Lists of expired records that wait for whoever signs for the office."""
    if not user.may(Action.APPROVE_DATA):
        return 0
    waiting = Destruction.objects.filter(user.reach(Action.APPROVE_DATA, "organization__"))
    return waiting.filter(state=Destruction.State.PROPOSED).count()


def _seats(user: User, action: Action) -> list[Seat]:
    """One seat for each residence cell the action is granted at."""
    found = {seat.organization_id: seat for seat, _ in user.grants(action)}
    return [seat for seat in found.values() if seat.organization.side == Organization.Side.RESIDENCE]


def _wards(user: User) -> list[Organization]:
    found = {seat.organization_id: seat.organization for action in WARD_ACTIONS for seat, _ in user.grants(action)}
    return [ward for ward in found.values() if ward.kind == Organization.Kind.COMMUNE]


def _cell(cell: Organization, user: User, today: date) -> dict[str, Any]:
    """The secretary's screen: how many comrades, how many left, until when, whom to ring; a helper sees his share."""
    rows = draft_assessments(cell, today.year)
    bound, taken = conflicts_of(user), routes(cell)
    ours = [row for row in rows if row.placement.member_id not in bound]
    instead = [row for row in ours if (route := taken.get(row.placement.member_id)) and _takes(route, user)]
    is_head = any(seat.organization_id == cell.pk for seat, _ in user.grants(Action.SUBMIT))
    states = [_state(row) for row in rows]
    left_to_others = sum(_state(row) == "draft" for row in rows if row.placement.member_id in bound)
    waiting = EvaluationRequest.objects.filter(residence_cell=cell, state=State.AT_CELL)
    due_on: date | None = waiting.annotate(cell_due=CELL_DUE).aggregate(first=Min("cell_due"))["first"]
    left = sum(_state(row) == "draft" for row in ours)
    return {
        "organization": cell,
        "year": today.year,
        "total": len(rows),
        "left": left,
        "returned": sum(_was_returned(row) for row in rows),
        "submitted": sum(state == "submitted" for state in states),
        "confirmed": sum(state == "confirmed" for state in states),
        "due_on": due_on,
        "days_late": (today - due_on).days if due_on and left and due_on < today else 0,
        "keyed": keyed_for(cell).filter(assessment__year=today.year).count(),
        "ward": cell.parent,
        "is_head": is_head,
        "left_to_others": left_to_others,
        "instead": sum(_state(row) == "draft" for row in instead),
        "unshared": sum(follower_of(row) is None for row in rows),
        "share": None if is_head else _share(rows, user, today.year),
    }


def _state(row: Assessment) -> str:
    version = row.latest()
    return version.state if version else "draft"


def _takes(route: Route, user: User) -> bool:
    return route.who is not None and route.who.user_id == user.pk


def _share(rows: list[Assessment], user: User, year: int) -> dict[str, int] | None:
    """What a helper of the cell has been given to draft, and how much of it is not complete yet."""
    mine = [row for row in rows if (follower := follower_of(row)) and follower.is_user(user)]
    if not mine:
        return None
    tally = Attendance.objects.tally([row.placement_id for row in mine], year)
    drafts = [(row, row.latest()) for row in mine]
    left = [
        version is None or (version.state == "draft" and bool(version.missing(tally.get(row.placement_id, {}))))
        for row, version in drafts
    ]
    return {"total": len(mine), "left": sum(left)}


def _was_returned(row: Any) -> bool:
    version = row.latest()
    return bool(version and version.state == "draft" and version.no > 1)


@dataclass(frozen=True)
class Step:
    """One of the four things that wait at a commune."""

    count: int
    words: str
    verb: str  # the same as an order, for the big button
    url: str
    is_ours: bool  # whether this person does it; a figure is shown to all
    is_shared: bool = False  # whether everybody at the commune may open the page


def _ward(user: User, ward: Organization, today: date) -> dict[str, Any]:
    """Hôm nay: mới / chờ phân chi bộ / chờ xác nhận / chờ ký, and the cells that are latest."""
    steps = _steps(user, ward)
    return {
        "organization": ward,
        "year": today.year,
        "may_confirm": steps[2].is_ours,
        "steps": steps,
        "next": next((step for step in steps if step.count and step.is_ours), None),
        "is_idle": not any(step.count for step in steps),
        "cells": _late_cells(ward, today),
        "instead": _left_to_us(user, ward, today.year),
        "inner_due_on": InnerDeadline.objects.due_on(ward, today.year),
        "may_assign": any(seat.organization_id == ward.pk for seat, _ in user.grants(Action.ASSIGN)),
    }


def _left_to_us(user: User, ward: Organization, year: int) -> list[tuple[Organization, int]]:
    """Cells with members on whom the commune comments, and how many of them are not sent yet."""
    if not any(seat.organization_id == ward.pk for seat, _ in user.grants(Action.STAND_IN)):
        return []
    left = left_to_commune(ward)
    sent = AssessmentVersion.objects.filter(
        assessment__placement__member__in=[pk for _, its in left for pk in its], assessment__year=year
    ).filter(state__in=["submitted", "confirmed"])
    done = set(sent.values_list("assessment__placement__member", flat=True)) if left else set()
    return [(cell, waiting) for cell, its in left if (waiting := len(set(its) - done))]


def _steps(user: User, ward: Organization) -> list[Step]:
    requests = EvaluationRequest.objects.filter(residence_commune=ward)
    letters = Document.objects.filter(
        recipient=ward, genre=Document.Genre.REQUEST_LETTER, state=Document.State.ISSUED, registered_at=None
    ).count()
    to_assign = requests.filter(state=State.AT_COMMUNE).count()
    submitted = AssessmentVersion.objects.awaiting_confirmation().filter(assessment__placement__commune=ward).count()
    to_reply = sum(rows.count() for rows in (requests.confirmed(), requests.corrected(), requests.untold()))
    ours = [any(seat.organization_id == ward.pk for seat, _ in user.grants(action)) for action in WARD_ACTIONS]
    assign, confirm, replies = (
        reverse(f"evaluations:{name}", args=[ward.pk]) for name in ("assign", "confirm_list", "replies")
    )
    return [
        Step(letters, "công văn mới", f"Vào sổ {letters} công văn", reverse("evaluations:letters_in"), ours[0], True),
        Step(to_assign, "chờ phân chi bộ", f"Phân {to_assign} đồng chí về chi bộ", assign, ours[1]),
        Step(submitted, "chờ xác nhận", f"Xác nhận {submitted} nhận xét", confirm, ours[2]),
        Step(to_reply, "chờ ký trả lời", f"Ký trả lời {to_reply} nhận xét", replies, ours[3], True),
    ]


def _late_cells(ward: Organization, today: date) -> list[dict[str, Any]]:
    """Cells with open requests, the latest first, at most 40."""
    rows = (
        EvaluationRequest.objects.filter(residence_commune=ward, state=State.AT_CELL)
        .exclude(assessment__versions__state__in=["submitted", "confirmed"])
        .order_by()
        .values("residence_cell", "residence_cell__name", "residence_cell__phone")
        .annotate(waiting=Count("pk"), due_on=Min(CELL_DUE))
        .order_by("due_on", "-waiting", "residence_cell__name")[:40]
    )
    return [
        {
            "pk": row["residence_cell"],
            "name": row["residence_cell__name"],
            "phone": row["residence_cell__phone"],
            "waiting": row["waiting"],
            "days_late": max((today - row["due_on"]).days, 0),
        }
        for row in rows
    ]


def _campaigns(user: User, today: date) -> list[dict[str, Any]]:
    """The workplace's screen: what waits for a signature first, the running campaign with its communes, the others."""
    seen = Campaign.objects.for_user(user, Action.RECEIVE).exclude(state=Campaign.State.ARCHIVED)
    given_back = Document.objects.filter(state=Document.State.DRAFT).exclude(return_note="")
    rows = seen.select_related("committee", "presented_by").annotate(
        asked=Count("requests", filter=~Q(requests__state__in=["prepared", "cancelled", "superseded"])),
        answered=Count("requests", filter=Q(requests__state__in=EvaluationRequest.REPLIED)),
        unread=Count("requests", filter=Q(requests__state="answered") | CORRECTED),
        has_returns=Exists(given_back.filter(campaign=OuterRef("pk"))),
    )
    seen_now = list(rows[:6])
    signs = {seat.organization_id: seat for seat, _ in user.grants(Action.SIGN)}
    prepares = {seat.organization_id for seat, _ in user.grants(Action.PREPARE)}
    found = [_campaign(row, signs.get(row.committee_id), row.committee_id in prepares) for row in seen_now]
    # One only: its communes cost three queries, and two campaigns of tiles would be read by nobody.
    if running := next((row for row in found if row["campaign"].state == Campaign.State.OPEN), None):
        running |= _communes(running["campaign"], today)
    begun = {row.committee_id for row in seen_now if row.state != Campaign.State.CLOSED or row.year >= today.year}
    found += _beginnings(user, begun)
    return sorted(found, key=lambda row: not row["to_sign"])


def _campaign(campaign: Campaign, signer: Seat | None, may_prepare: bool) -> dict[str, Any]:
    is_draft = campaign.state == Campaign.State.DRAFT
    return {
        "campaign": campaign,
        "to_sign": signer is not None and campaign.can_issue(signer),
        "to_present": may_prepare and is_draft and campaign.presented_at is None,
        "may_present": may_prepare and campaign.can_present(),
    }


def _communes(campaign: Campaign, today: date) -> dict[str, Any]:
    """Its communes as tiles, and who to call: three queries however many communes."""
    standings = commune_standings(campaign, today)
    owing = [row for row in standings if row.owed]
    return {"standings": standings, "calls": owing[:CALLS], "more_calls": len(owing[CALLS:])}


def _beginnings(user: User, begun: set[int]) -> list[dict[str, Any]]:
    """Committees of this person without a campaign in work; an empty register comes first."""
    fitting = {
        seat.organization_id: seat.organization
        for seat, grant in user.grants(Action.PREPARE)
        if grant.side == Side.WORKPLACE and not seat.organization.unit and seat.organization_id not in begun
    }
    if not fitting:
        return []
    has_members = Member.objects.for_user(user).exists()
    return [{"begin_at": place, "has_members": has_members, "to_sign": False} for place in fitting.values()]


def _mine(user: User) -> dict[str, Any] | None:
    """A member's own matter: the newest request about me, and whether this is all that I am here for."""
    if not user.member_id:
        return None
    sent = EvaluationRequest.objects.filter(member=user.member_id).exclude(
        state__in=[State.PREPARED, State.CANCELLED, State.SUPERSEDED]
    )
    return {"newest": sent.order_by("-year", "-pk").first(), "is_all": not user.seats_now}
