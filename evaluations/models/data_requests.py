"""What a person may ask about the data held: all of it to read, or its erasure, each on a paper with a number."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import Q, QuerySet

from evaluations.retention import Table, about_people, name_of
from members.models import AuditDetail, AuditEvent, Member, StagedRow
from members.models.encrypted import EncryptedTextField
from members.models.organizations import next_path
from members.roles import Action

if TYPE_CHECKING:
    from members.models import Seat, User

AT_ONCE = 500


def people_within(user: "User") -> QuerySet[Member]:
    """Members that a data officer answers for: who work, live, or have worked or lived in his branch."""
    reach = Q(pk__in=[])
    for seat, _ in user.grants(Action.KEEP_DATA):
        path = seat.organization.path
        for lookup in ("memberships__cell__path", "placements__commune__path"):
            reach |= Q(**{f"{lookup}__gte": path, f"{lookup}__lt": next_path(path)})
    return Member.objects.filter(pk__in=Member.objects.filter(reach).values("pk"))


def rows_about(member: Member, model: type[models.Model], table: Table) -> QuerySet[Any]:
    """Every row of a table that is about this member."""
    about = Q()
    for lookup in table.person:
        about |= Q(**{lookup: member.pk})
    return model._base_manager.filter(about).distinct()


def events_about(member: Member) -> QuerySet[AuditEvent]:
    """Lines of the history about the member's own rows, one by one or among many."""
    about = Q(pk__in=[])
    for label, ids in _own_rows(member):
        about |= Q(object_type=label, object_id__in=ids)
    return AuditEvent.objects.filter(about)


def _own_rows(member: Member) -> Iterator[tuple[str, list[int]]]:
    for model, table in about_people():
        if model is AuditEvent:
            continue
        ids = list(rows_about(member, model, table).values_list("pk", flat=True))
        if ids:
            yield model._meta.label, ids


class DataRequest(models.Model):
    class Kind(models.TextChoices):
        EXPORT = "export", "Cung cấp dữ liệu"
        ERASURE = "erasure", "Xóa dữ liệu"

    member = models.ForeignKey(Member, models.PROTECT, related_name="data_requests")
    kind = models.CharField("loại yêu cầu", max_length=7, choices=Kind.choices)
    paper_no = models.CharField("số văn bản yêu cầu", max_length=60)
    reason = models.CharField("lý do", max_length=200)
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    # {name of the table: rows given out, or emptied}
    outcome = models.JSONField("kết quả", default=dict)

    class Meta:
        verbose_name = "yêu cầu về dữ liệu cá nhân"
        constraints = [
            models.CheckConstraint(name="data_request_kind_known", condition=Q(kind__in=["export", "erasure"])),
            models.CheckConstraint(name="data_request_on_a_paper", condition=~Q(paper_no="") & ~Q(reason="")),
        ]


@transaction.atomic
def erase(member: Member, paper_no: str, reason: str, *, by: "Seat") -> DataRequest:
    """The values in the history and every encrypted column about this person; lines, seals and the register stay."""
    outcome: dict[str, int] = {}
    for label, ids in _own_rows(member):
        for start in range(0, len(ids), AT_ONCE):
            events = AuditEvent.objects.filter(object_type=label, object_id__in=ids[start : start + AT_ONCE])
            gone = AuditDetail.objects.filter(event__in=events).delete()[0]
            if gone:
                outcome[name_of(AuditDetail)] = outcome.get(name_of(AuditDetail), 0) + gone
    for model, table in about_people():
        rows = rows_about(member, model, table)
        if model is StagedRow:
            # Nothing but encrypted columns: it waits for a decision, and there is none to be made any more.
            number = rows.model._base_manager.filter(pk__in=rows.values("pk")).delete()[0]
        elif columns := secret_columns(model):
            ids = list(rows.values_list("pk", flat=True))
            number = model._base_manager.filter(pk__in=ids).update(**dict.fromkeys(columns, ""))
        else:
            continue
        if number:
            outcome[name_of(model)] = number
    Member.objects.filter(pk=member.pk).update(card_index="")
    done = DataRequest.objects.create(
        member=member, kind=DataRequest.Kind.ERASURE, paper_no=paper_no, reason=reason, made_by=by, outcome=outcome
    )
    AuditEvent.objects.record("Member.erase", by=by, on=member, fields=["card_no", "phone", "address"])
    return done


def secret_columns(model: type[models.Model]) -> list[str]:
    return [row.name for row in model._meta.concrete_fields if isinstance(row, EncryptedTextField)]
