"""The rules of the house that no type checker knows: who may import whom, and who may move a state."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db.backends.postgresql.psycopg_any import is_psycopg3

ROOT = Path(__file__).parent.parent
OURS = ("liaison", "members", "evaluations")


@cache
def sources(*packages: str) -> list[tuple[str, ast.Module]]:
    """(dotted module name, syntax tree) of every file of the packages, migrations aside."""
    found = []
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if "migrations" not in parts:
                name = ".".join(part for part in parts if part != "__init__")
                found.append((name, ast.parse(path.read_text("utf-8"))))
    return found


@cache
def imported(tree: ast.Module) -> set[str]:
    """Everything a module imports, also for type checkers only: `from a import b` counts as a and a.b."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def offences(packages: tuple[str, ...], forbidden: tuple[str, ...], *, but: tuple[str, ...] = ()) -> list[str]:
    return sorted(
        f"{name} imports {module}"
        for name, tree in sources(*packages)
        if not any(within(name, allowed) for allowed in but)
        for module in imported(tree)
        if any(within(module, banned) for banned in forbidden)
    )


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("members", ("evaluations", "liaison", "tests")),
        ("evaluations", ("liaison", "tests")),
        ("liaison", ("members", "evaluations", "tests")),
        ("members/models", ("members.forms", "members.views")),
        ("evaluations/models", ("members.forms", "members.views", "evaluations.forms", "evaluations.views")),
        ("evaluations/models", ("evaluations.tasks", "evaluations.letters", "evaluations.documents")),
        ("members/forms", ("members.views",)),
        ("evaluations/forms", ("evaluations.views", "evaluations.tasks")),
    ],
)
def test_imports_go_one_way(package: str, forbidden: tuple[str, ...]) -> None:
    assert offences((package,), forbidden) == []


def test_the_table_of_roles_imports_nothing_of_ours() -> None:
    tree = dict(sources("members"))["members.roles"]
    assert [module for module in imported(tree) if module.split(".")[0] in OURS] == []


def test_liaison_reaches_the_apps_by_their_urls_only() -> None:
    included = [
        node.args[0].value
        for _, tree in sources("liaison")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "include"
        if isinstance(node.args[0], ast.Constant)
    ]
    assert included == ["members.urls", "evaluations.urls"]


@pytest.mark.parametrize(
    ("library", "importers"),
    [
        ("openpyxl", ("members.roster_files",)),
        ("python_calamine", ("members.roster_files",)),
        ("weasyprint", ("evaluations.documents",)),
        ("xlsxwriter", ("evaluations.reports",)),
        ("pikepdf", ("evaluations.bundles", "evaluations.scans")),
        ("pypdfium2", ("evaluations.scans",)),
        ("zxingcpp", ("evaluations.scans",)),
        ("PIL", ("evaluations.scans",)),
        ("django.core.mail", ("evaluations.letters",)),
        ("celery", ("evaluations.tasks",)),
        ("kombu", ("evaluations.tasks",)),
        ("cryptography", ("members.models.encrypted", "evaluations.revocation")),
        ("pyhanko", ("evaluations.signatures",)),
        ("pkcs11", ("evaluations.signatures",)),
    ],
)
def test_each_library_has_one_importer(library: str, importers: tuple[str, ...]) -> None:
    assert offences(("members", "evaluations"), (library,), but=importers) == []


def test_no_imports_below_the_top_of_a_file() -> None:
    found = [
        f"{name}:{inner.lineno}"
        for name, tree in sources(*OURS)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(function)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert found == []


def test_no_signals() -> None:
    banned = ("django.dispatch", "django.db.models.signals", "django.core.signals", "django.contrib.auth.signals")
    assert offences(OURS, (*banned, "celery.signals", "blinker")) == []


STATE_WRITERS = {
    # The one verb and its form for many rows.
    "members.states": "move and move_all",
    # Taking a letter for sending must be one conditional UPDATE: exactly one of many workers may win, and a line of
    # history for every try of every letter would say nothing that the letter's outcome does not.
    "evaluations.models.letters": "LetterQuerySet.claim",
}


def writes_of_state(tree: ast.Module) -> Iterator[ast.AST]:
    """Assignments to `.state`, and calls that write the column: update(state=…), bulk_update/save with "state"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "state" and isinstance(node.ctx, ast.Store | ast.Del):
            yield node
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        words = [leaf.value for leaf in ast.walk(node) if isinstance(leaf, ast.Constant)]
        keywords = [keyword.arg for keyword in node.keywords]
        if called in ("update", "update_or_create") and "state" in keywords:
            yield node
        if called in ("bulk_update", "save", "asave", "setattr", "bulk_create") and "state" in words:
            yield node


def test_only_states_moves_a_state() -> None:
    found = {name for name, tree in sources(*OURS) for _ in writes_of_state(tree)}
    # states.py writes through names that it computes, so only the letters' claim is seen by name.
    assert found - {"members.states"} == set(STATE_WRITERS) - {"members.states"}


def test_the_claim_of_a_letter_is_the_only_exception() -> None:
    tree = dict(sources("evaluations"))["evaluations.models.letters"]
    inside = {
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for _ in writes_of_state(ast.Module(body=[function], type_ignores=[]))
    }
    assert inside == {"claim"}


def test_the_watch_over_states_sees_every_way_of_writing() -> None:
    ways = """
row.state = "sent"
row.state += "x"
rows.update(state="sent", n=1)
Letter.objects.bulk_update(rows, ["facts", "state"])
row.save(update_fields=["state"])
setattr(row, "state", "sent")
"""
    assert {node.lineno for node in writes_of_state(ast.parse(ways)) if hasattr(node, "lineno")} == {2, 3, 4, 5, 6, 7}
    assert list(writes_of_state(ast.parse("row.state == 1; rows.filter(state=1); rows.values('state')"))) == []


def test_no_homes_for_things_without_a_home() -> None:
    banned = {"services", "utils", "helpers", "common", "core", "mixins", "signals", "constants"}
    assert [name for name, _ in sources(*OURS) if banned & set(name.split("."))] == []


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_psycopg2_is_what_django_loads() -> None:
    assert is_psycopg3 is False
