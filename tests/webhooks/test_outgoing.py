"""The simulated gateway's own webhooks: written with the effect, posted to the API until accepted, with any trouble."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlmodel import col, select

from activities.payments.fault_injection import FaultInjection
from activities.payments.gateway import Declined, GatewayRefused, OutcomeUnknown
from activities.payments.simulated.gateway import SimulatedGateway
from activities.payments.simulated.webhooks import BATCH_SIZE, NotAccepted, SimulatedWebhooks
from api.webhook_signatures import AFTERCARE_HEADER, sign, verify
from domain.money import Money
from messages.claims import PaymentChanged
from store.database import Database
from store.tables.simulated_gateway import GatewayEventRow, GatewayPaymentRow
from store.writes.payment_attempts import Attempt, ResponseJson
from tests.api.conftest import NOW
from tests.webhooks.conftest import SECRETS, WebhookEndpoint, webhook_endpoint

AMOUNT = Money(16400, "USD")
CLAIM = "clm_aaaaaaaaaaaaaaaa"
VISA = "pm_card_visa"
SECRET = SECRETS["simulated"]
ADDRESS = "http://api/v1/webhooks/payments/simulated"


def gateway_on(database: Database, **more: Any) -> SimulatedGateway:
    return SimulatedGateway(database, environment="test", **more)


async def held(gateway: SimulatedGateway, subject: str = CLAIM, number: int = 0) -> str:
    payment = await gateway.authorize(
        AMOUNT, VISA, subject=subject, key=f"{subject}:hold:{number}", at=NOW, sent_at=NOW
    )
    return payment.id


async def written(database: Database) -> list[GatewayEventRow]:
    async with database.snapshot() as session:
        return list((await session.exec(select(GatewayEventRow).order_by(col(GatewayEventRow.number)))).all())


async def happened(database: Database) -> list[tuple[str, datetime]]:
    return [(row.happened, row.at) for row in await written(database)]


class FakeApi:
    """A fake API that accepts everything, or returns the given `responses` in turn."""

    def __init__(self, *responses: int | Exception) -> None:
        self.responses = list(responses)
        self.got: list[dict[str, Any]] = []
        self.http = httpx2.AsyncClient(transport=httpx2.MockTransport(self._take))

    def _take(self, request: httpx2.Request) -> httpx2.Response:
        assert str(request.url) == ADDRESS
        verify(request.headers[AFTERCARE_HEADER], request.content, SECRET, datetime.now(UTC))
        response = self.responses.pop(0) if self.responses else 200
        if isinstance(response, Exception):
            raise response
        self.got.append(json.loads(request.content))
        return httpx2.Response(response)

    def ids(self) -> list[str]:
        return [event["id"] for event in self.got]


def sender(database: Database, http: httpx2.AsyncClient, faults: FaultInjection | None = None) -> SimulatedWebhooks:
    def signed(body: bytes, at: datetime) -> dict[str, str]:
        return {AFTERCARE_HEADER: sign(body, SECRET, at)}

    return SimulatedWebhooks(database, ADDRESS, signed, faults=faults, poll_seconds=0.01, http=http)


async def test_every_change_is_recorded_at_its_time_on_the_claims_clock(database: Database) -> None:
    gateway, later = gateway_on(database), NOW + timedelta(days=2)
    captured, released, expired = [await held(gateway, number=number) for number in range(3)]
    await gateway.capture(captured, AMOUNT, key="c", at=later)
    await gateway.release(released, key="r", at=later)
    for part in (1, 2):
        await gateway.refund(captured, Money(100, "USD"), key=f"f{part}", at=later)
    charge = await gateway.charge(AMOUNT, VISA, subject=CLAIM, key="fee", at=later, sent_at=NOW)
    await gateway.get(expired, at=NOW + timedelta(days=90))
    rows = [(row.payment_id, row.happened, row.at) for row in await written(database)]
    assert rows[:3] == [(payment, "authorized", NOW) for payment in (captured, released, expired)]
    assert rows[3:8] == [
        (captured, "captured", later),
        (released, "released", later),
        (captured, "refunded", later),
        (captured, "refunded", later),
        (charge.id, "charged", later),
    ]
    async with database.snapshot() as session:
        end = (await session.get_one(GatewayPaymentRow, expired)).expires_at
    assert rows[8:] == [(expired, "expired", end)]


async def test_an_event_and_its_effect_are_written_together_or_not_at_all(database: Database) -> None:
    gateway = gateway_on(database)

    async def fail(*_: object) -> ResponseJson:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await gateway.send(
            Attempt("k", CLAIM, "charge", "service_fees", AMOUNT, "fingerprint"),
            lambda sender, sent_at: sender.gateway.charge(
                AMOUNT, VISA, subject=CLAIM, key="k", at=NOW, sent_at=sent_at
            ),
            fail,
        )
    assert await written(database) == []


async def test_a_repeated_request_and_a_refusal_write_no_event(database: Database) -> None:
    gateway = gateway_on(database)
    hold = await held(gateway)
    await held(gateway)
    await gateway.release(hold, key="r", at=NOW)
    await gateway.release(hold, key="r", at=NOW)
    with pytest.raises(GatewayRefused):
        await gateway.capture(hold, AMOUNT, key="c", at=NOW)
    with pytest.raises(Declined):
        await gateway.charge(AMOUNT, "pm_card_chargeDeclined", subject=CLAIM, key="f", at=NOW, sent_at=NOW)
    assert await happened(database) == [("authorized", NOW), ("released", NOW)]


async def test_events_are_posted_in_order_and_once(database: Database) -> None:
    gateway, post = gateway_on(database), FakeApi()
    hold = await held(gateway)
    await gateway.capture(hold, AMOUNT, key="c", at=NOW)
    await gateway.refund(hold, AMOUNT, key="f", at=NOW)
    webhooks = sender(database, post.http)
    assert await webhooks.post_waiting() == 3
    assert await webhooks.post_waiting() == 0
    assert [event["type"] for event in post.got] == [
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
        "charge.refunded",
    ]
    assert [event["created"] for event in post.got] == [int(NOW.timestamp())] * 3
    events = [event["data"]["object"] for event in post.got]
    assert [thing.get("payment_intent", thing["id"]) for thing in events] == [hold] * 3
    assert [thing["metadata"] for thing in events] == [{"claim_id": CLAIM}] * 3
    assert all(row.delivered_at for row in await written(database))


async def test_an_event_not_accepted_is_posted_again_and_blocks_no_other(database: Database) -> None:
    gateway, post = gateway_on(database), FakeApi(200, 503, 200)
    for number in range(3):
        await held(gateway, number=number)
    webhooks = sender(database, post.http)
    with pytest.raises(NotAccepted, match="503"):
        await webhooks.post_waiting()
    assert await webhooks.post_waiting() == 1
    ids = post.ids()
    assert ids[3:] == [ids[1]]


async def test_events_accepted_before_the_api_became_unavailable_stay_accepted(database: Database) -> None:
    gateway, post = gateway_on(database), FakeApi(200, httpx2.ConnectError("nobody"))
    for number in range(3):
        await held(gateway, number=number)
    webhooks = sender(database, post.http)
    with pytest.raises(httpx2.ConnectError):
        await webhooks.post_waiting()
    assert await webhooks.post_waiting() == 2
    assert len(set(post.ids())) == len(post.ids()) == 3


async def test_a_batch_has_a_limit(sqlite_database: Database) -> None:
    gateway, post = gateway_on(sqlite_database), FakeApi()
    for number in range(BATCH_SIZE + 1):
        await held(gateway, number=number)
    webhooks = sender(sqlite_database, post.http)
    assert [await webhooks.post_waiting() for _ in range(3)] == [BATCH_SIZE, 1, 0]


@contextlib.asynccontextmanager
async def running(webhooks: SimulatedWebhooks) -> AsyncIterator[None]:
    task = asyncio.create_task(webhooks.run())
    try:
        yield
    finally:
        assert not task.done(), "it never ends by itself"
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


async def test_an_unavailable_api_is_logged_once_and_retried(
    sqlite_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    post = FakeApi(*[httpx2.ConnectError("nobody listens")] * 4, 500)
    await held(gateway_on(sqlite_database))
    with caplog.at_level(logging.INFO, "aftercare"):
        async with running(sender(sqlite_database, post.http)):
            await until(lambda: len(post.got) == 2)
    received = [record for record in caplog.records if record.name.startswith("aftercare")]
    assert [record.levelname for record in received] == ["WARNING"]
    assert len(received[0].getMessage().splitlines()) == 1


async def test_a_database_error_does_not_end_the_sender() -> None:
    broken = Database("sqlite:////nowhere/at/all.db")
    async with running(sender(broken, FakeApi().http)):
        await asyncio.sleep(0.1)
    await broken.close()


@pytest.mark.parametrize(
    "faults",
    [
        FaultInjection(repeat=1),
        FaultInjection(shuffle=True),
        FaultInjection(delay_seconds=0.1),
        FaultInjection(0, 0.5, True, 0.05, seed=7),
    ],
    ids=["repeated", "in disorder", "late", "everything"],
)
async def test_with_injected_faults_the_claim_receives_every_event_once(
    sqlite_url: str, sqlite_database: Database, faults: FaultInjection
) -> None:
    """From the gateway's own table through the application to the claim."""
    async with webhook_endpoint(sqlite_url, sqlite_database) as endpoint:
        claim = (await endpoint.harness.claimed())["id"]
        received = await delivered_events(endpoint, claim, faults)
        assert sorted(received) == sorted(f"simulated:{row.id}" for row in await written(sqlite_database))
        assert len(received) == 12
        assert await endpoint.parked() == []


