"""Store: table of the double-entry ledger. Triggers refuse to change or delete a line."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    event,
)
from sqlmodel import Field, SQLModel

from store.tables.types import Instant


class LedgerEntryRow(SQLModel, table=True):
    """One line of the double-entry ledger. The lines of one `key` sum to zero per currency; none is ever changed."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("key", "account", name="ledger_entries_once_per_key_and_account"),
        CheckConstraint("amount <> 0", name="ledger_entries_amount_not_zero"),
        Index("ix_ledger_entries_at", "at", "id"),
    )

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    at: datetime = Field(sa_type=Instant)
    subject: str = Field(index=True)
    account: str
    amount: int = Field(sa_type=BigInteger)
    currency: str
    key: str


LEDGER_TRIGGERS: dict[str, list[str]] = {
    "sqlite": [
        """
        CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries
        BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END
        """,
        """
        CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries
        BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END
        """,
        # INSERT OR REPLACE deletes without firing the trigger above.
        """
        CREATE TRIGGER ledger_entries_no_replace BEFORE INSERT ON ledger_entries
        WHEN EXISTS (
            SELECT 1 FROM ledger_entries
            WHERE id = NEW.id OR (key = NEW.key AND account = NEW.account)
        )
        BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END
        """,
    ],
    "postgresql": [
        """
        CREATE OR REPLACE FUNCTION ledger_entries_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'ledger_entries is append-only'; END $$
        """,
        """
        CREATE TRIGGER ledger_entries_no_change BEFORE UPDATE OR DELETE ON ledger_entries
        FOR EACH ROW EXECUTE FUNCTION ledger_entries_append_only()
        """,
        """
        CREATE TRIGGER ledger_entries_no_truncate BEFORE TRUNCATE ON ledger_entries
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_append_only()
        """,
    ],
}
"""DDL statements by dialect that make the ledger append-only: executed by the migration that creates the table.

A migration that rebuilds the table on SQLite (Alembic's batch mode) drops the triggers and must execute them again.
"""


@event.listens_for(SQLModel.metadata.tables["ledger_entries"], "after_create")
def _make_append_only(_table: Table, connection: Connection, **_: Any) -> None:
    """`metadata.create_all` creates the triggers too: a test database is as strict as a migrated one."""
    for statement in LEDGER_TRIGGERS[connection.dialect.name]:
        connection.exec_driver_sql(statement)
