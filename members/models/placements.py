"""Where a member keeps contact at residence (nơi giữ mối liên hệ): commune, cell, class, from … to."""

from collections import Counter
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

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


def learned_cells(commune: Organization) -> dict[str, int]:
    """What this commune has decided before: words as written → the cell most often chosen for them."""
    chosen: dict[str, Counter[int]] = {}
    past = Placement.objects.filter(commune=commune, cell__isnull=False, cell__closed_on=None).exclude(
        cell_written_key=""
    )
    rows = past.values_list("cell_written_key", "cell_id").annotate(n=models.Count("pk"))
    for key, cell_id, count in rows:
        chosen.setdefault(key, Counter())[cell_id] += count
    return {key: counts.most_common(1)[0][0] for key, counts in chosen.items()}
