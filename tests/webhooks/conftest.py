"""The application with senders of webhooks, and helpers that sign as those senders do."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from api.app import create_app
from api.webhook_signatures import sign
from messages.claims import ParcelDelivered, ParcelScanned, PaymentChanged
from store.database import Database
from store.webhook_events import ParkedEventView, parked_events
from tests.api.conftest import NOW, ApiHarness, config
from tests.fakes.claim_commands import FakeClaimCommands

SECRETS = {"stripe": "whsec_stripe", "simulated": "of the simulated", "carrier-ups": "of the carrier"}
PAYMENT = "pi_1"


def changed(event_id: str, claim_id: str | None, kind: str = "payment_intent.canceled", **more: Any) -> dict[str, Any]:
    """An event about a payment, as Stripe writes it."""
    event = {"id": PAYMENT, "object": "payment_intent", "metadata": {"claim_id": claim_id} if claim_id else {}}
    return {"id": event_id, "object": "event", "type": kind, "livemode": False, "data": {"object": event | more}}


def saw(event_id: str, claim_id: str, event: str = "accepted", **more: Any) -> dict[str, Any]:
    """An event of a carrier."""
    event_body = {"id": event_id, "event": event, "claim_id": claim_id, "tracking_number": "1Z998"}
    return event_body | {"occurred_at": "2026-11-23T10:00:00Z"} | more


@dataclass
class WebhookEndpoint:
    """The API's webhook endpoints."""

    harness: ApiHarness

    @property
    def received(self) -> list[PaymentChanged | ParcelScanned | ParcelDelivered]:
        """The events that claims received so far, repetitions included."""
        kinds = PaymentChanged | ParcelScanned | ParcelDelivered
        return [event for event in self.harness.claim_commands.received if isinstance(event, kinds)]

    async def send(self, path: str, body: Any, **signing: Any) -> httpx2.Response:
        """Post `body` (bytes unchanged) to that sender's endpoint, signed with its secret unless `signing` differs."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind, _, name = path.partition("/")
        secret = signing.get("secret") or SECRETS[name if kind == "payments" else f"carrier-{name}"]
        header = "Stripe-Signature" if name == "stripe" else "Aftercare-Signature"
        signature = sign(signing.get("signed", raw), secret, signing.get("at", self.harness.now()))
        headers = {"Content-Type": "application/json; charset=utf-8", header: signature, "Authorization": ""}
        return await self.harness.http.post(f"/v1/webhooks/{path}", content=raw, headers=headers)

    async def delivered_as(self, path: str, body: Any) -> str:
        """The same; what became of it."""
        response = await self.send(path, body)
        assert response.status_code == 200, response.text
        state: str = response.json()["state"]
        return state

    async def parked(self) -> list[ParkedEventView]:
        async with self.harness.database.snapshot() as session:
            return await parked_events(session, since=datetime.min.replace(tzinfo=UTC))


@asynccontextmanager
async def webhook_endpoint(url: str, database: Database) -> AsyncIterator[WebhookEndpoint]:
    """The application with its claim_commands, on that database."""
    clock = [NOW]
    claim_commands = FakeClaimCommands(database, lambda: clock[0])
    app = create_app(config(url, webhook_secrets=SECRETS), claim_commands=claim_commands, now=lambda: clock[0])
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": "Bearer dev"}
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://api", headers=headers) as http,
    ):
        yield WebhookEndpoint(ApiHarness(app, http, claim_commands, database, clock))


@pytest.fixture
async def endpoint(database_url: str, database: Database) -> AsyncIterator[WebhookEndpoint]:
    """Once on each engine."""
    async with webhook_endpoint(database_url, database) as opened:
        yield opened
