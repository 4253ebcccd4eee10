"""What the residence side tells a workplace of its own accord: somebody lives here and was never introduced, or
somebody who is on the list does not live here."""

from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import Q

from evaluations.models.introductions import Introduction
from evaluations.models.letters import Letter
from evaluations.models.receptions import give_back
from evaluations.models.requests import EvaluationRequest, decline
from members.models import AuditEvent, Membership, Organization, Placement
from members.names import search_key
from members.roles import Action, Side
from members.states import Refused, move

if TYPE_CHECKING:
    from members.models import Seat, User


class ReportQuerySet(models.QuerySet["ResidenceReport"]):
    def for_residence(self, user: "User", action: Action) -> "ReportQuerySet":
        reach = user.reach(action, "commune__", Side.RESIDENCE) | user.reach(action, "cell__", Side.RESIDENCE)
        return self.filter(reach)

    def for_workplace(self, user: "User", action: Action) -> "ReportQuerySet":
        return self.filter(user.reach(action, "workplace__", Side.WORKPLACE), told_at__isnull=False)

    def to_send(self) -> "ReportQuerySet":
        """Noted by a cell; the commune looks at it and sends it on."""
        return self.filter(state=ResidenceReport.State.NOTED)

    def to_settle(self) -> "ReportQuerySet":
        return self.filter(state=ResidenceReport.State.TOLD)

    def listed(self) -> "ReportQuerySet":
        return self.select_related("commune", "cell", "workplace", "placement__member").order_by("-pk")


