"""Who did what, when, to which rows; and who read it. Rows are only ever added (triggers refuse anything else)."""

import hashlib
import json
import secrets
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from members.models.accounts import Seat, User


def digest_of(salt: str, values: Any) -> str:
    return hashlib.sha256((salt + json.dumps(values, sort_keys=True, default=str)).encode()).hexdigest()


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def record(
        self,
        verb: str,
        *,
        by: "Seat | User | None",
        on: models.Model,
        fields: Sequence[str] = (),
        changes: dict[str, Any] | None = None,
    ) -> "AuditEvent":
        """One line about one row. `changes` ({field: [before, after]}) are personal: they go to an erasable detail."""
        salt = secrets.token_hex(16)
        event = self.create(
            verb=verb,
            object_type=on._meta.label,
            object_id=on.pk,
            fields=list(fields or (changes or {})),
            digest=digest_of(salt, changes) if changes else "",
            **_actor(by),
        )
        if changes:
            AuditDetail.objects.create(event=event, salt=salt, changes=json.loads(json.dumps(changes, default=str)))
        return event

    def record_each(
        self, verb: str, *, by: "Seat | User | None", changes: Sequence[tuple[models.Model, dict[str, Any]]]
    ) -> None:
        """`record` for many rows that each changed in their own way: a line and a detail for every one."""
        events, details = [], []
        for on, changed in changes:
            salt = secrets.token_hex(16)
            digest = digest_of(salt, changed) if changed else ""
            about = {"verb": verb, "object_type": on._meta.label, "object_id": on.pk, "fields": list(changed)}
            events.append(AuditEvent(**about, digest=digest, **_actor(by)))
            if changed:
                kept = json.loads(json.dumps(changed, default=str))
                details.append(AuditDetail(event=events[-1], salt=salt, changes=kept))
        self.bulk_create(events, batch_size=500)
        AuditDetail.objects.bulk_create(details, batch_size=500)

    def record_many(
        self, verb: str, *, by: "Seat | User | None", model: type[models.Model], ids: Iterable[int]
    ) -> "AuditEvent":
        """One line for many rows at once (a launch, a list read): their number and the digest of the ordered ids.

        Up to 1,000 ids are kept as they are, so that a person can later be told who read about him.
        """
        ordered = sorted(ids)
        return self.create(
            verb=verb,
            object_type=model._meta.label,
            object_id=ordered[0] if len(ordered) == 1 else None,
            object_ids=ordered if 1 < len(ordered) <= 1000 else [],
            count=len(ordered),
            digest=digest_of("", ordered),
            **_actor(by),
        )


def _actor(by: "Seat | User | None") -> dict[str, Any]:
    # Told apart by the column each has, because this module is imported by the one that defines them.
    if by is None:
        return {"address": ""}
    is_seat = hasattr(by, "organization_id")
    user_id = getattr(by, "user_id", by.pk)
    return {"seat_id": by.pk if is_seat else None, "user_id": user_id, "address": by.address}


class AuditEvent(models.Model):
    verb = models.CharField("việc", max_length=60)
    seat = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    user = models.ForeignKey("members.User", models.PROTECT, null=True, related_name="+")
    address = models.CharField("địa chỉ máy", max_length=45, blank=True)
    at = models.DateTimeField("lúc", auto_now_add=True, db_index=True)
    object_type = models.CharField(max_length=60)
    object_id = models.BigIntegerField(null=True)
    object_ids = models.JSONField(default=list)
    count = models.PositiveIntegerField(default=1)
    fields = models.JSONField(default=list)
    digest = models.CharField(max_length=64, blank=True)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        verbose_name = "dòng lịch sử"
        indexes = [models.Index(fields=["object_type", "object_id"], name="audit_event_object")]


class AuditDetail(models.Model):
    """Personal before/after values; erasing this row leaves the event and its seal intact (the salt goes with it)."""

    event = models.OneToOneField(AuditEvent, models.PROTECT, related_name="detail")
    salt = models.CharField(max_length=32)
    changes = models.JSONField()


class AuditSeal(models.Model):
    """Position of an event in the sealed chain; `mac` covers the event and the previous seal."""

    position = models.PositiveBigIntegerField(unique=True)
    event = models.OneToOneField(AuditEvent, models.PROTECT, related_name="seal")
    mac = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(auto_now_add=True)
