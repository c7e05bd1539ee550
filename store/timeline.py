"""Store, read side: what happened to a claim, line by line, for whoever asks."""

from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from store.device_view import View
from store.tables import EventRow


class EventView(View):
    """A line of a claim's timeline. `id` rises in the order of writing, so a reader can go on after the last it saw."""

    id: int
    at: datetime
    kind: str
    title: str
    details: str
    actor: str


async def timeline(session: AsyncSession, claim_id: str, after: int = 0) -> list[EventView]:
    """The timeline of a claim in order of writing, from behind the event numbered `after`."""
    lines = select(EventRow).where(EventRow.claim_id == claim_id, col(EventRow.id) > after)
    return [
        EventView(id=row.id or 0, at=row.at, kind=row.kind, title=row.title, details=row.details, actor=row.actor)
        for row in await session.exec(lines.order_by(col(EventRow.id)))
    ]
