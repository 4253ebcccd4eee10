"""History is append-only: the database itself refuses to change or remove it.

Every migration that touches one of these tables must run `install` again, because SQLite rebuilds the table and drops
its triggers (tests/members/test_history.py proves that they stand after all migrations, on both databases).
"""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

APPEND_ONLY = ("members_auditevent", "members_auditseal")
# The erasable part may be deleted (a lawful request), never rewritten.
NEVER_CHANGED = ("members_auditdetail",)


def install(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    remove(apps, schema_editor)
    is_postgres = schema_editor.connection.vendor == "postgresql"
    if is_postgres:
        schema_editor.execute(
            "CREATE OR REPLACE FUNCTION history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'history is append-only'; END $$"
        )
    for table in (*APPEND_ONLY, *NEVER_CHANGED):
        verbs = ["UPDATE"] if table in NEVER_CHANGED else ["UPDATE", "DELETE"]
        for verb in verbs:
            schema_editor.execute(_trigger(table, verb, is_postgres))
        if is_postgres:
            schema_editor.execute(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only()"
            )


def _trigger(table: str, verb: str, is_postgres: bool) -> str:
    head = f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} FOR EACH ROW "
    if is_postgres:
        return head + "EXECUTE FUNCTION history_is_append_only()"
    return head + "BEGIN SELECT RAISE(ABORT, 'history is append-only'); END"


def remove(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    is_postgres = schema_editor.connection.vendor == "postgresql"
    for table in (*APPEND_ONLY, *NEVER_CHANGED):
        for verb in ("update", "delete", "truncate"):
            on = f" ON {table}" if is_postgres else ""
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb}{on}")
