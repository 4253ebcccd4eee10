"""What the headings of an office's lists mean, as somebody of that office said: remembered for its next list."""

from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import Q

from members.models.history import AuditEvent
from members.models.organizations import Organization
from members.roles import Action, Side
from members.roster_headings import COLUMN_LABELS, Heading

if TYPE_CHECKING:
    from members.models.accounts import Seat, User

LEFT_OUT = ""


class RosterHeadingQuerySet(models.QuerySet["RosterHeading"]):
    def for_user(self, user: "User") -> "RosterHeadingQuerySet":
        return self.filter(user.reach(Action.SEE_MEMBERS, "committee__", Side.WORKPLACE))

    def meanings(self, committee: Organization) -> dict[str, str]:
        """Key of a heading → field, "" for a column that is left out."""
        return dict(self.filter(committee=committee).values_list("key", "field"))

    def remember(
        self, committee: Organization, headings: list[Heading], meanings: dict[str, str], *, by: "Seat"
    ) -> None:
        """What these headings mean from now on; those without a meaning are understood by themselves again."""
        keys = {heading.key for heading in headings}
        self.filter(committee=committee, key__in=keys - meanings.keys()).delete()
        for heading in headings:
            if heading.key in meanings:
                said = {"text": heading.text[:200], "field": meanings[heading.key], "said_by": by}
                self.update_or_create(committee=committee, key=heading.key, defaults=said)


class RosterHeading(models.Model):
    committee = models.ForeignKey(Organization, models.PROTECT, related_name="roster_headings")
    key = models.CharField(max_length=220)
    text = models.CharField("tiêu đề", max_length=200, blank=True)
    field = models.CharField(max_length=20, choices=COLUMN_LABELS, blank=True)
    said_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    said_at = models.DateTimeField(auto_now=True)

    objects = RosterHeadingQuerySet.as_manager()

    class Meta:
        verbose_name = "tiêu đề đã nhớ"
        ordering = ["text", "key"]
        constraints = [
            models.CheckConstraint(
                name="roster_heading_field_known", condition=Q(field__in=[LEFT_OUT, *COLUMN_LABELS])
            ),
            models.UniqueConstraint(name="roster_heading_once", fields=["committee", "key"]),
        ]

    @property
    def label(self) -> str:
        return self.text or self.key.capitalize().replace("Cot", "Cột")

    @transaction.atomic
    def forget(self, *, by: "Seat") -> None:
        AuditEvent.objects.record("RosterHeading.forget", by=by, on=self, fields=["field"])
        self.delete()
