"""Disputes and failed refunds over HTTP: the claim is told, and what no claim hears is parked for people."""

from typing import Any

import pytest

from messages.claims import PaymentChanged
from tests.webhooks.conftest import PAYMENT, WebhookEndpoint, changed

FAILED = {"id": "re_1", "object": "refund", "payment_intent": PAYMENT, "status": "failed"}
DISPUTE = {"id": "dp_1", "object": "dispute", "payment_intent": PAYMENT}
EVENTS = [
    ("charge.dispute.created", DISPUTE),
    ("charge.dispute.closed", DISPUTE),
    ("refund.failed", FAILED),
    ("charge.refund.updated", FAILED),
]


@pytest.mark.parametrize(("kind", "thing"), EVENTS)
async def test_the_claim_is_told_what_happened(endpoint: WebhookEndpoint, kind: str, thing: dict[str, Any]) -> None:
    claim: str = (await endpoint.harness.claimed())["id"]
    assert await endpoint.delivered_as("payments/stripe", changed("evt_1", claim, kind, **thing)) == "delivered"
    assert endpoint.received == [PaymentChanged(event_id="stripe:evt_1", actor="stripe", payment_id=PAYMENT, kind=kind)]


@pytest.mark.parametrize(("kind", "thing"), EVENTS)
async def test_what_no_claim_hears_is_parked(endpoint: WebhookEndpoint, kind: str, thing: dict[str, Any]) -> None:
    """A closed claim's workflow has ended; a dispute's own metadata names no claim."""
    claim: str = (await endpoint.harness.claimed())["id"]
    await endpoint.harness.http.post(f"/v1/claims/{claim}/cancel")
    assert await endpoint.delivered_as("payments/stripe", changed("evt_1", claim, kind, **thing)) == "parked"
    assert await endpoint.delivered_as("payments/stripe", changed("evt_2", None, kind, **thing)) == "parked"
    assert [(event.kind, event.payment_id) for event in await endpoint.parked()] == [(kind, PAYMENT)] * 2


async def test_a_refund_that_went_well_has_no_effect(endpoint: WebhookEndpoint) -> None:
    claim: str = (await endpoint.harness.claimed())["id"]
    body = changed("evt_1", claim, "charge.refund.updated", **(FAILED | {"status": "succeeded"}))
    assert await endpoint.delivered_as("payments/stripe", body) == "ignored"
    assert endpoint.received == []
