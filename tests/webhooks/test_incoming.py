"""Incoming webhooks: verified, processed once, and signalled to the claim, which reads the payment itself."""

from datetime import timedelta
from typing import Any

import pytest

from api.body_limit import MAX_BODY_BYTES
from domain.reported_events import HOURLY_LIMITS, EventKind
from messages.claims import ParcelDelivered, ParcelScanned, PaymentChanged
from tests.api.conftest import NOW, problem
from tests.webhooks.conftest import PAYMENT, WebhookEndpoint, changed, saw

NOBODYS = "clm_aaaaaaaaaaaaaaaa"
INTENT = ["payment_intent.amount_capturable_updated", "payment_intent.payment_failed", "payment_intent.succeeded"]
CHARGE = ["charge.captured", "charge.expired", "charge.refunded"]


async def claimed(endpoint: WebhookEndpoint) -> str:
    claim: str = (await endpoint.harness.claimed())["id"]
    return claim


@pytest.mark.parametrize("gateway", ["stripe", "simulated"])
async def test_the_claim_is_signalled_to_read_the_payment(endpoint: WebhookEndpoint, gateway: str) -> None:
    claim = await claimed(endpoint)
    assert await endpoint.delivered_as(f"payments/{gateway}", changed("evt_1", claim)) == "delivered"
    assert endpoint.received == [PaymentChanged(event_id=f"{gateway}:evt_1", actor=gateway, payment_id=PAYMENT)]


@pytest.mark.parametrize("kind", [*INTENT, *CHARGE])
async def test_an_event_about_a_charge_names_its_intent(endpoint: WebhookEndpoint, kind: str) -> None:
    claim = await claimed(endpoint)
    thing = {"id": "ch_1", "payment_intent": PAYMENT} if kind in CHARGE else {}
    assert await endpoint.delivered_as("payments/stripe", changed("evt_1", claim, kind, **thing)) == "delivered"
    assert [event.payment_id for event in endpoint.received if isinstance(event, PaymentChanged)] == [PAYMENT]


async def test_a_repeated_event_gets_the_same_response_and_has_no_effect(endpoint: WebhookEndpoint) -> None:
    claim = await claimed(endpoint)
    for minutes in (0, 1, 60):
        endpoint.harness.later(minutes=minutes)
        assert await endpoint.delivered_as("payments/stripe", changed("evt_1", claim)) == "delivered"
    assert len(endpoint.received) == 1


async def test_two_senders_may_use_one_id(endpoint: WebhookEndpoint) -> None:
    claim = await claimed(endpoint)
    await endpoint.delivered_as("payments/stripe", changed("1", claim))
    await endpoint.delivered_as("payments/simulated", changed("1", claim))
    await endpoint.delivered_as("carriers/ups", saw("1", claim))
    assert [event.event_id for event in endpoint.received] == ["stripe:1", "simulated:1", "carrier:ups:1"]


@pytest.mark.parametrize(
    "body",
    [
        changed("evt_1", NOBODYS, "customer.created"),
        changed("evt_1", None),
        changed("evt_1", "pln_aaaaaaaaaaaaaaaa"),
        changed("evt_1", "../clm_1"),
        changed("evt_1", NOBODYS, id=None),
        changed("evt_1", NOBODYS, id={"id": PAYMENT}),
        changed("evt_1", NOBODYS, id="pi\x00"),
        changed("evt_1", NOBODYS, id="pi\ud800"),
        changed("evt_1", NOBODYS, metadata=None),
        changed("evt_1", NOBODYS, metadata={"claim_id": 7}),
        changed("evt_1", NOBODYS, "charge.refunded"),
        {"id": "evt_1", "type": "balance.available", "data": {"object": {"object": "balance"}}},
        {"id": "evt_1", "type": "v2.core.event_destination.ping"},
    ],
)
async def test_an_unused_event_is_stored_without_effect(endpoint: WebhookEndpoint, body: dict[str, Any]) -> None:
    assert await endpoint.delivered_as("payments/stripe", body) == "ignored"
    assert await endpoint.delivered_as("payments/stripe", body) == "ignored"
    assert endpoint.harness.claim_commands.received == []
    assert await endpoint.parked() == []


