"""What the database itself must refuse: every named constraint has a statement that tries to break it."""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

Statement = Callable[[], object]


def constraints_of(app: str) -> set[str]:
    return {row.name for model in apps.get_app_config(app).get_models() for row in model._meta.constraints}


def change(row: models.Model, **fields: Any) -> Statement:
    """The statement that sets columns of a stored row, past forms, verbs and save()."""
    return lambda: type(row)._base_manager.filter(pk=row.pk).update(**fields)


def double(row: models.Model, **fields: Any) -> Statement:
    """The statement that inserts the same row once more, apart from `fields`."""

    def insert() -> object:
        copy = type(row)._base_manager.get(pk=row.pk)
        copy.pk = None
        for name, value in fields.items():
            setattr(copy, name, value)
        return type(row)._base_manager.bulk_create([copy])

    return insert


def is_refused(name: str, statement: Statement) -> bool:
    """Whether the database refuses the statement, and for the reason expected; either way nothing stays changed."""
    try:
        with transaction.atomic():
            statement()
            transaction.set_rollback(True)
    except IntegrityError as refusal:
        return _sign(name) in str(refusal)
    return False


def _sign(name: str) -> str:
    """What the database says when this constraint is broken: of a unique index SQLite names the columns only."""
    for model in apps.get_models():
        for row in model._meta.constraints:
            if row.name == name and isinstance(row, models.UniqueConstraint) and connection.vendor == "sqlite":
                columns = [model._meta.get_field(field).column for field in row.fields]
                return ", ".join(f"{model._meta.db_table}.{column}" for column in columns)
    return name
