"""Store: table of the audit trail: who did or read what. Triggers refuse to change or delete a line."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, Table, event, text
from sqlmodel import Field, SQLModel

from store.tables.types import Instant

_HAS_CLAIM = text("claim_id IS NOT NULL")
_HAS_DEVICE = text("serial_number IS NOT NULL")


class AuditEntryRow(SQLModel, table=True):
    """One act of a caller: a command, a reported event, or a read of personal data.

    `actor_id` is a key's id, `environment:` and a digest, `webhook:` and its sender, or `command line:` and the
    operator; `actor` is the name at the time. `action` is the operation's id in the OpenAPI document, `status` the HTTP
    status of the response. `subject` is the id of anything else than a claim or a device. No owner of a device, no
    address and no text of a request is stored.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_at", "at", "id"),
        Index("ix_audit_entries_actor", "actor_id", "at", "id"),
        Index("ix_audit_entries_claim", "claim_id", "at", "id", sqlite_where=_HAS_CLAIM, postgresql_where=_HAS_CLAIM),
        Index(
            "ix_audit_entries_device",
            "serial_number",
            "at",
            "id",
            sqlite_where=_HAS_DEVICE,
            postgresql_where=_HAS_DEVICE,
        ),
    )

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    at: datetime = Field(sa_type=Instant)
    actor_id: str
    actor: str
    role: str | None = None
    action: str
    claim_id: str | None = None
    serial_number: str | None = None
    subject: str | None = None
    request_id: str | None = None
    status: int


AUDIT_TRIGGERS: Final[dict[str, list[str]]] = {
    "sqlite": [
        """
        CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries
        BEGIN SELECT RAISE(ABORT, 'audit_entries is append-only'); END
        """,
        """
        CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
        BEGIN SELECT RAISE(ABORT, 'audit_entries is append-only'); END
        """,
        # INSERT OR REPLACE deletes without firing the trigger above.
        """
        CREATE TRIGGER audit_entries_no_replace BEFORE INSERT ON audit_entries
        WHEN EXISTS (SELECT 1 FROM audit_entries WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'audit_entries is append-only'); END
        """,
    ],
    "postgresql": [
        """
        CREATE OR REPLACE FUNCTION audit_entries_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'audit_entries is append-only'; END $$
        """,
        """
        CREATE TRIGGER audit_entries_no_change BEFORE UPDATE OR DELETE ON audit_entries
        FOR EACH ROW EXECUTE FUNCTION audit_entries_append_only()
        """,
        """
        CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries
        FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_append_only()
        """,
    ],
}
"""DDL statements by dialect that make the trail append-only: executed by the migration that creates the table.

A migration that rebuilds the table on SQLite must execute them again.
"""


@event.listens_for(SQLModel.metadata.tables["audit_entries"], "after_create")
def _make_append_only(_table: Table, connection: Connection, **_: Any) -> None:
    """`metadata.create_all` creates the triggers too: a test database is as strict as a migrated one."""
    for statement in AUDIT_TRIGGERS[connection.dialect.name]:
        connection.exec_driver_sql(statement)
