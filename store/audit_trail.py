"""Store: the audit trail: entries are added and listed, never changed."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import insert, literal, tuple_
from sqlmodel import col, select

from store.database import Database, execute
from store.reads.claim_list import InvalidCursor, Page, read_cursor, write_cursor
from store.tables.audit_entries import AuditEntryRow
from store.tables.types import Instant
from store.upsert import table_of


class AuditEntry(BaseModel):
    """One act; `store.tables.audit_entries` says what each field is. `id` is 0 until it is stored."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: int = 0
    at: datetime
    actor_id: str
    actor: str
    role: str | None
    action: str
    claim_id: str | None = None
    serial_number: str | None = None
    subject: str | None = None
    request_id: str | None = None
    status: int


class AuditFilter(BaseModel):
    """Filters of the list, combined with AND. `since` is included, `until` is not."""

    model_config = ConfigDict(frozen=True)

    claim_id: str | None = None
    serial_number: str | None = None
    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditTrail:
    """The trail of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, entries: Sequence[AuditEntry]) -> None:
        """Store the entries in one transaction."""
        rows = [entry.model_dump(exclude={"id"}) for entry in entries]
        async with self._database.transaction() as session:
            await execute(session, insert(table_of(AuditEntryRow)), rows)

    async def page(self, filters: AuditFilter, limit: int, cursor: str | None = None) -> Page[AuditEntry]:
        """`limit` entries, newest first. Raises InvalidCursor for a cursor that was not issued by this list."""
        row = AuditEntryRow
        at, entry_id = col(row.at), col(row.id)
        equal = {
            col(row.claim_id): filters.claim_id,
            col(row.serial_number): filters.serial_number,
            col(row.actor_id): filters.actor,
            col(row.action): filters.action,
        }
        query = select(row).where(*(column == value for column, value in equal.items() if value is not None))
        if filters.since is not None:
            query = query.where(at >= filters.since)
        if filters.until is not None:
            query = query.where(at < filters.until)
        if cursor is not None:
            before = read_position(cursor)
            query = query.where(tuple_(at, entry_id) < tuple_(literal(before[0], Instant), literal(before[1])))
        async with self._database.snapshot() as session:
            rows = (await session.exec(query.order_by(at.desc(), entry_id.desc()).limit(limit + 1))).all()
        shown = tuple(map(AuditEntry.model_validate, rows[:limit]))
        next_cursor = write_cursor((shown[-1].at, str(shown[-1].id))) if len(rows) > limit else None
        return Page(items=shown, next_cursor=next_cursor)


def read_position(cursor: str) -> tuple[datetime, int]:
    """Instant and id of the last entry of a page. Raises InvalidCursor."""
    at, entry_id = read_cursor(cursor)
    if not (entry_id.isascii() and entry_id.isdecimal() and len(entry_id) < 19):
        raise InvalidCursor("This cursor is not one of this list's.")
    return at, int(entry_id)