class ResidenceReport(models.Model):
    class Kind(models.TextChoices):
        LIVES_HERE = "lives_here", "Đang cư trú, chưa được giới thiệu"
        NOT_HERE = "not_here", "Không cư trú tại địa bàn"

    class State(models.TextChoices):
        NOTED = "noted", "chi bộ báo, chờ đảng ủy"
        TOLD = "told", "đã báo nơi công tác"
        DROPPED = "dropped", "đảng ủy không chuyển"
        SETTLED = "settled", "nơi công tác đã xử lý"

    MOVES = {
        State.NOTED: frozenset({State.TOLD, State.DROPPED}),
        State.TOLD: frozenset({State.SETTLED}),
        State.DROPPED: frozenset(),
        State.SETTLED: frozenset(),
    }
    STAMPS = {State.TOLD: "told", State.DROPPED: "ended", State.SETTLED: "ended"}

    kind = models.CharField("loại", max_length=10, choices=Kind.choices)
    commune = models.ForeignKey(Organization, models.PROTECT, related_name="reports_made")
    cell = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="reports_of_cell")
    # Of somebody on the list: the place. Of somebody else: what the neighbours know, and nothing of any register.
    placement = models.ForeignKey(Placement, models.PROTECT, null=True, related_name="reports")
    full_name = models.CharField("họ và tên", max_length=120, blank=True)
    birth_year = models.PositiveSmallIntegerField("năm sinh", null=True)
    workplace_as_written = models.CharField("nơi công tác", max_length=200, blank=True)
    workplace = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="reports_received")
    code = models.CharField("lý do", max_length=20, blank=True)
    note = models.CharField("ghi chú", max_length=300, blank=True)
    state = models.CharField("bước", max_length=8, choices=State.choices, default=State.NOTED)
    noted_at = models.DateTimeField(auto_now_add=True)
    noted_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    told_at = models.DateTimeField(null=True)
    told_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")

    objects = ReportQuerySet.as_manager()

    class Meta:
        verbose_name = "báo cáo cư trú"
        indexes = [
            models.Index(fields=["commune", "state"], name="report_of_commune"),
            models.Index(fields=["workplace", "state"], name="report_of_workplace"),
        ]
        constraints = [
            models.CheckConstraint(
                name="report_state_known", condition=Q(state__in=["noted", "told", "dropped", "settled"])
            ),
            models.CheckConstraint(
                name="report_says_who",
                condition=(Q(kind="not_here", placement__isnull=False) & ~Q(code=""))
                | (
                    Q(kind="lives_here", placement=None, birth_year__isnull=False)
                    & ~Q(full_name="")
                    & ~Q(workplace_as_written="")
                ),
            ),
        ]

    @property
    def name(self) -> str:
        return self.placement.member.full_name if self.placement else self.full_name

    @property
    def year(self) -> int | None:
        return self.placement.member.birth_year if self.placement else self.birth_year

    @classmethod
    @transaction.atomic
    def lives_here(
        cls, place: Organization, full_name: str, birth_year: int, workplace: str, note: str, *, by: "Seat"
    ) -> "ResidenceReport":
        """A cell or its commune knows somebody who was never introduced. What the commune notes is told at once."""
        report = cls(
            kind=cls.Kind.LIVES_HERE,
            full_name=full_name,
            birth_year=birth_year,
            workplace_as_written=workplace,
            workplace=_known_workplace(place, workplace),
            note=note,
        )
        return report._enter(place, by)

    @classmethod
    @transaction.atomic
    def not_here(cls, placement: Placement, code: str, note: str, *, by: "Seat") -> "ResidenceReport":
        """Somebody on the list does not live here."""
        if cls.objects.to_send().filter(placement=placement).exists():
            raise Refused("Đã báo đảng ủy về đồng chí này.")
        membership = Membership.objects.filter(member=placement.member_id, until_on=None).select_related("cell__parent")
        found = membership.first()
        workplace = found.cell.parent if found else None
        report = cls(kind=cls.Kind.NOT_HERE, placement=placement, code=code, note=note, workplace=workplace)
        return report._enter(placement.cell or placement.commune, by)

    def _enter(self, place: Organization, by: "Seat") -> "ResidenceReport":
        is_cell = place.kind == Organization.Kind.CELL
        self.commune = place.parent if is_cell and place.parent else place
        self.cell, self.noted_by = (place if is_cell else None), by
        self.save()
        AuditEvent.objects.record("ResidenceReport.note", by=by, on=self, fields=["kind"])
        if by.organization_id == self.commune_id:
            self.tell(by=by)
        return self

    @transaction.atomic
    def tell(self, *, by: "Seat") -> None:
        """The commune sends it on: a notice to a workplace on the system; else its own words serve on paper."""
        if by.organization_id != self.commune_id:
            raise Refused("Việc báo nơi công tác do đảng ủy xã, phường làm.")
        move(self, self.State.TOLD, by=by)
        if self.placement:
            self._take_off_the_list(self.placement, by)
        if self.workplace and self.workplace.is_on_system:
            Letter.objects.get_or_create(
                key=f"{Letter.Kind.ATTENTION}:report:{self.pk}",
                defaults={
                    "kind": Letter.Kind.ATTENTION,
                    "channel": Letter.Channel.EMAIL,
                    "recipient": self.workplace,
                    "facts": {"count": 1},
                },
            )

    def _take_off_the_list(self, placement: Placement, by: "Seat") -> None:
        introduced = Introduction.objects.live().exclude(state=Introduction.State.DRAFT)
        if row := introduced.filter(placement=placement).select_related("placement").first():
            give_back(row, self.code, self.note, by=by)
            return
        placement.end(by=by)
        asked = [EvaluationRequest.State.AT_COMMUNE, EvaluationRequest.State.AT_CELL]
        decline(EvaluationRequest.objects.filter(placement=placement, state__in=asked), self.code, self.note, by=by)

    def drop(self, *, by: "Seat") -> None:
        """The commune knows better than the cell."""
        if by.organization_id != self.commune_id:
            raise Refused("Việc này do đảng ủy xã, phường quyết định.")
        move(self, self.State.DROPPED, by=by)

    def settle(self, *, by: "Seat") -> None:
        move(self, self.State.SETTLED, by=by)


def _known_workplace(place: Organization, words: str) -> Organization | None:
    """A committee of the province that is called so, with or without "Đảng ủy" before its name."""
    root, key = place.path.split("/")[1], search_key(words)
    named = Q(search_key=key) | Q(search_key__in=[f"dang uy {key}", f"chi bo {key}"])
    kinds = [Organization.Kind.GRASSROOTS, Organization.Kind.EXTERNAL]
    found = Organization.objects.filter(named, path__startswith=f"/{root}/", kind__in=kinds, closed_on=None, unit="")
    return found.get() if key and found.count() == 1 else None
