"""Stripe and our ledger are separate: a crash between the two takes nothing twice."""

import asyncio
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlmodel.ext.asyncio.session import AsyncSession

from activities.payments.activities import GatewayPayments
from activities.payments.gateway import Payment
from activities.payments.ledgered_gateway import RemoteLedgeredGateway
from activities.payments.simulated.gateway import SimulatedGateway
from activities.payments.steps import attempt_of
from activities.payments.stripe.gateway import StripeGateway, stripe_client
from devstack.commands import scratch_settings
from domain.kinds import HoldState
from messages.payments import HoldPlaced, PaymentRefused
from settings import Settings, SettingsError
from store.database import Database
from store.writes.payment_attempts import ResponseJson
from tests.fakes.stripe_http import CUSTOMER, METHOD, FakeStripe, a_list, an_error, an_intent
from tests.payments.requests import HOLD, a_capture, a_hold, a_release, booked
from worker import gateway_for

RESPONSES = {
    "GET /v1/payment_methods/pm_1": METHOD,
    "POST /v1/customers": CUSTOMER,
    "POST /v1/payment_intents": an_intent(),
    "GET /v1/payment_intents": a_list(an_intent()),
    "GET /v1/payment_intents/pi_1": an_intent(),
}


def payments_over(database: Database, http: FakeStripe) -> GatewayPayments:
    return GatewayPayments(
        RemoteLedgeredGateway(StripeGateway(stripe_client("sk_test_1", http=http), database), database)
    )


async def test_a_hold_placed_and_not_booked_is_requested_again_under_its_key(database: Database) -> None:
    http = FakeStripe(RESPONSES)
    gateway = StripeGateway(stripe_client("sk_test_1", http=http), database)
    request = a_hold(payment_method="pm_1")

    async def crash(_: AsyncSession, __: Payment) -> ResponseJson:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await RemoteLedgeredGateway(gateway, database).send(
            attempt_of("authorize", request, acts_on=str(request.ordinal), amount=request.amount),
            lambda ledgered, sent_at: ledgered.gateway.authorize(
                request.amount,
                request.payment_method,
                subject=request.subject,
                key=request.key,
                at=request.at,
                sent_at=sent_at,
            ),
            crash,
        )
    assert (await booked(database)).entries == ()
    for _ in range(2):
        assert isinstance(await payments_over(database, http).authorize_hold(request), HoldPlaced)
    assert [sent.key for sent in http.sent if sent.line == "POST /v1/payment_intents"] == [request.key, request.key]
    assert (await booked(database)).balance("holds_open", "USD") == HOLD


async def test_no_request_to_stripe_is_made_inside_a_transaction(sqlite_database: Database) -> None:
    class Watching(FakeStripe):
        async def request_async(self, *sent: object, **more: object) -> object:  # type: ignore[override]
            # SQLite has one writer at a time: this would wait for ever for one that waits for us.
            async with asyncio.timeout(5), sqlite_database.transaction():
                return await super().request_async(*sent, **more)  # type: ignore[arg-type]

    placed = await payments_over(sqlite_database, Watching(RESPONSES)).authorize_hold(a_hold(payment_method="pm_1"))
    assert isinstance(placed, HoldPlaced)


async def test_an_expired_hold_is_reported_and_booked_as_expired(database: Database) -> None:
    http = FakeStripe(RESPONSES)
    payments = payments_over(database, http)
    await payments.authorize_hold(a_hold(payment_method="pm_1"))
    over = an_intent(status="canceled", cancellation_reason="automatic")
    http = FakeStripe(
        {
            "GET /v1/payment_intents/pi_1": over,
            "GET /v1/payment_intents": a_list(over),
            "POST /v1/payment_intents/pi_1/capture": an_error(400, code="payment_intent_unexpected_state"),
            "POST /v1/payment_intents/pi_1/cancel": an_error(400, code="payment_intent_unexpected_state"),
        }
    )
    payments = payments_over(database, http)
    expired = PaymentRefused(state=HoldState.EXPIRED.value)
    assert await payments.capture_hold(a_capture("pi_1")) == expired
    assert await payments.release_hold(a_release("pi_1", others=True)) == expired
    assert (await booked(database)).balance("holds_open", "USD") == HOLD.zero()


def stripe_settings(home: Path, **other: object) -> Settings:
    given: dict[str, object] = {"payments": "stripe", "stripe_api_key": SecretStr("sk_test_1")}
    return Settings.model_validate(scratch_settings(home).model_dump() | given | other)


def test_the_worker_uses_the_gateway_of_the_settings(tmp_path: Path, sqlite_database: Database) -> None:
    assert isinstance(gateway_for(scratch_settings(tmp_path), sqlite_database), SimulatedGateway)
    assert isinstance(gateway_for(stripe_settings(tmp_path), sqlite_database), StripeGateway)


def test_a_worker_without_a_key_names_the_variable(tmp_path: Path, sqlite_database: Database) -> None:
    with pytest.raises(SettingsError, match=r"set AFTERCARE_STRIPE_API_KEY=sk_test_\.\.\."):
        gateway_for(stripe_settings(tmp_path, stripe_api_key=None), sqlite_database)


def test_a_worker_without_the_library_names_the_extra(
    tmp_path: Path, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("activities.payments.stripe", "stripe"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "stripe", None)
    with pytest.raises(SettingsError, match=r"pip install 'aftercare\[stripe\]'"):
        gateway_for(stripe_settings(tmp_path), sqlite_database)
