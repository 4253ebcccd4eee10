"""How far a campaign is at every commune, and who owes the next step of every request. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Count, OuterRef, Prefetch, Q, Subquery

from evaluations.models import AssessmentVersion, Campaign, Document, EvaluationRequest, Letter
from evaluations.models.requests import RequestQuerySet
from members.models import Organization

State = EvaluationRequest.State
ANSWERED = EvaluationRequest.REPLIED
UNDELIVERED = (Letter.State.QUEUED, Letter.State.RENDERED, Letter.State.SENDING)


@dataclass
class CommuneStanding:
    """One commune of a campaign: its letters, how many were asked, answered, still open."""

    commune: Organization
    counts: dict[str, int]
    letters: list[Document] = field(default_factory=list)
    today: date = date.min
    due_on: date = date.max

    @property
    def asked(self) -> int:
        return sum(self.counts.values())

    @property
    def answered(self) -> int:
        return sum(self.counts.get(state, 0) for state in ANSWERED)

    @property
    def declined(self) -> int:
        return self.counts.get(State.DECLINED, 0)

    @property
    def silent(self) -> int:
        return self.counts.get(State.NO_REPLY, 0)

    @property
    def owed(self) -> int:
        return self.asked - self.answered - self.declined - self.silent

    @property
    def state(self) -> str:
        """The tile: the least advanced of its letters, and "replied" when nothing is owed."""
        # First: a commune on paper may have answered though nobody ticked its letter as sent.
        if self.letters and not self.owed and not self.silent:
            return "replied"
        if not self.letters or any(is_unsent(letter) for letter in self.letters):
            return "unsent"
        if any(letter.registered_at is None for letter in self.letters):
            return "sent"
        return "registered"

    @property
    def days_late(self) -> int:
        return max((self.today - self.due_on).days, 0) if self.owed else 0

    @property
    def summary(self) -> str:
        return f"{self.answered} / {self.asked} đồng chí đã có trả lời"

    @property
    def lateness(self) -> str:
        return f"Chậm {self.days_late} ngày" if self.days_late else ""

    @property
    def step(self) -> str:
        """What the commune, or we, owe now."""
        if not self.owed:
            return ""
        return {
            "unsent": self._outside(),
            "sent": "đảng ủy chưa vào sổ công văn đến",
            "registered": self._inside(),
        }.get(self.state, "")

    @property
    def has_failed(self) -> bool:
        rows = [row for letter in self.letters for row in letter.letters.all()]
        return any(row.state in (Letter.State.FAILED, Letter.State.BOUNCED) for row in rows)

    def _outside(self) -> str:
        if not self.commune.is_on_system:
            return "công văn giấy chưa gửi đi"
        return "thư báo không gửi được, gọi điện cho đơn vị" if self.has_failed else "công văn chưa gửi đi"

    def _inside(self) -> str:
        unassigned = self.counts.get(State.AT_COMMUNE, 0)
        return f"còn {unassigned} đồng chí chưa phân chi bộ" if unassigned else "đang nhận xét, xác nhận"


def is_unsent(letter: Document) -> bool:
    if letter.registered_at:
        return False
    deliveries = letter.letters.all()
    return letter.state != Document.State.ISSUED or not any(row.state == Letter.State.SENT for row in deliveries)


def commune_standings(campaign: Campaign, today: date) -> list[CommuneStanding]:
    """Those that owe longest and most first; three queries however many communes."""
    counts: dict[int, dict[str, int]] = {}
    matters = campaign.requests.exclude(state__in=[State.CANCELLED, State.SUPERSEDED]).order_by()
    for commune_id, state, number in matters.values_list("residence_commune", "state").annotate(n=Count("pk")):
        counts.setdefault(commune_id, {})[state] = number
    letters: dict[int | None, list[Document]] = {}
    for letter in request_letters(campaign):
        letters.setdefault(letter.recipient_id, []).append(letter)
    communes = Organization.objects.filter(pk__in=counts).order_by("locality_key", "pk")
    standings = [
        CommuneStanding(commune, counts[commune.pk], letters.get(commune.pk, []), today, campaign.due_on)
        for commune in communes
    ]
    return sorted(standings, key=lambda row: (-row.days_late, row.owed == 0))


def request_letters(campaign: Campaign) -> "Iterable[Document]":
    """The campaign's letters that are waiting or out, in signing order, each with its deliveries."""
    return (
        campaign.documents.filter(
            genre=Document.Genre.REQUEST_LETTER, state__in=[Document.State.FOR_SIGNATURE, Document.State.ISSUED]
        )
        .select_related("recipient")
        .prefetch_related(Prefetch("letters", Letter.objects.order_by("pk").prefetch_related("hand_overs")))
        .with_files()
        .order_by("recipient__locality_key", "pk")
    )


def replies_to(campaign: Campaign, commune_id: int) -> "Iterable[Document]":
    """What the commune has answered so far, one letter a round."""
    replies = campaign.documents.filter(genre=Document.Genre.REPLY_LETTER, issuer=commune_id)
    return replies.filter(state=Document.State.ISSUED).with_files().order_by("pk")


def pending_letters(**of: Any) -> tuple[int, int, int, int]:
    """(on their way, waiting for a second try, all, printed) of deliveries of a campaign or a season.

    Paper is on its way until it can be printed.
    """
    rows = Letter.objects.filter(kind=Letter.Kind.REQUEST, **of)
    waits = Q(state=Letter.State.QUEUED) | Q(state__in=UNDELIVERED, channel=Letter.Channel.EMAIL)
    found = rows.aggregate(
        moving=Count("pk", filter=waits & Q(next_try_at=None)),
        later=Count("pk", filter=waits & Q(next_try_at__isnull=False)),
        total=Count("pk"),
        printed=Count("pk", filter=~Q(state=Letter.State.QUEUED)),
    )
    return found["moving"], found["later"], found["total"], found["printed"]


def with_step(matters: RequestQuerySet) -> RequestQuerySet:
    """Requests with the state of the newest version of the text that will answer them."""
    newest = AssessmentVersion.objects.filter(assessment=OuterRef("assessment")).order_by("-no")
    return matters.annotate(version_state=Subquery(newest.values("state")[:1]))


def owed_step(matter: EvaluationRequest) -> str:
    """Who owes what now, for a request from `with_step`; "" when nothing is owed by the residence side."""
    commune = matter.residence_commune.name
    cell = matter.residence_cell.name if matter.residence_cell else ""
    if matter.state == State.AT_CELL:
        waits_for_commune: dict[Any, str] = {
            AssessmentVersion.State.SUBMITTED: f"{commune} chưa xác nhận",
            AssessmentVersion.State.CONFIRMED: f"{commune} chưa gửi công văn trả lời",
        }
        return waits_for_commune.get(getattr(matter, "version_state", None), f"{cell} đang soạn nhận xét")
    return {
        State.PREPARED: "công văn chưa phát hành",
        State.ISSUED: f"{commune} chưa vào sổ",
        State.AT_COMMUNE: f"{commune} chưa phân về chi bộ",
        State.RETURN_ASKED: f"{commune} đang xem đề nghị bổ sung",
        State.ANSWERED: "chờ nơi công tác mở đọc",
    }.get(State(matter.state), "")
