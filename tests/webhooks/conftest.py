"""The application with senders of webhooks, and verbs that sign as those senders do."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.signatures import sign
from messages.claims import ParcelScanned, PaymentChanged
from store.database import Database
from store.webhooks import ParkedEventView, parked_events
from tests.api.conftest import NOW, Office, config
from tests.fakes.door import FakeDoor

SECRETS = {"stripe": "whsec_stripe", "simulated": "of the simulated", "carrier-ups": "of the carrier"}
PAYMENT = "pi_1"


def changed(event_id: str, claim_id: str | None, kind: str = "payment_intent.canceled", **more: Any) -> dict[str, Any]:
    """An event about a payment, as Stripe writes it."""
    thing = {"id": PAYMENT, "object": "payment_intent", "metadata": {"claim_id": claim_id} if claim_id else {}}
    return {"id": event_id, "object": "event", "type": kind, "livemode": False, "data": {"object": thing | more}}


def saw(event_id: str, claim_id: str, event: str = "accepted", **more: Any) -> dict[str, Any]:
    """What a carrier tells."""
    told = {"id": event_id, "event": event, "claim_id": claim_id, "tracking_number": "1Z998"}
    return told | {"occurred_at": "2026-11-23T10:00:00Z"} | more


@dataclass
class Mailroom:
    """Where webhooks come in."""

    office: Office

    @property
    def heard(self) -> list[PaymentChanged | ParcelScanned]:
        """What the claims were told so far, repetitions included."""
        return [event for event in self.office.door.asked if isinstance(event, PaymentChanged | ParcelScanned)]

    async def send(self, path: str, body: Any, **signing: Any) -> httpx.Response:
        """Post `body` (bytes as they are) to that sender's address, signed by it now unless it is said otherwise."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind, _, name = path.partition("/")
        secret = signing.get("secret") or SECRETS[name if kind == "payments" else f"carrier-{name}"]
        header = "Stripe-Signature" if name == "stripe" else "Aftercare-Signature"
        signature = sign(signing.get("signed", raw), secret, signing.get("at", self.office.now()))
        headers = {"Content-Type": "application/json; charset=utf-8", header: signature, "Authorization": ""}
        return await self.office.http.post(f"/v1/webhooks/{path}", content=raw, headers=headers)

    async def told(self, path: str, body: Any) -> str:
        """The same; what became of it."""
        answer = await self.send(path, body)
        assert answer.status_code == 200, answer.text
        state: str = answer.json()["state"]
        return state

    async def parked(self) -> list[ParkedEventView]:
        async with self.office.database.reading() as session:
            return await parked_events(session, since=datetime.min.replace(tzinfo=UTC))


@asynccontextmanager
async def mailroom_on(url: str, database: Database) -> AsyncIterator[Mailroom]:
    """The application with its door, on that database."""
    clock = [NOW]
    door = FakeDoor(database, lambda: clock[0])
    app = create_app(config(url, webhook_secrets=SECRETS), door=door, now=lambda: clock[0])
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": "Bearer dev"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as http,
    ):
        yield Mailroom(Office(app, http, door, database, clock))


@pytest.fixture
async def mailroom(database_url: str, database: Database) -> AsyncIterator[Mailroom]:
    """Once on each engine."""
    async with mailroom_on(database_url, database) as opened:
        yield opened
