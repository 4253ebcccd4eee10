"""Who may sign an organisation's papers, and in which words: T/M, T/L, deputies, "giao phụ trách" (domain §6.5)."""

from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from members.models.history import AuditEvent
from members.models.organizations import Organization

if TYPE_CHECKING:
    from members.models.accounts import Seat


class SignatoryQuerySet(models.QuerySet["Signatory"]):
    def in_force(self) -> "SignatoryQuerySet":
        return self.filter(retired_at=None)

    @transaction.atomic
    def add(self, organization: Organization, *, by: "Seat", **fields: Any) -> "Signatory":
        """Enter a signing formula; the same one entered twice is found, not doubled."""
        Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        found = self.in_force().filter(organization=organization, **fields).first()
        if found:
            return found
        signatory = self.create(organization=organization, **fields)
        AuditEvent.objects.record("Signatory.add", by=by, on=signatory, fields=sorted(fields))
        return signatory


class Signatory(models.Model):
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="signatories")
    authority = models.CharField("thể thức đề ký", max_length=120)
    position = models.CharField("chức vụ", max_length=80)
    name = models.CharField("họ và tên", max_length=120)
    acting_paper = models.CharField("văn bản giao phụ trách", max_length=200, blank=True)
    retired_at = models.DateTimeField(null=True)

    objects = SignatoryQuerySet.as_manager()

    class Meta:
        verbose_name = "thể thức ký"
        ordering = ["pk"]
        constraints = [
            # K/T, in whatever spelling, is for advisory bodies: a committee's deputy signs T/M himself (domain §6.5).
            models.CheckConstraint(
                name="signatory_signs_for_the_committee",
                condition=Q(authority="") | Q(authority__startswith="T/M ") | Q(authority__startswith="T/L "),
            ),
            models.CheckConstraint(
                name="signatory_is_somebody", condition=~Q(authority="") & ~Q(position="") & ~Q(name="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.authority} – {self.position} – {self.name}"

    def signature(self) -> dict[str, str]:
        """The signature facts of a document this person signs."""
        return {"authority": self.authority, "position": self.position, "name": self.name}

    @transaction.atomic
    def retire(self, *, by: "Seat") -> None:
        """No longer offered; papers already signed keep his name."""
        if Signatory.objects.in_force().filter(pk=self.pk).update(retired_at=timezone.now()):
            AuditEvent.objects.record("Signatory.retire", by=by, on=self, fields=["retired_at"])
