"""Store: the API's own memory of webhooks, so that each is heard once. Nothing about claims is decided by it.

An event says that something happened; what it was, the claim's workflow asks the gateway itself. So a row holds no
amounts and no states of payments: whose event it was, about which claim, and what became of it here.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Column, Index, String
from sqlmodel import Field, SQLModel, col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from store.database import Database
from store.device_view import View
from store.instants import Instant
from store.once import insert_once

LONGEST_ID: Final = 255
"""Of an event's id, and of every other word of the sender's that is kept."""


class WebhookState(StrEnum):
    """`delivered`: the claim's workflow has it. `finished`: the claim is closed and nobody waits for it any more.

    `parked`: no process works on that claim, and no closed claim explains it: a person must look. `ignored`: of a kind
    nobody waits for, or about something that is no claim.
    """

    DELIVERED = "delivered"
    FINISHED = "finished"
    PARKED = "parked"
    IGNORED = "ignored"


class WebhookEventRow(SQLModel, table=True):
    """One event of one sender: `source` is `stripe`, `simulated`, `carrier:ups`. `received_at` is the API's clock."""

    __tablename__ = "webhook_events"
    __table_args__ = (Index("ix_webhook_events_place", "state", "received_at", "source", "event_id"),)

    source: str = Field(sa_column=Column(String(100), primary_key=True))
    event_id: str = Field(sa_column=Column(String(LONGEST_ID), primary_key=True))
    kind: str
    subject: str | None = None
    payment_id: str | None = None
    state: str
    received_at: datetime = Field(sa_type=Instant)


@dataclass(frozen=True, slots=True)
class Heard:
    """An event as its sender told it. `subject` is the claim it names, `payment_id` the gateway's own id."""

    source: str
    event_id: str
    kind: str
    subject: str | None = None
    payment_id: str | None = None


class ParkedEventView(View):
    """A `Heard` event whose claim nobody works on."""

    source: str
    event_id: str
    kind: str
    subject: str | None
    payment_id: str | None
    received_at: datetime


class Webhooks:
    """Which events were heard, and what became of them. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, source: str, event_id: str) -> WebhookState | None:
        """What became of the event when it was first heard; None when it is new."""
        async with self._database.reading() as session:
            row = await session.get(WebhookEventRow, (source, event_id))
        return WebhookState(row.state) if row else None

    async def keep(self, heard: Heard, state: WebhookState, at: datetime) -> None:
        """Note what became of an event; nothing changes when its twin, heard at the same time, was quicker."""
        row = asdict(heard) | {"state": state.value, "received_at": at}
        async with self._database.writing() as session:
            await insert_once(session, WebhookEventRow, row)

    async def forget_before(self, instant: datetime) -> None:
        """Drop what is older and needs nobody: no sender repeats itself so late. Parked events stay."""
        settled = col(WebhookEventRow.state).in_([state for state in WebhookState if state is not WebhookState.PARKED])
        async with self._database.writing() as session:
            await session.exec(delete(WebhookEventRow).where(settled, col(WebhookEventRow.received_at) < instant))


async def parked_events(session: AsyncSession, since: datetime, limit: int = 200) -> list[ParkedEventView]:
    """Events since then that nobody could be told of, oldest first: what a reconciliation shows to people.

    An event may overtake our own record of its claim. Nothing is lost by parking it: the claim's workflow exists before
    its first payment, knows its payments from its own calls and asks the gateway what became of them.
    """
    parked = select(WebhookEventRow).where(
        WebhookEventRow.state == WebhookState.PARKED, col(WebhookEventRow.received_at) >= since
    )
    order = col(WebhookEventRow.received_at), col(WebhookEventRow.source), col(WebhookEventRow.event_id)
    rows = await session.exec(parked.order_by(*order).limit(limit))
    return [ParkedEventView(**row.model_dump(exclude={"state"})) for row in rows]
