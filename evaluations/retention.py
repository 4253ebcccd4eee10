"""Rules of retention and of personal data, read from retention.toml: every table has one (test_retention.py)."""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import models


class RetentionError(Exception):
    """retention.toml contradicts itself or the tables."""


@dataclass(frozen=True)
class Step:
    """Rows of `table` whose lookup `of` leads to the unit are deleted, or lose columns and stay."""

    table: str
    of: str
    blank: dict[str, Any] = field(default_factory=dict)
    keep: dict[str, list[str]] = field(default_factory=dict)

    @property
    def model(self) -> type[models.Model]:
        return apps.get_model(self.table)


@dataclass(frozen=True)
class Kind:
    """One kind of record: how long it is kept, and what its destruction means."""

    code: str
    title: str
    basis: str
    years: int
    unit: str = ""
    clock: str = ""
    clock_is: str = ""
    owner: tuple[str, ...] = ()
    only: dict[str, Any] = field(default_factory=dict)
    skip: dict[str, Any] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    @property
    def model(self) -> type[models.Model]:
        return apps.get_model(self.unit)


@dataclass(frozen=True)
class Table:
    """Whom the rows of a table are about, and what of them is given out."""

    label: str
    kind: str
    person: tuple[str, ...]
    hidden: frozenset[str] = frozenset()
    told: dict[str, Any] = field(default_factory=dict)
    name: str = ""  # as people call the rows, where the model says it in English only


@cache
def _read() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("retention.toml").read_text("utf-8"))


def is_stored(label: str) -> bool:
    try:
        apps.get_model(label)
    except LookupError:
        return False
    return True


@cache
def kinds() -> dict[str, Kind]:
    found = {}
    for code, said in _read()["kinds"].items():
        # A part that an installation does not have leaves nothing to destroy.
        steps = tuple(Step(**step) for step in said.get("steps", ()) if is_stored(step["table"]))
        found[code] = Kind(**said | {"code": code, "steps": steps, "owner": tuple(said.get("owner", ()))})
    return found


def with_list() -> list[Kind]:
    """The kinds whose expired records are listed, approved and destroyed."""
    return [kind for kind in kinds().values() if kind.years]


@cache
def tables() -> dict[str, Table]:
    return {
        label: Table(
            label=label,
            kind=said["kind"],
            person=tuple(said["person"]),
            hidden=frozenset(said.get("hidden", ())),
            told=said.get("told", {}),
            name=said.get("name", ""),
        )
        for label, said in _read()["tables"].items()
    }


def stored() -> list[type[models.Model]]:
    """Every table of the installation, as Django knows them; those that only join two others go with these."""
    return [model for model in apps.get_models() if not model._meta.proxy and model._meta.managed]


def table_of(model: type[models.Model]) -> Table:
    """Raises RetentionError for a table without a rule."""
    try:
        return tables()[model._meta.label]
    except KeyError:
        raise RetentionError(
            f'{model._meta.label} has no rule: add [tables."{model._meta.label}"] with kind, person and hidden to '
            "evaluations/retention.toml"
        ) from None


def name_of(model: type[models.Model]) -> str:
    """What people call the rows of a table."""
    table = tables().get(model._meta.label)
    return (table.name if table else "") or str(model._meta.verbose_name)


def about_people() -> list[tuple[type[models.Model], Table]]:
    """The tables that hold rows about one person, in the order of the installation."""
    rows = [(model, table_of(model)) for model in stored()]
    return [(model, table) for model, table in rows if table.person]