async def test_an_event_of_an_unknown_claim_is_parked(endpoint: WebhookEndpoint) -> None:
    assert await endpoint.delivered_as("payments/stripe", changed("evt_1", NOBODYS)) == "parked"
    assert await endpoint.delivered_as("carriers/ups", saw("ups-1", NOBODYS)) == "parked"
    assert await endpoint.delivered_as("carriers/ups", saw("ups-2", "SR 4711")) == "parked"
    assert await endpoint.delivered_as("payments/stripe", changed("evt_1", NOBODYS)) == "parked"
    shown = [(e.source, e.event_id, e.kind, e.subject, e.payment_id, e.received_at) for e in await endpoint.parked()]
    assert shown == [
        ("carrier:ups", "ups-1", "accepted", NOBODYS, None, NOW),
        ("carrier:ups", "ups-2", "accepted", "SR 4711", None, NOW),
        ("stripe", "evt_1", "payment_intent.canceled", NOBODYS, PAYMENT, NOW),
    ]


async def test_an_event_of_a_closed_claim_has_no_effect(endpoint: WebhookEndpoint) -> None:
    claim = await claimed(endpoint)
    await endpoint.harness.http.post(f"/v1/claims/{claim}/cancel")
    assert await endpoint.delivered_as("payments/stripe", changed("evt_1", claim)) == "finished"
    assert await endpoint.delivered_as("carriers/ups", saw("ups-1", claim)) == "finished"
    assert await endpoint.parked() == []


async def test_an_event_of_an_open_claim_with_a_terminated_workflow_is_parked(endpoint: WebhookEndpoint) -> None:
    claim = await claimed(endpoint)
    endpoint.harness.claim_commands.ended.add(claim)
    assert await endpoint.delivered_as("payments/stripe", changed("evt_1", claim)) == "parked"
    assert [event.subject for event in await endpoint.parked()] == [claim]


@pytest.mark.parametrize("path", ["payments/stripe", "carriers/ups"])
async def test_no_event_is_stored_while_temporal_is_unavailable_and_the_retry_succeeds(
    endpoint: WebhookEndpoint, path: str
) -> None:
    claim = await claimed(endpoint)
    body = changed("1", claim) if path.startswith("payments") else saw("1", claim)
    endpoint.harness.claim_commands.away = True
    response = await endpoint.send(path, body)
    problem(response, 503, "unavailable")
    assert int(response.headers["retry-after"]) > 0
    endpoint.harness.claim_commands.away = False
    assert await endpoint.delivered_as(path, body) == "delivered"
    assert len(endpoint.received) == 1


async def test_a_carriers_scan_is_the_return_scan(endpoint: WebhookEndpoint) -> None:
    claim = await claimed(endpoint)
    assert await endpoint.delivered_as("carriers/ups", saw("ups-1", claim)) == "delivered"
    scanned = ParcelScanned(
        event_id="carrier:ups:ups-1", actor="carrier:ups", carrier="ups", tracking_number="1Z998", scanned_at=NOW
    )
    assert endpoint.received == [scanned]


async def test_what_a_carrier_delivered_is_no_arrival(endpoint: WebhookEndpoint) -> None:
    """The warehouse's own scan decides (R-RET-3), so there can be no second arrival."""
    claim = await claimed(endpoint)
    assert await endpoint.delivered_as("carriers/ups", saw("ups-1", claim, "delivered")) == "delivered"
    delivered = ParcelDelivered(
        event_id="carrier:ups:ups-1", actor="carrier:ups", carrier="ups", tracking_number="1Z998", delivered_at=NOW
    )
    assert endpoint.received == [delivered]


