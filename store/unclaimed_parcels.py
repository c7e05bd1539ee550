"""Store: parcels in the warehouse that no process waits for. Each is a task until somebody settles it."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import literal, tuple_
from sqlmodel import col, select

from domain.reported_events import EventKind
from store.database import Database
from store.reads.claim_list import Page, read_cursor, write_cursor
from store.reported_events import show_on_claim
from store.tables.reported_events import ReportedEventRow, ReportState
from store.tables.types import Instant
from store.upsert import insert_once

MAX_PAGE_SIZE: Final = 200


class Settlement(StrEnum):
    """What was done with the parcel."""

    SENT_BACK = "sent_back"
    BOOKED_ELSEWHERE = "booked_elsewhere"
    KEPT = "kept"
    RECYCLED = "recycled"


class UnclaimedParcel(BaseModel):
    """A parcel. `claim_id` is None when it names no claim."""

    model_config = ConfigDict(frozen=True)

    id: str
    claim_id: str | None
    arrived_at: datetime
    reported_by: str
    carrier: str | None
    tracking_number: str | None
    serial_number: str | None
    reason: str | None
    settled_as: Settlement | None = None
    settled_by: str | None = None
    settled_at: datetime | None = None


class UnclaimedParcels:
    """Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, *, still_open: bool, limit: int, cursor: str | None) -> Page[UnclaimedParcel]:
        """`limit` parcels, oldest first. Raises InvalidCursor for a cursor that was not issued by this list."""
        limit = max(1, min(limit, MAX_PAGE_SIZE))
        state = ReportState.UNCLAIMED if still_open else ReportState.SETTLED
        at, event_id = col(ReportedEventRow.happened_at), col(ReportedEventRow.event_id)
        query = select(ReportedEventRow).where(ReportedEventRow.state == state)
        if cursor is not None:
            after = read_cursor(cursor)
            query = query.where(tuple_(at, event_id) > tuple_(literal(after[0], Instant), literal(after[1])))
        async with self._database.snapshot() as session:
            rows = (await session.exec(query.order_by(at, event_id).limit(limit + 1))).all()
        shown = rows[:limit]
        next_cursor = write_cursor((shown[-1].happened_at, shown[-1].event_id)) if len(rows) > limit else None
        return Page(items=tuple(map(_parcel, shown)), next_cursor=next_cursor)

    async def add(self, parcel: UnclaimedParcel, at: datetime) -> UnclaimedParcel:
        """Record a parcel that names no claim, once by its id."""
        row = ReportedEventRow(
            event_id=parcel.id,
            kind=EventKind.ARRIVAL.value,
            actor=parcel.reported_by,
            happened_at=parcel.arrived_at,
            received_at=at,
            carrier=parcel.carrier,
            tracking_number=parcel.tracking_number,
            serial_number=parcel.serial_number,
            reason=parcel.reason,
            state=ReportState.UNCLAIMED.value,
        )
        async with self._database.transaction() as session:
            await insert_once(session, ReportedEventRow, row.model_dump())
        return parcel

    async def settle(
        self, parcel_id: str, settled_as: Settlement, reason: str, actor: str, at: datetime
    ) -> UnclaimedParcel | None:
        """Settle the task. A settled one stays as it is; None when there is no such parcel."""
        async with self._database.transaction() as session:
            row = await session.get(ReportedEventRow, parcel_id)
            if row is None or row.state not in (ReportState.UNCLAIMED, ReportState.SETTLED):
                return None
            if row.state == ReportState.UNCLAIMED:
                row.state, row.settled_as = ReportState.SETTLED.value, settled_as.value
                row.settled_by, row.settled_at = actor, at
                row.reason = "\n".join(part for part in (row.reason, reason) if part)
                await session.flush()
                if row.claim_id is not None:
                    await show_on_claim(session, row.claim_id)
            return _parcel(row)


def _parcel(row: ReportedEventRow) -> UnclaimedParcel:
    return UnclaimedParcel(
        id=row.event_id,
        claim_id=row.claim_id,
        arrived_at=row.happened_at,
        reported_by=row.actor,
        carrier=row.carrier,
        tracking_number=row.tracking_number,
        serial_number=row.serial_number,
        reason=row.reason,
        settled_as=Settlement(row.settled_as) if row.settled_as else None,
        settled_by=row.settled_by,
        settled_at=row.settled_at,
    )