async def delivered_events(endpoint: WebhookEndpoint, claim: str, faults: FaultInjection) -> list[str]:
    """The events that the claim received about four holds, each captured and refunded."""
    now = datetime.now(UTC)
    endpoint.harness.clock[0] = now
    gateway = gateway_on(endpoint.harness.database)
    for number in range(4):
        hold = await held(gateway, claim, number)
        await gateway.capture(hold, AMOUNT, key=f"c{number}", at=NOW)
        await gateway.refund(hold, AMOUNT, key=f"f{number}", at=NOW)
    webhooks = sender(endpoint.harness.database, endpoint.harness.http, faults)
    assert await webhooks.post_waiting() == 12
    assert await webhooks.post_waiting() == 0
    return [event.event_id for event in endpoint.received if isinstance(event, PaymentChanged)]


def test_faults_are_injected_as_configured() -> None:
    events, random = list(range(200)), FaultInjection().random
    assert FaultInjection().schedule(events, random()) == [(0.0, event) for event in events]
    twice = [event for _, event in FaultInjection(repeat=1).schedule(events, random())]
    assert sorted(twice) == sorted(events * 2)
    some = [event for _, event in FaultInjection(repeat=0.3).schedule(events, random())]
    assert set(some) == set(events)
    assert 30 < len(some) - len(events) < 90
    mixed = [event for _, event in FaultInjection(shuffle=True).schedule(events, random())]
    assert mixed != events
    assert sorted(mixed) == events
    late = FaultInjection(delay_seconds=2).schedule(events, random())
    assert [seconds for seconds, _ in late] == sorted(seconds for seconds, _ in late)
    assert 1 < max(late)[0] <= 2
    assert sorted(event for _, event in late) == events


def test_the_same_seed_injects_the_same_faults() -> None:
    faults = FaultInjection(lose_answers=0.5, repeat=0.5, shuffle=True, delay_seconds=1, seed=3)
    first, second = faults.random(), faults.random()
    assert faults.schedule(range(20), first) == faults.schedule(range(20), second)
    assert [faults.loses_response(first) for _ in range(20)] == [faults.loses_response(second) for _ in range(20)]


async def test_a_payment_with_a_lost_response_is_made_and_its_event_sent(database: Database) -> None:
    faults = FaultInjection(lose_answers=1)
    random = faults.random()
    gateway = gateway_on(database, lose_responses=lambda _: faults.loses_response(random))
    with pytest.raises(OutcomeUnknown):
        await held(gateway)
    assert await happened(database) == [("authorized", NOW)]
