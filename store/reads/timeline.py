"""Store, read side: the timeline of a claim."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.kinds import ClaimState
from store.database import Database
from store.reads.device_status import View
from store.tables.claims import ClaimRow, EventRow


class EventView(View):
    """A line of a claim's timeline. `id` rises in the order of writing: a reader continues after its last one."""

    id: int
    at: datetime
    kind: str
    title: str
    details: str
    actor: str


@dataclass(frozen=True, slots=True)
class TimelineEnd:
    """The id of a claim's last event, 0 without any, and whether the claim is closed."""

    last_event: int
    closed: bool


_LAST_EVENT: Final = (
    select(func.max(col(EventRow.id))).where(col(EventRow.claim_id) == col(ClaimRow.id)).scalar_subquery()
)
_ENDS: Final = select(col(ClaimRow.id), col(ClaimRow.state), _LAST_EVENT).where(
    col(ClaimRow.id).in_(bindparam("claim_ids", expanding=True))
)


async def timeline_ends(database: Database, claim_ids: Collection[str]) -> dict[str, TimelineEnd]:
    """The end of each stored claim's timeline. State and events of a claim are read in one statement."""
    rows = await database.fetch(_ENDS, {"claim_ids": list(claim_ids)})
    return {row[0]: TimelineEnd(row[2] or 0, row[1] == ClaimState.CLOSED) for row in rows}


async def timeline(session: AsyncSession, claim_id: str, after: int = 0) -> list[EventView]:
    """The timeline of a claim in order of writing, after the event with id `after`."""
    lines = select(EventRow).where(EventRow.claim_id == claim_id, col(EventRow.id) > after)
    return [
        EventView(id=row.id or 0, at=row.at, kind=row.kind, title=row.title, details=row.details, actor=row.actor)
        for row in await session.exec(lines.order_by(col(EventRow.id)))
    ]