async def test_one_scan_of_two_webhooks_and_of_the_warehouse_counts_once(endpoint: WebhookEndpoint) -> None:
    """R-RET-4: the same tracking number and moment is one scan."""
    claim = await claimed(endpoint)
    for number in ("ups-1", "ups-2"):
        assert await endpoint.delivered_as("carriers/ups", saw(number, claim)) == "delivered"
    body = {"carrier": "UPS", "tracking_number": "1z 998", "scanned_at": "2026-11-23T10:00:00Z"}
    assert (await endpoint.harness.http.post(f"/v1/claims/{claim}/return-scan", json=body)).status_code == 202
    assert len(endpoint.received) == 1


async def test_a_chatty_gateway_is_heard_within_the_limit_of_an_hour(endpoint: WebhookEndpoint) -> None:
    claim, limit = await claimed(endpoint), HOURLY_LIMITS[EventKind.PAYMENT_CHANGED]
    for number in range(limit + 5):
        assert await endpoint.delivered_as("payments/stripe", changed(f"evt_{number}", claim)) == "delivered"
    assert len(endpoint.received) == limit
    endpoint.harness.later(hours=1)
    await endpoint.harness.app.state.services.reports.retry()
    assert len(endpoint.received) == limit + 1


@pytest.mark.parametrize("event", ["out_for_delivery", "label_created"])
async def test_other_events_of_a_carrier_have_no_effect(endpoint: WebhookEndpoint, event: str) -> None:
    claim = await claimed(endpoint)
    assert await endpoint.delivered_as("carriers/ups", saw("ups-1", claim, event)) == "ignored"
    assert endpoint.received == []


@pytest.mark.parametrize(
    ("minutes", "message"), [(6, "lies in the future"), (-24 * 60, "lies before the claim")], ids=["future", "past"]
)
async def test_a_scan_at_an_impossible_time_is_rejected_and_not_stored(
    endpoint: WebhookEndpoint, minutes: int, message: str
) -> None:
    claim = await claimed(endpoint)
    moment = (NOW + timedelta(minutes=minutes)).isoformat()
    response = await endpoint.send("carriers/ups", saw("ups-1", claim, occurred_at=moment))
    assert message in problem(response, 422, "invalid_request")["detail"]
    assert await endpoint.delivered_as("carriers/ups", saw("ups-1", claim)) == "delivered"


async def test_a_scan_is_judged_by_the_claims_own_clock(endpoint: WebhookEndpoint) -> None:
    claim = await claimed(endpoint)
    endpoint.harness.claim_commands.lead = timedelta(days=12)
    moment = (NOW + timedelta(days=12)).isoformat()
    assert await endpoint.delivered_as("carriers/ups", saw("ups-1", claim, occurred_at=moment)) == "delivered"


@pytest.mark.parametrize("path", ["payments/stripe", "payments/simulated", "carriers/ups"])
@pytest.mark.parametrize(
    "signing",
    [
        pytest.param({"secret": "another"}, id="another secret"),
        pytest.param({"signed": b'{"id": "evt_2"}'}, id="another body"),
        pytest.param({"at": NOW - timedelta(minutes=6)}, id="too old"),
        pytest.param({"at": NOW + timedelta(minutes=6)}, id="of the future"),
    ],
)
async def test_a_bad_signature_is_400_and_nothing_is_read(endpoint: WebhookEndpoint, path: str, signing: Any) -> None:
    for body in (changed("evt_1", NOBODYS), b"", b"{", b'{"hush": 1}', b"[" * 5000):
        response = await endpoint.send(path, body, **signing)
        assert "hush" not in problem(response, 400, "bad_signature")["detail"]
    assert await endpoint.parked() == []


async def test_no_signature_is_400_whatever_key_is_sent(endpoint: WebhookEndpoint) -> None:
    http = endpoint.harness.http  # it carries the key of an admin
    for path in ("payments/stripe", "payments/simulated", "carriers/ups"):
        response = await http.post(f"/v1/webhooks/{path}", json=changed("evt_1", NOBODYS))
        assert "is missing" in problem(response, 400, "bad_signature")["detail"]


