"""Store: table of the audit trail: who did or read what. Triggers refuse to change or delete a line."""

from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, text
from sqlmodel import Field, SQLModel

from store.tables.append_only import append_only_triggers, create_with_table
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


AUDIT_TRIGGERS: Final = append_only_triggers("audit_entries", "id = NEW.id")
create_with_table("audit_entries", AUDIT_TRIGGERS)
