"""What of a workplace's matters has got stuck at residence, and what could be done about each. Reads only."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, Subquery

from evaluations.models import AssessmentVersion, Campaign, EvaluationRequest, Letter, Transfer
from evaluations.models.introductions import Introduction
from evaluations.models.letters import LetterQuerySet
from evaluations.models.move_plans import NO_RESIDENCE
from evaluations.models.reply_facts import decline_reason
from evaluations.models.requests import RequestQuerySet
from members.models import Membership, Organization, Placement, Seat
from members.roles import GRANTS, Action

State = EvaluationRequest.State
WRITERS = [role for role, grants in GRANTS.items() if any(grant.action == Action.SUBMIT for grant in grants)]


@dataclass(frozen=True)
class Trouble:
    """One request that does not move by itself."""

    matter: EvaluationRequest
    reason: str
    workplace: str
    place: Placement | None  # where the register says that contact is kept now

    @property
    def is_back(self) -> bool:
        """Sent back, or taken back because nobody knew where: it can be asked anew, or left."""
        return self.matter.state in EvaluationRequest.ENDED

    @property
    def asks_place(self) -> bool:
        return self.is_back or self.place is None

    @property
    def may_resend(self) -> bool:
        """A cell that has it keeps it; what only lies at the old commune may go elsewhere."""
        if self.place is None or self.matter.state == State.AT_CELL:
            return False
        return self.is_back or self.is_elsewhere

    @property
    def is_elsewhere(self) -> bool:
        """The register says another place than the one that was asked."""
        return self.place is not None and self.place.pk != self.matter.placement_id


def stuck(committee: Organization) -> RequestQuerySet:
    """Requests of open campaigns whose answers this committee waits for, and that wait for this committee."""
    ours = EvaluationRequest.objects.filter(
        asker_now=committee, campaign__state=Campaign.State.OPEN, set_aside_at=None, campaign__committee=committee
    )
    place = Placement.objects.current().filter(member=OuterRef("member"))
    back = Q(replaced_by=None) & (Q(state=State.DECLINED) | Q(state=State.CANCELLED, end_code=NO_RESIDENCE))
    moved = Q(state__in=[State.ISSUED, State.AT_COMMUNE], placement__until_on__isnull=False)
    nowhere = Q(state__in=EvaluationRequest.UNANSWERED, placement__until_on__isnull=False) & Q(~Exists(place))
    return ours.filter(back | moved | nowhere | _nobody_writes())


LOST = (Letter.State.FAILED, Letter.State.BOUNCED, Letter.State.RETURNED_BY_POST)


def came_back(committee: Organization) -> LetterQuerySet:
    """Request letters that did not arrive, as long as the commune has not entered them in its book all the same."""
    unread = EvaluationRequest.objects.filter(letter=OuterRef("document"), state=State.ISSUED)
    ours = Letter.objects.filter(document__campaign__committee=committee, document__campaign__state=Campaign.State.OPEN)
    found = ours.filter(Exists(unread), kind=Letter.Kind.REQUEST, state__in=LOST)
    return found.select_related("recipient", "document").order_by("recipient__locality_key", "pk")


def without_a_cell(commune: Organization) -> RequestQuerySet:
    """At a cell of this ward that was closed or has nobody who could send the text."""
    return EvaluationRequest.objects.filter(_nobody_writes(), residence_commune=commune)


def _nobody_writes() -> Q:
    """A cell that never had anybody here works on paper; one that had somebody and has nobody is vacant."""
    tenures = Seat.objects.filter(organization=OuterRef("residence_cell"), role__in=WRITERS)
    sent = AssessmentVersion.objects.filter(assessment=OuterRef("assessment"), state__in=["submitted", "confirmed"])
    vacant = Q(Exists(tenures), ~Exists(tenures.current()))
    return Q(~Exists(sent), state=State.AT_CELL) & (Q(residence_cell__closed_on__isnull=False) | vacant)


def troubles(committee: Organization) -> list[Trouble]:
    """In the order of names; few queries however many."""
    cell = Membership.objects.filter(member=OuterRef("member"), until_on=None)
    found = list(
        stuck(committee)
        .listed()
        .select_related("campaign", "placement")
        .annotate(work_cell=Subquery(cell.values("cell__name")[:1]))
    )
    members = [matter.member_id for matter in found]
    current = Placement.objects.current().filter(member__in=members).select_related("commune")
    places = {place.member_id: place for place in current}
    rows = []
    for matter in found:
        place = places.get(matter.member_id)
        workplace = getattr(matter, "work_cell", None)
        # Who has left our register is asked about by nobody.
        if workplace or matter.state not in EvaluationRequest.ENDED:
            rows.append(Trouble(matter, reason_of(matter, place), workplace or committee.name, place))
    return rows


def reason_of(matter: EvaluationRequest, place: Placement | None) -> str:
    """In words, for the officer."""
    why: list[tuple[bool, Callable[[], str]]] = [
        (
            matter.state == State.DECLINED,
            lambda: f"{matter.residence_commune.name} chuyển lại: {decline_reason(matter)}.",
        ),
        (matter.state == State.CANCELLED, lambda: "Đã rời nơi cư trú cũ; chưa biết nơi mới."),
        (place is None, lambda: "Đã rời nơi cư trú cũ, chưa biết nơi mới; nơi cũ vẫn đang giữ đề nghị."),
        (matter.state != State.AT_CELL, lambda: "Đã chuyển nơi cư trú; đề nghị vẫn ở nơi cũ."),
        (_is_closed(matter), lambda: f"{_cell(matter)} đã kết thúc hoạt động; chờ đảng ủy chuyển về chi bộ khác."),
    ]
    return next((words() for is_so, words in why if is_so), f"{_cell(matter)} hiện không có bí thư trên hệ thống.")


def _is_closed(matter: EvaluationRequest) -> bool:
    return matter.residence_cell is not None and matter.residence_cell.closed_on is not None


def _ward(matter: EvaluationRequest) -> str:
    return matter.residence_commune.name


def _cell(matter: EvaluationRequest) -> str:
    return matter.residence_cell.name if matter.residence_cell else "Chi bộ"


def passed_on_to(committee: Organization) -> RequestQuerySet:
    """Asked by another committee before the member came here: the answers are ours to read and use."""
    rows = EvaluationRequest.objects.filter(asker_now=committee, campaign__isnull=False).live()
    return rows.exclude(campaign__committee=committee).exclude(state__in=[State.CONSIDERED, State.NO_REPLY]).listed()


def questions(committee: Organization) -> list[Transfer]:
    """Members on their way: to us first, then those of ours that wait elsewhere."""
    rows = Transfer.objects.waiting().filter(Q(to_committee=committee) | Q(from_committee=committee))
    found = rows.select_related("member", "from_committee", "to_committee").order_by("asked_at", "pk")
    return sorted(found, key=lambda row: row.to_committee_id != committee.pk)


def papers_back(committee: Organization) -> int:
    """Introductions that came back; they have a page of their own."""
    return Introduction.objects.filter(workplace=committee).unsettled().count()


def waiting_count(committee: Organization) -> int:
    """For the first screen."""
    lost = came_back(committee).count()
    return lost + stuck(committee).count() + Transfer.objects.waiting().filter(to_committee=committee).count()
