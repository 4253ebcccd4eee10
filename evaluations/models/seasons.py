"""A season (mùa lấy ý kiến): a superior committee sets the rulebook and the days for all committees below it.

Their campaigns inherit what it says, and it can launch them together in one act (launch.py).
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from evaluations.models.campaigns import Campaign
from evaluations.models.documents import Document
from evaluations.models.eligibility import Reason, counted
from evaluations.models.launch import Launched, launch
from evaluations.rulebooks import CURRENT, Rulebook, load
from members.models import AuditEvent, Membership, Organization
from members.models.organizations import next_path
from members.roles import Action
from members.states import Refused, move_all

if TYPE_CHECKING:
    from members.models import Seat, User

OWN_SEASON = "Người đặt mùa không tự phát hành. Xin để đồng chí khác có nhiệm vụ phát hành cho cấp dưới."
INHERITED = ("rulebook", "self_criticism_on", "due_on")


class SeasonQuerySet(models.QuerySet["Season"]):
    def seen_by(self, user: "User") -> "SeasonQuerySet":
        """Seasons this person sets or launches, and those below of which he sees the figures."""
        return self.filter(user.reach(Action.LEAD_SEASON, "lead__") | user.reach(Action.SEE_FIGURES, "lead__"))

    def over(self, committee: Organization, year: int) -> "Season | None":
        """The season in force for a committee: that of the nearest committee above that has set one."""
        above = [int(pk) for pk in committee.path.strip("/").split("/")]
        return self.filter(lead__in=above, year=year).order_by("-lead__path").first()


class Season(models.Model):
    lead = models.ForeignKey(Organization, models.PROTECT, related_name="seasons")
    year = models.PositiveSmallIntegerField("năm")
    rulebook = models.CharField("bộ quy định", max_length=40, default=CURRENT)
    self_criticism_on = models.DateField("ngày bắt đầu kiểm điểm")
    due_on = models.DateField("hạn trả lời")
    # The paper by which committees below are told; their letters cite it.
    basis = models.CharField("văn bản chỉ đạo", max_length=250)
    prepared_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    prepared_at = models.DateTimeField("đặt lúc", auto_now_add=True)
    launched_at = models.DateTimeField("phát hành lúc", null=True)
    launched_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")

    objects = SeasonQuerySet.as_manager()

    class Meta:
        verbose_name = "mùa lấy ý kiến nhận xét"
        ordering = ["-year", "-pk"]
        constraints = [
            models.UniqueConstraint(name="season_one_a_year", fields=["lead", "year"]),
            models.CheckConstraint(
                name="season_due_before_self_criticism", condition=Q(due_on__lt=F("self_criticism_on"))
            ),
            models.CheckConstraint(name="season_has_basis", condition=~Q(basis="")),
            models.CheckConstraint(
                name="season_launched_by_whom",
                condition=Q(launched_at=None, launched_by=None)
                | Q(launched_at__isnull=False, launched_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Mùa lấy ý kiến nhận xét năm {self.year}"

    @property
    def book(self) -> Rulebook:
        return load(self.rulebook)

    # What it covers

    def committees(self) -> "models.QuerySet[Organization]":
        """Committees at and below the lead that have workplace cells of their own, and nobody nearer sets a season."""
        cells = Organization.objects.workplace_cells()
        below = Organization.objects.below(self.lead).filter(closed_on=None)
        asks = (
            Exists(cells.filter(parent=OuterRef("pk")))
            | Exists(cells.filter(parent__kind=Organization.Kind.SECTIONAL, parent__parent=OuterRef("pk")))
            | Exists(Membership.objects.filter(cell=OuterRef("pk"), until_on=None))
        )
        found = below.exclude(kind__in=[*Organization.CELLS, Organization.Kind.EXTERNAL]).filter(asks)
        for path in Season.objects.filter(year=self.year, lead__path__gt=self.lead.path).values_list("lead__path"):
            found = found.exclude(path__gte=path[0], path__lt=next_path(path[0]))
        return found

    def cover(self, *, by: "Seat") -> int:
        """Every committee below has its campaign in this season; how many are new. What is out keeps its own days."""
        ours = self.committees()
        Campaign.objects.filter(committee__in=ours, year=self.year, season=None).update(season=self)
        missing = ours.exclude(campaigns__year=self.year)
        fresh = [
            Campaign(committee=committee, season=self, year=self.year, prepared_by=by, **self.inherited)
            for committee in missing
        ]
        Campaign.objects.bulk_create(fresh, batch_size=500, ignore_conflicts=True)
        self._unpresented().update(**self.inherited)
        return len(fresh)

    @property
    def inherited(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in INHERITED}

    def _unpresented(self) -> "models.QuerySet[Campaign]":
        return self.campaigns.filter(state=Campaign.State.DRAFT, presented_at=None)

    # Setting

    @transaction.atomic
    def set(self, *, by: "Seat") -> None:
        """Save what the form has filled in, new or changed, and let the campaigns that are not out yet inherit it."""
        is_new = self.pk is None
        self.prepared_by = by
        self.save()
        covered = self.cover(by=by)
        verb = "Season.prepare" if is_new else "Season.change"
        AuditEvent.objects.record(verb, by=by, on=self, fields=[*INHERITED, "basis"])
        if covered:
            AuditEvent.objects.record_many(
                "Campaign.prepare", by=by, model=Campaign, ids=self.campaigns.values_list("pk", flat=True)
            )

    # Phát hành

    def can_launch(self, by: "Seat | None" = None) -> bool:
        """Before its due date, by somebody else than who set it."""
        if self.due_on < timezone.localdate():
            return False
        return by is None or self.prepared_by.user_id != by.user_id

    @transaction.atomic
    def launch(self, *, by: "Seat", on: date | None = None) -> Launched:
        """Issue the letters of every committee that has not begun by itself; again: ask about who is missing.

        One transaction: either every committee has asked, or none. Pressing twice asks nobody twice.
        """
        locked = Season.objects.select_for_update(of=("self",)).select_related("prepared_by", "lead").get(pk=self.pk)
        if locked.prepared_by.user_id == by.user_id:
            raise Refused(OWN_SEASON)
        if not locked.can_launch():
            raise Refused(f"Hạn trả lời {locked.due_on:%d/%m/%Y} đã qua. Xin sửa hạn trả lời rồi phát hành.")
        locked.cover(by=by)
        ready = locked.ready()
        done = launch(ready, by=by, on=on or timezone.localdate())
        # By a list of ids: campaigns with many letters would be counted as many.
        sent = Document.objects.filter(campaign__in=ready, state=Document.State.ISSUED).order_by().values("campaign")
        move_all(self.campaigns.filter(pk__in=sent), Campaign.State.OPEN, by=by)
        if done.letters:
            self.launched_at, self.launched_by = timezone.now(), by
            self.save(update_fields=["launched_at", "launched_by"])
            AuditEvent.objects.record("Season.launch", by=by, on=self, fields=["launched_at"])
        return done

    def ready(self) -> list[Campaign]:
        """Campaigns that go out with the season, locked: not those whose letters wait for their own signer."""
        waiting = Document.objects.filter(campaign=OuterRef("pk"), genre=Document.Genre.REQUEST_LETTER)
        begun = waiting.filter(
            Q(state=Document.State.FOR_SIGNATURE) | Q(state=Document.State.DRAFT) & ~Q(return_note="")
        )
        live = self.campaigns.filter(state__in=[Campaign.State.DRAFT, Campaign.State.OPEN])
        # The lock first, then the look: whoever presented a moment ago has been waited for.
        ids = list(live.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
        free = self.campaigns.filter(~Exists(begun), pk__in=ids)
        return list(free.select_related("committee__parent", "season").order_by("pk"))

    # Xem trước

    def preview(self) -> "list[Standing]":
        """Every committee with what a launch would do there now; figures only, no names."""
        campaigns = list(self.campaigns.select_related("committee").order_by("committee__path"))
        rows = {campaign.pk: Standing(campaign) for campaign in campaigns}
        for campaign_id, commune_id, reason, number in counted(campaigns):
            row = rows[campaign_id]
            if not reason and commune_id:
                row.asked += number
                row.communes += 1
            else:
                row.reasons[reason] += number
        unsent = Document.objects.filter(campaign__season=self, genre=Document.Genre.REQUEST_LETTER)
        for campaign_id in unsent.filter(
            Q(state=Document.State.FOR_SIGNATURE) | Q(state=Document.State.DRAFT) & ~Q(return_note="")
        ).values_list("campaign", flat=True):
            rows[campaign_id].has_begun = True
        return list(rows.values())


@dataclass
class Standing:
    """One committee of a season before the launch: who would be asked, who would not and why."""

    campaign: Campaign
    asked: int = 0
    communes: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    has_begun: bool = False

    @property
    def already(self) -> int:
        return self.reasons[Reason.ALREADY]

    @property
    def left_out(self) -> list[tuple[str, int]]:
        return [
            (reason.label, self.reasons[reason])
            for reason in Reason
            if reason != Reason.ALREADY and self.reasons[reason]
        ]

    @property
    def takes_part(self) -> bool:
        """Whether a launch of the season would touch it at all."""
        return not self.has_begun and self.campaign.state in (Campaign.State.DRAFT, Campaign.State.OPEN)
