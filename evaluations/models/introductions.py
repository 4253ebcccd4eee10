"""Giấy giới thiệu (mẫu 1-213): a workplace introduces a member to where he or she lives, and what became of it there.

The paper has two sides. Here it is drafted and ended, by the workplace; introduction_issue.py is the signer's folder.
receptions.py is the residence's side: the book, the cell, the acceptance, the counterpart that goes back.
"""

from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q, Subquery
from django.utils import timezone

from evaluations.models.documents import Document
from members.models import AuditEvent, Member, Membership, Organization, Placement
from members.roles import Action, Side
from members.states import Refused, move

if TYPE_CHECKING:
    from members.models import Seat, User


class IntroductionQuerySet(models.QuerySet["Introduction"]):
    def for_workplace(self, user: "User", action: Action) -> "IntroductionQuerySet":
        return self.filter(user.reach(action, "workplace__", Side.WORKPLACE))

    def for_residence(self, user: "User", action: Action) -> "IntroductionQuerySet":
        """From the residence side an introduction exists once it was issued."""
        reach = user.reach(action, "commune__", Side.RESIDENCE) | user.reach(action, "cell__", Side.RESIDENCE)
        return self.filter(reach, issued_at__isnull=False)

    def live(self) -> "IntroductionQuerySet":
        return self.filter(state__in=Introduction.LIVE)

    def waiting(self) -> "IntroductionQuerySet":
        """Out of the house, and the member not yet received at residence."""
        return self.filter(state__in=Introduction.UNDERWAY)

    def overdue(self) -> "IntroductionQuerySet":
        """Issued longer ago than the rulebook allows, and nobody has received."""
        return self.waiting().filter(due_on__lt=timezone.localdate())

    def to_register(self) -> "IntroductionQuerySet":
        return self.filter(state=Introduction.State.ISSUED).exclude(commune__kind=Organization.Kind.EXTERNAL)

    def to_assign(self) -> "IntroductionQuerySet":
        return self.filter(state=Introduction.State.AT_COMMUNE)

    def to_accept(self) -> "IntroductionQuerySet":
        return self.filter(state=Introduction.State.ASSIGNED)

    def to_return(self) -> "IntroductionQuerySet":
        """Accepted, and the counterpart has not gone back to the workplace."""
        return self.filter(state=Introduction.State.ACCEPTED, counterpart=None, accepted_keyed_by=None)

    def unsettled(self) -> "IntroductionQuerySet":
        """Sent back by the residence side, and nothing has followed: neither a newer introduction nor an end."""
        newer = Introduction.objects.filter(member=OuterRef("member"), pk__gt=OuterRef("pk"))
        return self.filter(~Exists(newer), state=Introduction.State.RETURNED)

    def listed(self) -> "IntroductionQuerySet":
        """With everything a row of a list shows; `work` names the workplace, as no name stands alone."""
        cell = Membership.objects.filter(member=OuterRef("member"), until_on=None).values("cell__name")[:1]
        related = self.select_related("member", "workplace", "commune", "cell", "placement", "document", "counterpart")
        return related.annotate(work_cell=Subquery(cell)).order_by("member__sort_key", "pk")

    def by_state(self) -> dict[str, int]:
        return dict(self.order_by().values_list("state").annotate(n=models.Count("pk")))

    @transaction.atomic
    def draft_all(self, placements: "models.QuerySet[Placement]", *, by: "Seat") -> int:
        """One introduction for each of these members to where they live; who has one is left out. How many are new."""
        open_ones = placements.filter(until_on=None).order_by("pk")
        held = list(open_ones.select_for_update(of=("self",)).values_list("pk", "member_id", "commune_id"))
        known = set(self.model.objects.live().filter(placement__in=open_ones).values_list("member_id", flat=True))
        rows = self.bulk_create(
            [
                Introduction(
                    member_id=member, workplace=by.organization, commune_id=commune, placement_id=pk, prepared_by=by
                )
                for pk, member, commune in held
                if member not in known
            ],
            batch_size=200,
        )
        if rows:
            ids = [row.pk for row in rows]
            AuditEvent.objects.record_many("Introduction.draft", by=by, model=Introduction, ids=ids)
        return len(rows)


