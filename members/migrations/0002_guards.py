from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from members.migrations import _guards


def compare_paths_bytewise(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A branch is one range of paths only when "/" sorts before "0", whatever the locale of the cluster."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute('ALTER TABLE members_organization ALTER COLUMN path TYPE varchar(120) COLLATE "C"')


class Migration(migrations.Migration):
    dependencies = [("members", "0001_initial")]
    operations = [
        migrations.RunPython(compare_paths_bytewise, migrations.RunPython.noop),
        migrations.RunPython(_guards.install, _guards.remove),
    ]
