"""A gateway that records what it is sent, and the rows of the payment attempts."""

import asyncio
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from activities.payments.activities import GatewayPayments
from activities.payments.gateway import Payment
from activities.payments.ledgered_gateway import RemoteLedgeredGateway
from activities.payments.simulated.gateway import SimulatedGateway
from store.database import Database
from store.tables.payment_attempts import PaymentAttemptRow
from tests.payments.requests import (
    CLAIM,
    NOW,
    a_charge,
)

FEE_KEY = f"{CLAIM}:fee"


SENT = NOW + timedelta(days=400)
"""The wall clock, which the claim's clock is far behind."""


class Clock:
    """A wall clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = SENT

    def __call__(self) -> datetime:
        return self.now


class Watching(SimulatedGateway):
    """A remote gateway for charges. It records the requests, and the attempts table at the time of each."""

    def __init__(self, database: Database, meet: asyncio.Barrier | None = None) -> None:
        super().__init__(database, environment="test")
        self.sent: list[tuple[str, datetime]] = []
        self.seen: list[tuple[str, bool]] = []
        self.crashes = False
        self._database = database
        self._meet = meet

    async def charge(self, *sent: Any, key: str, sent_at: datetime, **more: Any) -> Payment:
        self.sent.append((key, sent_at))
        self.seen += [(row.key, row.answered_at is not None) for row in await attempts(self._database)]
        if self._meet is not None:
            await self._meet.wait()
        charge = await super().charge(*sent, key=key, sent_at=sent_at, **more)
        if self.crashes:
            raise ConnectionAbortedError(key)
        return charge


async def attempts(database: Database) -> list[PaymentAttemptRow]:
    """Every attempt, as another session sees them."""
    async with database.snapshot() as session:
        return list(await session.exec(select(PaymentAttemptRow).order_by(PaymentAttemptRow.key)))


async def attempt_of_the_fee(database: Database) -> PaymentAttemptRow:
    (row,) = await attempts(database)
    assert row.key == FEE_KEY
    return row


async def leave_an_attempt(database: Database, *, has_result: bool) -> None:
    gateway = Watching(database)
    payments = GatewayPayments(RemoteLedgeredGateway(gateway, database))
    gateway.crashes = not has_result
    with nullcontext() if has_result else pytest.raises(ConnectionAbortedError):
        await payments.charge_card(a_charge())
