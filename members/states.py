"""The one way a state changes: lock, check the table, stamp, write one line of history.

A model that has states carries `MOVES` (state → states it may move to) and `STAMPS` (state → prefix of the pair of
columns `<prefix>_at`, `<prefix>_by` that keep when and by whom). Nothing else in the project assigns a state
(tests/test_architecture.py).
"""

from typing import TYPE_CHECKING, Any, Protocol

from django.db import models, transaction
from django.utils import timezone

from members.models.history import AuditEvent

if TYPE_CHECKING:
    from members.models.accounts import Seat


class Refused(Exception):
    """A verb declines; the message is a Vietnamese sentence for the person who asked."""


class WrongState(Refused):
    """The row is no longer where the caller believed: an old button or a lost race."""


class Stateful(Protocol):
    MOVES: dict[str, frozenset[str]]
    STAMPS: dict[str, str]
    state: str


def _stamps(model: Any, to: str, by: "Seat | None") -> dict[str, Any]:
    prefix = model.STAMPS.get(to)
    return {f"{prefix}_at": timezone.now(), f"{prefix}_by": by} if prefix else {}


def _label(model: Any, state: str) -> str:
    return str(dict(model._meta.get_field("state").flatchoices).get(state, state))


def move(row: Any, to: str, *, by: "Seat | None", **also: Any) -> None:
    """Move one row; `also` are further columns that change with the state. Raises WrongState.

    `by` is None only for what the system does itself (delivery of letters).
    """
    model = type(row)
    with transaction.atomic():
        current = model._default_manager.select_for_update().values_list("state", flat=True).get(pk=row.pk)
        if to not in model.MOVES[current]:
            raise WrongState(
                f"{model._meta.verbose_name} đang ở bước “{_label(model, current)}” nên không chuyển được sang "
                f"“{_label(model, to)}”. Trang đồng chí đang mở có thể đã cũ, xin tải lại trang."
            )
        changes = {"state": to, **_stamps(model, to, by), **also}
        for name, value in changes.items():
            setattr(row, name, value)
        row.save(update_fields=list(changes))
        AuditEvent.objects.record(f"{model.__name__}.{to}", by=by, on=row, fields=sorted(changes))


def move_all(rows: models.QuerySet[Any], to: str, *, by: "Seat | None", **also: Any) -> int:
    """Move every row of the queryset that may move to `to`, as one statement with one line of history; how many moved.

    Rows in other states stay: the same button pressed twice moves nothing the second time.
    """
    model: Any = rows.model
    sources = [state for state, targets in model.MOVES.items() if to in targets]
    with transaction.atomic():
        movable = rows.filter(state__in=sources).order_by("pk").select_for_update(of=("self",))
        ids = list(movable.values_list("pk", flat=True))
        if not ids:
            return 0
        # The queryset's own filter, not `pk IN (500,000 ids)`: SQLite caps the number of parameters.
        moved = rows.filter(state__in=sources).order_by().update(state=to, **_stamps(model, to, by), **also)
        if moved != len(ids):
            # Somebody brought a row into the queryset between the two statements; the history must not miss it.
            raise WrongState("Danh sách vừa thay đổi. Xin tải lại trang rồi làm lại.")
        AuditEvent.objects.record_many(f"{model.__name__}.{to}", by=by, model=model, ids=ids)
    return moved
