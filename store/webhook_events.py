"""Store: received webhook events, by sender and id. No rule of claims reads them.

An event only triggers: the claim's workflow reads the payment from the gateway. A row holds no amounts and
no payment states: the sender, the claim, and what was done with the event.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from store.database import Database
from store.reads.device_status import View
from store.tables.webhook_events import WebhookEventRow, WebhookState
from store.upsert import insert_once


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event as it was sent. `subject` is the claim it names, `payment_id` the gateway's own id."""

    source: str
    event_id: str
    kind: str
    subject: str | None = None
    payment_id: str | None = None


class ParkedEventView(View):
    """A stored event whose claim has no running workflow."""

    source: str
    event_id: str
    kind: str
    subject: str | None
    payment_id: str | None
    received_at: datetime


class WebhookEvents:
    """Received events and their states. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def state_of(self, source: str, event_id: str) -> WebhookState | None:
        """The state that was stored for the event; None when it is new."""
        async with self._database.snapshot() as session:
            row = await session.get(WebhookEventRow, (source, event_id))
        return WebhookState(row.state) if row else None

    async def record(self, event: ReceivedEvent, state: WebhookState, at: datetime) -> None:
        """Store the event with its state; nothing changes when it is stored already."""
        row = asdict(event) | {"state": state.value, "received_at": at}
        async with self._database.transaction() as session:
            await insert_once(session, WebhookEventRow, row)

    async def delete_before(self, instant: datetime) -> None:
        """Delete older events: no sender repeats one so late. Parked events stay."""
        settled = col(WebhookEventRow.state).in_([state for state in WebhookState if state is not WebhookState.PARKED])
        async with self._database.transaction() as session:
            await session.exec(delete(WebhookEventRow).where(settled, col(WebhookEventRow.received_at) < instant))


async def parked_events(session: AsyncSession, since: datetime, limit: int = 200) -> list[ParkedEventView]:
    """Events received since then that were sent to no workflow, oldest first: a reconciliation lists them for people.

    An event may arrive before the claim's first row is written. Parking it loses nothing: the claim's workflow exists
    before its first payment, knows its payments from its own calls and queries the gateway for their state.
    """
    parked = select(WebhookEventRow).where(
        WebhookEventRow.state == WebhookState.PARKED, col(WebhookEventRow.received_at) >= since
    )
    order = col(WebhookEventRow.received_at), col(WebhookEventRow.source), col(WebhookEventRow.event_id)
    rows = await session.exec(parked.order_by(*order).limit(limit))
    return [ParkedEventView(**row.model_dump(exclude={"state"})) for row in rows]
