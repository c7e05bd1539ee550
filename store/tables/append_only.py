"""Store: triggers that make a table append-only, on both engines."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, event
from sqlmodel import SQLModel

Triggers = Mapping[str, Sequence[str]]
"""DDL statements by dialect, executed by the migration that creates the table.

A migration that rebuilds the table on SQLite (Alembic's batch mode) drops the triggers and must execute them again.
"""


def append_only_triggers(table: str, same_row: str) -> Triggers:
    """Triggers of a table whose rows never change. `same_row` finds the row of which NEW has a key."""
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    same = f"SELECT 1 FROM {table} WHERE {same_row}"  # noqa: S608  # both are constants of this project
    return {
        "sqlite": [
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}",
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}",
            # INSERT OR REPLACE deletes without firing the trigger above.
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS ({same}) {refuse}",
        ],
        "postgresql": [
            f"CREATE OR REPLACE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN RAISE EXCEPTION '{table} is append-only'; END $$",
            *refused_changes(table),
        ],
    }


def refused_changes(table: str) -> list[str]:
    """PostgreSQL: the triggers that ask the function `{table}_append_only`."""
    return [
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_append_only()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()",
    ]


def create_with_table(table: str, triggers: Triggers) -> None:
    """`metadata.create_all` creates the triggers too: a test database is as strict as a migrated one."""

    def create(_table: Table, connection: Connection, **_: Any) -> None:
        for statement in triggers[connection.dialect.name]:
            connection.exec_driver_sql(statement)

    event.listen(SQLModel.metadata.tables[table], "after_create", create)