class Introduction(models.Model):
    class State(models.TextChoices):
        DRAFT = "draft", "đang soạn"
        ISSUED = "issued", "đã gửi"
        AT_COMMUNE = "at_commune", "đã vào sổ (đảng ủy xã, phường)"
        ASSIGNED = "assigned", "đã phân về chi bộ"
        ACCEPTED = "accepted", "đã tiếp nhận"
        RETURNED = "returned", "chuyển lại nơi công tác"
        CANCELLED = "cancelled", "đã hủy"
        CLOSED = "closed", "đã kết thúc"

    class End(models.TextChoices):
        """Why an introduction is over."""

        MOVED = "moved", "Đã chuyển nơi cư trú"
        LEFT = "left", "Đã chuyển công tác"
        RETIRED = "retired", "Đã nghỉ hưu, chuyển sinh hoạt đảng về nơi cư trú"
        OUT = "out", "Không còn là đảng viên"
        DECEASED = "deceased", "Đã từ trần"
        MISTAKE = "mistake", "Lập nhầm"
        SETTLED = "settled", "Nơi công tác đã xử lý"

    # With these the member keeps contact here no longer; who changed jobs still lives where he did.
    ENDS_PLACE = (End.MOVED, End.RETIRED, End.OUT, End.DECEASED)
    UNDERWAY = (State.ISSUED, State.AT_COMMUNE, State.ASSIGNED)
    LIVE = (State.DRAFT, *UNDERWAY, State.ACCEPTED)
    MOVES = {
        State.DRAFT: frozenset({State.ISSUED, State.CANCELLED}),
        # The counterpart that comes back on paper may be the first that is heard of the commune.
        State.ISSUED: frozenset({State.AT_COMMUNE, State.ACCEPTED, State.RETURNED, State.CANCELLED, State.CLOSED}),
        State.AT_COMMUNE: frozenset({State.ASSIGNED, State.RETURNED, State.CLOSED}),
        State.ASSIGNED: frozenset({State.ACCEPTED, State.RETURNED, State.CLOSED}),
        State.ACCEPTED: frozenset({State.RETURNED, State.CLOSED}),
        State.RETURNED: frozenset({State.CLOSED}),
        State.CANCELLED: frozenset(),
        State.CLOSED: frozenset(),
    }
    STAMPS = {
        State.ISSUED: "issued",
        State.AT_COMMUNE: "at_commune",
        State.ASSIGNED: "assigned",
        State.ACCEPTED: "accepted",
        State.RETURNED: "returned",
        State.CANCELLED: "ended",
        State.CLOSED: "ended",
    }

    member = models.ForeignKey(Member, models.PROTECT, related_name="introductions")
    workplace = models.ForeignKey(Organization, models.PROTECT, related_name="introductions_sent")
    commune = models.ForeignKey(Organization, models.PROTECT, related_name="introductions_received")
    cell = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="introductions_to_cell")
    placement = models.ForeignKey(Placement, models.PROTECT, related_name="introductions")
    document = models.OneToOneField(Document, models.PROTECT, null=True, related_name="introduction")
    counterpart = models.OneToOneField(Document, models.PROTECT, null=True, related_name="acknowledged")
    state = models.CharField("bước", max_length=10, choices=State.choices, default=State.DRAFT)
    # So many working days after it was issued (rulebook): until then somebody should have received.
    due_on = models.DateField("hạn tiếp nhận", null=True)
    prepared_at = models.DateTimeField(auto_now_add=True)
    prepared_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    issued_at = models.DateTimeField(null=True)
    issued_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    at_commune_at = models.DateTimeField(null=True)
    at_commune_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    assigned_at = models.DateTimeField(null=True)
    assigned_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    # The day on the counterpart; what came back on paper was keyed here, with the cell's name as it stands there.
    accepted_on = models.DateField("tiếp nhận ngày", null=True)
    accepted_keyed_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    cell_as_written = models.CharField("chi bộ ghi trên giấy", max_length=120, blank=True)
    returned_at = models.DateTimeField(null=True)
    returned_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    return_code = models.CharField("lý do chuyển lại", max_length=20, blank=True)
    return_note = models.CharField("ghi chú", max_length=300, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    end_code = models.CharField("lý do kết thúc", max_length=10, choices=End.choices, blank=True)
    end_note = models.CharField("ghi chú kết thúc", max_length=300, blank=True)

    objects = IntroductionQuerySet.as_manager()

    class Meta:
        verbose_name = "giấy giới thiệu"
        indexes = [
            models.Index(fields=["workplace", "state"], name="introduction_of_workplace"),
            models.Index(fields=["commune", "state"], name="introduction_of_commune"),
            models.Index(fields=["cell", "state"], name="introduction_of_cell"),
        ]
        constraints = [
            models.CheckConstraint(
                name="introduction_state_known",
                condition=Q(
                    state__in=[
                        "draft",
                        "issued",
                        "at_commune",
                        "assigned",
                        "accepted",
                        "returned",
                        "cancelled",
                        "closed",
                    ]
                ),
            ),
            models.UniqueConstraint(
                name="introduction_one_live",
                fields=["member"],
                condition=Q(state__in=["draft", "issued", "at_commune", "assigned", "accepted"]),
            ),
            models.CheckConstraint(
                name="introduction_issued_has_paper",
                condition=Q(state__in=["draft", "cancelled"]) | Q(document__isnull=False),
            ),
            models.CheckConstraint(
                name="introduction_assigned_has_cell", condition=~Q(state="assigned") | Q(cell__isnull=False)
            ),
            models.CheckConstraint(
                name="introduction_accepted_where_and_when",
                condition=~Q(state="accepted")
                | (Q(accepted_on__isnull=False) & (Q(cell__isnull=False) | ~Q(cell_as_written=""))),
            ),
            models.CheckConstraint(
                name="introduction_returned_has_code", condition=~Q(state="returned") | ~Q(return_code="")
            ),
            models.CheckConstraint(
                name="introduction_ended_has_code", condition=~Q(state__in=["cancelled", "closed"]) | ~Q(end_code="")
            ),
            models.CheckConstraint(
                name="introduction_end_known",
                condition=Q(
                    end_code__in=["", "moved", "left", "retired", "out", "deceased", "mistake", "settled"],
                ),
            ),
        ]

    @classmethod
    @transaction.atomic
    def draft(cls, member: Member, commune: Organization, *, by: "Seat", words: str = "") -> "Introduction":
        """Introduce one member to the commune where he or she lives; the committee is that of the acting seat.

        `words`: the quarter or village as the member says, for a place that the register does not know yet. An
        introduction that was accepted at a residence which has ended since is closed by the way. Raises Refused.
        """
        Member.objects.select_for_update(no_key=True).get(pk=member.pk)
        membership = member.memberships.filter(until_on=None).select_related("cell").first()
        if membership is None or not membership.cell.path.startswith(by.organization.path):
            raise Refused("Đồng chí này không sinh hoạt ở đảng bộ của đồng chí, nên không giới thiệu từ đây được.")
        if not commune.unit or commune.closed_on:
            raise Refused("Giấy giới thiệu gửi đảng ủy xã, phường, đặc khu. Xin chọn lại nơi nhận.")
        if earlier := cls.objects.live().filter(member=member).select_related("placement", "commune").first():
            if earlier.state == cls.State.DRAFT or earlier.placement.until_on is None:
                raise Refused(f"Đồng chí này đã có giấy giới thiệu gửi {earlier.commune.name}.")
            earlier.close(cls.End.MOVED, "", by=by)
        placement = Placement.objects.current().filter(member=member).select_related("commune").first()
        if placement and placement.commune_id != commune.pk:
            raise Refused(
                f"Sổ theo dõi đang ghi đồng chí này giữ mối liên hệ ở {placement.commune.name}. Ghi chuyển nơi cư trú "
                "trước, rồi giới thiệu về nơi mới."
            )
        if placement is None:
            origin = Placement.Origin.INTRODUCTION
            placement = Placement.objects.begin(member, commune, origin, by=by, words=words)
        row = cls.objects.create(
            member=member, workplace=by.organization, commune=commune, placement=placement, prepared_by=by
        )
        AuditEvent.objects.record("Introduction.draft", by=by, on=row)
        return row

    def can_cancel(self) -> bool:
        return self.State.CANCELLED in self.MOVES[self.State(self.state)]

    @transaction.atomic
    def cancel(self, note: str, *, by: "Seat") -> None:
        """Drawn up by mistake: nothing was issued yet, or the commune has not entered it in its book."""
        move(self, self.State.CANCELLED, by=by, end_code=self.End.MISTAKE, end_note=note)
        if self.document:
            move(self.document, Document.State.WITHDRAWN, by=by)

    def can_close(self) -> bool:
        return self.State.CLOSED in self.MOVES[self.State(self.state)]

    @transaction.atomic
    def close(self, code: str, note: str, *, by: "Seat") -> None:
        """The member has moved, retired, left …; or what the residence side sent back has been settled."""
        move(self, self.State.CLOSED, by=by, end_code=code, end_note=note)
        if code in self.ENDS_PLACE and self.placement.until_on is None:
            self.placement.end(by=by)

    @property
    def where(self) -> str:
        """The cell at residence, as far as it is known."""
        return self.cell.name if self.cell else self.cell_as_written

    @property
    def days_late(self) -> int:
        return max((timezone.localdate() - self.due_on).days, 0) if self.due_on and self.state in self.UNDERWAY else 0


@transaction.atomic
def conclude(member: Member, code: str, *, by: "Seat") -> int:
    """Whatever introduces this member is over, because the member has moved, retired, left; how many were."""
    rows = list(Introduction.objects.live().filter(member=member).select_related("document", "placement"))
    for row in rows:
        if row.can_close():
            row.close(code, "", by=by)
        else:
            row.cancel("", by=by)
    return len(rows)
