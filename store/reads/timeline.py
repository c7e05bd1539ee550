"""Store, read side: the timeline of a claim."""

from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from store.reads.device_status import View
from store.tables.claims import EventRow


class EventView(View):
    """A line of a claim's timeline. `id` rises in the order of writing: a reader continues after its last one."""

    id: int
    at: datetime
    kind: str
    title: str
    details: str
    actor: str


async def timeline(session: AsyncSession, claim_id: str, after: int = 0) -> list[EventView]:
    """The timeline of a claim in order of writing, after the event with id `after`."""
    lines = select(EventRow).where(EventRow.claim_id == claim_id, col(EventRow.id) > after)
    return [
        EventView(id=row.id or 0, at=row.at, kind=row.kind, title=row.title, details=row.details, actor=row.actor)
        for row in await session.exec(lines.order_by(col(EventRow.id)))
    ]