async def test_a_signature_in_another_senders_header_does_not_count(endpoint: WebhookEndpoint) -> None:
    headers = {"Aftercare-Signature": "t=1,v1=00"}
    response = await endpoint.harness.http.post("/v1/webhooks/payments/stripe", json={}, headers=headers)
    assert "Stripe-Signature is missing" in problem(response, 400, "bad_signature")["detail"]


@pytest.mark.parametrize("path", ["payments/nobody", "payments/carrier-ups", "payments/ups", "carriers/dhl"])
async def test_a_sender_without_a_secret_does_not_exist(endpoint: WebhookEndpoint, path: str) -> None:
    response = await endpoint.send(path, changed("evt_1", NOBODYS), secret="of the carrier")
    problem(response, 404, "not_found")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("payments/stripe", b"{", "body"),
        ("payments/stripe", b"[]", "body"),
        ("payments/stripe", {"type": "charge.refunded"}, "id"),
        ("payments/stripe", changed("", NOBODYS), "id"),
        ("payments/stripe", changed("x" * 256, NOBODYS), "id"),
        ("payments/stripe", changed("evt\x00", NOBODYS), "id"),
        ("payments/stripe", {"id": "evt_1"}, "type"),
        ("payments/stripe", {"id": "evt_1", "type": "charge.refunded", "data": 7}, "data"),
        ("carriers/ups", {"id": "1", "event": "accepted"}, "claim_id"),
        ("carriers/ups", saw("1", NOBODYS, occurred_at="yesterday"), "occurred_at"),
        ("carriers/ups", saw("1", NOBODYS, occurred_at="2026-11-23T10:00:00"), "occurred_at"),
        ("carriers/ups", saw("1", NOBODYS, tracking_number=""), "tracking_number"),
    ],
)
async def test_a_signed_event_with_an_invalid_body_is_422(
    endpoint: WebhookEndpoint, path: str, body: Any, field: str
) -> None:
    errors = problem(await endpoint.send(path, body), 422, "invalid_request")["errors"]
    assert field in {error["field"] for error in errors}


async def test_unknown_fields_are_ignored(endpoint: WebhookEndpoint) -> None:
    claim = await claimed(endpoint)
    body = changed("evt_1", claim, amount=164000) | {"pending_webhooks": 1, "request": {"id": None}}
    assert await endpoint.delivered_as("payments/stripe", body) == "delivered"
    assert await endpoint.delivered_as("carriers/ups", saw("1", claim, depot="PDX")) == "delivered"


async def test_the_body_limits_apply_to_webhooks(endpoint: WebhookEndpoint) -> None:
    problem(await endpoint.send("payments/stripe", b" " * (MAX_BODY_BYTES + 1)), 413, "payload_too_large")
    response = await endpoint.harness.http.post("/v1/webhooks/payments/stripe", content="id=1")
    problem(response, 415, "unsupported_media_type")
    problem(await endpoint.harness.http.get("/v1/webhooks/payments/stripe"), 405, "method_not_allowed")


async def test_a_webhook_is_an_entry_of_the_audit_trail_and_an_unsigned_one_is_none(endpoint: WebhookEndpoint) -> None:
    claim = await claimed(endpoint)
    await endpoint.delivered_as("payments/stripe", changed("evt_1", claim))
    await endpoint.delivered_as("carriers/ups", saw("1", claim))
    await endpoint.delivered_as("payments/stripe", changed("evt_2", None))
    assert (await endpoint.send("carriers/ups", saw("2", claim), secret="another")).status_code == 400
    entries = (await endpoint.harness.http.get("/v1/audit")).json()["items"][::-1]
    assert [(each["actor_id"], each["actor"], each["action"], each["claim_id"]) for each in entries[1:]] == [
        ("webhook:stripe", "stripe", "receive_payment_event", claim),
        ("webhook:carrier-ups", "carrier-ups", "receive_carrier_event", claim),
        ("webhook:stripe", "stripe", "receive_payment_event", None),
    ]
