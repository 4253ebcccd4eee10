"""A member goes to another committee on the system: asked by the one, accepted by the other, and only then moved."""

from datetime import date
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import F, Q

from evaluations.models.move_plans import Kind, Move, Plan
from evaluations.models.moves import carry_out
from members.models import AuditEvent, Member, Organization
from members.models import moves as rows
from members.models.people import Membership
from members.roles import Action, Side
from members.states import Refused, move

if TYPE_CHECKING:
    from members.models import Seat, User


class TransferQuerySet(models.QuerySet["Transfer"]):
    def for_user(self, user: "User", action: Action = Action.SEE_MEMBERS) -> "TransferQuerySet":
        """Both ends see the question."""
        return self.filter(
            user.reach(action, "from_committee__", Side.WORKPLACE)
            | user.reach(action, "to_committee__", Side.WORKPLACE)
        )

    def waiting(self) -> "TransferQuerySet":
        return self.filter(state=Transfer.State.ASKED)

    @transaction.atomic
    def ask(
        self, member: Member, to: Organization, on: date, *, position: str = "", note: str = "", by: "Seat"
    ) -> "Transfer":
        """Ask the other committee to take the member over; until it does, nothing changes."""
        rows.hold(member)
        rows.refuse_day(on, Membership, member=member)
        membership = rows.open_membership(member)
        if membership is None:
            raise Refused("Đồng chí này không còn sinh hoạt tại nơi công tác trong sổ.")
        if self.waiting().filter(member=member).exists():
            raise Refused("Đã có đề nghị chuyển đồng chí này, đang chờ nơi mới tiếp nhận. Rút đề nghị đó trước.")
        left = membership.cell.asking_committee
        if not to.is_on_system or to.closed_on or to.pk == left.pk:
            raise Refused("Chọn đảng ủy khác đang dùng hệ thống.")
        asked = self.create(
            member=member, from_committee=left, to_committee=to, on=on, position=position, note=note, asked_by=by
        )
        AuditEvent.objects.record("Transfer.ask", by=by, on=asked, fields=["member", "to_committee", "on"])
        return asked


class Transfer(models.Model):
    class State(models.TextChoices):
        ASKED = "asked", "chờ nơi mới tiếp nhận"
        ACCEPTED = "accepted", "đã tiếp nhận"
        REFUSED = "refused", "nơi mới không tiếp nhận"
        WITHDRAWN = "withdrawn", "đã rút đề nghị"

    MOVES = {
        State.ASKED: frozenset({State.ACCEPTED, State.REFUSED, State.WITHDRAWN}),
        State.ACCEPTED: frozenset(),
        State.REFUSED: frozenset(),
        State.WITHDRAWN: frozenset(),
    }
    STAMPS = {State.ACCEPTED: "settled", State.REFUSED: "settled", State.WITHDRAWN: "settled"}

    member = models.ForeignKey(Member, models.PROTECT, related_name="transfers")
    from_committee = models.ForeignKey(Organization, models.PROTECT, related_name="transfers_out")
    to_committee = models.ForeignKey(Organization, models.PROTECT, related_name="transfers_in")
    on = models.DateField("từ ngày")
    position = models.CharField("chức vụ, vị trí công tác mới", max_length=200, blank=True)
    note = models.CharField("lời nhắn", max_length=200, blank=True)
    state = models.CharField("trạng thái", max_length=9, choices=State.choices, default=State.ASKED)
    asked_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    settled_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    settled_at = models.DateTimeField(null=True)
    answer = models.CharField("lý do không tiếp nhận", max_length=200, blank=True)

    objects = TransferQuerySet.as_manager()

    class Meta:
        verbose_name = "đề nghị chuyển sinh hoạt"
        constraints = [
            models.CheckConstraint(
                name="transfer_state_known", condition=Q(state__in=["asked", "accepted", "refused", "withdrawn"])
            ),
            models.CheckConstraint(name="transfer_between_two", condition=~Q(from_committee=F("to_committee"))),
            models.UniqueConstraint(name="transfer_one_waiting", fields=["member"], condition=Q(state="asked")),
            models.CheckConstraint(name="transfer_refused_why", condition=~Q(state="refused") | ~Q(answer="")),
            models.CheckConstraint(
                name="transfer_settled_by_whom",
                condition=Q(state="asked") | Q(settled_at__isnull=False, settled_by__isnull=False),
            ),
        ]

    def change(self, cell: Organization | None = None, position: str = "") -> Move:
        """What accepting writes down."""
        return Move(
            self.member,
            Kind.TRANSFER,
            self.on,
            cell=cell,
            position=position or self.position,
            committee=self.to_committee,
        )

    @transaction.atomic
    def accept(self, cell: Organization, *, by: "Seat", position: str = "", seen: str | None = None) -> Plan:
        """The new committee takes the member over into one of its cells; what is open about him follows."""
        if by.organization_id == self.from_committee_id:
            raise Refused("Nơi mới tiếp nhận; nơi đề nghị không tự tiếp nhận thay.")
        if not Organization.objects.below(self.to_committee).workplace_cells().filter(pk=cell.pk).exists():
            raise Refused("Chọn chi bộ của đảng ủy tiếp nhận.")
        rows.hold(self.member)
        # First: of two who accept at once, the second must not move the member a second time.
        move(self, self.State.ACCEPTED, by=by)
        return carry_out(self.change(cell, position), by=by, seen=seen, drafter=self.asked_by)

    def refuse(self, answer: str, *, by: "Seat") -> None:
        if not answer.strip():
            raise Refused("Ghi một câu nói rõ vì sao không tiếp nhận.")
        move(self, self.State.REFUSED, by=by, answer=answer.strip()[:200])

    def withdraw(self, *, by: "Seat") -> None:
        move(self, self.State.WITHDRAWN, by=by)


def on_the_way(member: Member) -> Transfer | None:
    return Transfer.objects.waiting().filter(member=member).select_related("to_committee").first()
