"""Where a member keeps contact at residence (nơi giữ mối liên hệ): commune, cell, class, from … to."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from members.models.conflicts import refuse_conflict
from members.models.history import AuditEvent
from members.models.organizations import Organization
from members.models.people import EndReason, Member, Membership
from members.names import search_key
from members.roles import Action, Side

if TYPE_CHECKING:
    from members.models.accounts import Seat, User


class PlacementQuerySet(models.QuerySet["Placement"]):
    def current(self) -> "PlacementQuerySet":
        return self.filter(until_on=None)

    def active(self) -> "PlacementQuerySet":
        """Class (a): takes part at residence and is commented on every year (HD 33, 1.1 by contrast)."""
        return self.filter(standing=Placement.Standing.ACTIVE)

    def exempt(self) -> "PlacementQuerySet":
        return self.filter(standing=Placement.Standing.EXEMPT_ACTIVITY)

    def of_cell(self, cell: Organization, *, also: "PlacementQuerySet | None" = None) -> "PlacementQuerySet":
        """Who belongs to a residence cell now, by name; each with `workplace`, as no name stands alone.

        `also`: placements that have ended and still matter to it.
        """
        open_membership = Membership.objects.filter(member=OuterRef("member"), until_on=None)
        ended = Q(pk__in=also.values("pk")) if also is not None else Q()
        return (
            self.filter(Q(until_on=None) | ended if ended else Q(until_on=None))
            .filter(cell=cell)
            .select_related("member")
            .annotate(workplace=Subquery(open_membership.values("cell__parent__name")[:1]))
            .order_by("member__sort_key", "pk")
        )

    @transaction.atomic
    def begin(self, member: Member, commune: Organization, origin: str, *, by: "Seat", words: str = "") -> "Placement":
        """A new place of contact from today; the class goes with the person, from the newest place before."""
        last = self.filter(member=member).order_by("-from_on", "-pk").first()
        today = timezone.localdate()
        row = Placement(
            member=member,
            commune=commune,
            cell_as_written=words,
            origin=origin,
            # Not on a day that belongs to the place before.
            from_on=max(today, last.until_on + timedelta(days=1)) if last and last.until_on else today,
        )
        if last:
            row.standing, row.exemption = last.standing, last.exemption
            row.exemption_proof, row.review_on, row.standing_on = last.exemption_proof, last.review_on, last.standing_on
        row.set_keys()
        row.save()
        AuditEvent.objects.record("Placement.begin", by=by, on=row, fields=["commune", "from_on"])
        return row

    def for_residence(self, user: "User", action: Action) -> "PlacementQuerySet":
        """Placements the user reaches from the residence side, by the commune or by the cell."""
        return self.filter(
            user.reach(action, "commune__", Side.RESIDENCE) | user.reach(action, "cell__", Side.RESIDENCE)
        )


class Placement(models.Model):
    class Standing(models.TextChoices):
        ACTIVE = "active", "Tham gia sinh hoạt nơi cư trú"
        EXEMPT_ACTIVITY = "exempt_activity", "Giới thiệu nhưng được miễn sinh hoạt nơi cư trú"

    class Origin(models.TextChoices):
        ROSTER = "roster", "Danh sách nơi công tác"
        INTRODUCTION = "introduction", "Giấy giới thiệu"
        RESIDENCE = "residence", "Nơi cư trú ghi nhận"

    member = models.ForeignKey(Member, models.PROTECT, related_name="placements")
    commune = models.ForeignKey(Organization, models.PROTECT, related_name="placements_in_commune")
    # tổ dân phố ≠ chi bộ: only the commune turns the words of the roster into a cell.
    cell = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="placements_in_cell")
    cell_as_written = models.CharField("tổ dân phố, thôn (theo danh sách)", max_length=120, blank=True)
    cell_written_key = models.CharField(max_length=120, blank=True)
    standing = models.CharField("diện", max_length=16, choices=Standing.choices, default=Standing.ACTIVE)
    # The category may tell where somebody serves: shown to the workplace only (design §4).
    exemption = models.CharField("lý do miễn sinh hoạt", max_length=20, blank=True)
    exemption_proof = models.CharField("căn cứ miễn", max_length=250, blank=True)
    review_on = models.DateField("ngày rà soát diện miễn", null=True, blank=True)
    standing_on = models.DateField("áp dụng diện từ ngày", null=True, blank=True)
    origin = models.CharField("nguồn", max_length=12, choices=Origin.choices)
    from_on = models.DateField("từ ngày")
    until_on = models.DateField("đến ngày", null=True, blank=True)
    end_reason = models.CharField("lý do kết thúc", max_length=9, choices=EndReason.choices, blank=True)
    assigned_at = models.DateTimeField(null=True)
    assigned_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")

    objects = PlacementQuerySet.as_manager()

    class Meta:
        verbose_name = "nơi giữ mối liên hệ"
        indexes = [models.Index(fields=["commune", "cell_written_key"], name="placement_as_written")]
        constraints = [
            models.CheckConstraint(
                name="placement_standing_known", condition=Q(standing__in=["active", "exempt_activity"])
            ),
            models.CheckConstraint(
                name="placement_origin_known", condition=Q(origin__in=["roster", "introduction", "residence"])
            ),
            models.CheckConstraint(
                name="placement_category_only_when_exempt", condition=Q(standing="exempt_activity") | Q(exemption="")
            ),
            models.CheckConstraint(
                name="placement_ends_after_start", condition=Q(until_on=None) | Q(until_on__gte=F("from_on"))
            ),
            models.CheckConstraint(
                name="placement_end_reason_known",
                condition=Q(end_reason__in=["", "moved", "corrected", "retired", "died", "left", "abroad"]),
            ),
            models.CheckConstraint(
                name="placement_reason_only_when_ended", condition=Q(end_reason="") | Q(until_on__isnull=False)
            ),
            models.UniqueConstraint(name="placement_one_open", fields=["member"], condition=Q(until_on=None)),
            models.CheckConstraint(
                name="placement_assigned_by_whom",
                condition=Q(assigned_at=None, assigned_by=None)
                | Q(assigned_at__isnull=False, assigned_by__isnull=False),
            ),
        ]

    def set_keys(self) -> None:
        self.cell_written_key = search_key(self.cell_as_written)

    @transaction.atomic
    def assign(self, cell: Organization, *, by: "Seat") -> None:
        """The commune gives the member to one of its residence cells. ValueError for a cell of another commune."""
        if cell.parent_id != self.commune_id or cell.side != Organization.Side.RESIDENCE:
            raise ValueError("A placement is assigned to a residence cell of its own commune.")
        if self.cell_id == cell.pk:
            return
        before = self.cell_id
        self.cell, self.assigned_at, self.assigned_by = cell, timezone.now(), by
        self.save(update_fields=["cell", "assigned_at", "assigned_by"])
        AuditEvent.objects.record("Placement.assign", by=by, on=self, changes={"cell": [before, cell.pk]})

    @transaction.atomic
    def set_standing(
        self,
        standing: str,
        *,
        since: date,
        by: "Seat",
        exemption: str = "",
        proof: str = "",
        review_on: date | None = None,
    ) -> None:
        """The workplace decides the class, or looks at it again: why, on what paper, since when, until the next look.

        What it was before stays in the history, in the part that can be erased.
        """
        after: dict[str, Any] = {
            "standing": standing,
            "standing_on": since,
            "exemption": exemption,
            "exemption_proof": proof,
            "review_on": review_on,
        }
        refuse_conflict(self.member_id, by)
        locked = Placement.objects.select_for_update(of=("self",)).get(pk=self.pk)
        changes = {name: [getattr(locked, name), value] for name, value in after.items()}
        for name, value in after.items():
            setattr(self, name, value)
        self.save(update_fields=list(after))
        AuditEvent.objects.record("Placement.set_standing", by=by, on=self, changes=changes)

    @transaction.atomic
    def end(self, *, by: "Seat") -> None:
        """Contact is kept here no longer, since yesterday; a place that began today ends today."""
        self.until_on = max(self.from_on, timezone.localdate() - timedelta(days=1))
        self.save(update_fields=["until_on"])
        AuditEvent.objects.record("Placement.end", by=by, on=self, fields=["until_on"])

    @transaction.atomic
    def accept_on_paper(self, cell: str, *, by: "Seat") -> None:
        """Received by a commune that is not on the system: its cell is known by the words on the paper only."""
        self.cell_as_written = cell
        self.set_keys()
        self.origin, self.accepted_at, self.accepted_by = self.Origin.INTRODUCTION, timezone.now(), by
        self.save(update_fields=["cell_as_written", "cell_written_key", "origin", "accepted_at", "accepted_by"])
        AuditEvent.objects.record("Placement.accept", by=by, on=self, fields=["cell_as_written", "accepted_at"])
