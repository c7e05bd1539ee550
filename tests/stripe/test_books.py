"""Stripe and our books are kept by two parties: what happens between the two does not take anything twice."""

import asyncio
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlmodel.ext.asyncio.session import AsyncSession

from activities.gateway import Payment
from activities.payment_steps import attempt_of
from activities.payments import GatewayPayments
from activities.remote_access import RemoteAccess
from activities.simulated_gateway import SimulatedGateway
from activities.stripe_gateway import StripeGateway, stripe_client
from dev import scratch_settings
from domain.kinds import HoldState
from messages.payments import HoldPlaced, PaymentRefused
from settings import Settings, SettingsError
from store.database import Database
from store.writes.payment_attempts import AnswerJson
from tests.fakes.stripe_wire import CUSTOMER, METHOD, FakeWire, a_list, an_error, an_intent
from tests.payments.asks import HOLD, a_capture, a_hold, a_release, booked
from worker import gateway_for

ANSWERS = {
    "GET /v1/payment_methods/pm_1": METHOD,
    "POST /v1/customers": CUSTOMER,
    "POST /v1/payment_intents": an_intent(),
    "GET /v1/payment_intents": a_list(an_intent()),
    "GET /v1/payment_intents/pi_1": an_intent(),
}


def payments_over(database: Database, wire: FakeWire) -> GatewayPayments:
    return GatewayPayments(RemoteAccess(StripeGateway(stripe_client("sk_test_1", http=wire), database), database))


async def test_a_hold_answered_and_not_booked_is_asked_for_again_under_its_key(database: Database) -> None:
    wire = FakeWire(ANSWERS)
    gateway = StripeGateway(stripe_client("sk_test_1", http=wire), database)
    ask = a_hold(payment_method="pm_1")

    async def crash(_: AsyncSession, __: Payment) -> AnswerJson:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await RemoteAccess(gateway, database).send(
            attempt_of("authorize", ask, acts_on=str(ask.ordinal), amount=ask.amount),
            lambda sender, sent_at: sender.gateway.authorize(
                ask.amount, ask.payment_method, subject=ask.subject, key=ask.key, at=ask.at, sent_at=sent_at
            ),
            crash,
        )
    assert (await booked(database)).entries == ()
    for _ in range(2):
        assert isinstance(await payments_over(database, wire).authorize_hold(ask), HoldPlaced)
    assert [asked.key for asked in wire.asked if asked.line == "POST /v1/payment_intents"] == [ask.key, ask.key]
    assert (await booked(database)).balance("holds_open", "USD") == HOLD


async def test_nothing_is_asked_of_stripe_inside_a_transaction(sqlite_database: Database) -> None:
    class Watching(FakeWire):
        async def request_async(self, *asked: object, **more: object) -> object:  # type: ignore[override]
            # SQLite has one writer at a time: this would wait for ever for one that waits for us.
            async with asyncio.timeout(5), sqlite_database.writing():
                return await super().request_async(*asked, **more)  # type: ignore[arg-type]

    placed = await payments_over(sqlite_database, Watching(ANSWERS)).authorize_hold(a_hold(payment_method="pm_1"))
    assert isinstance(placed, HoldPlaced)


async def test_a_hold_that_expired_is_told_and_booked_as_over(database: Database) -> None:
    wire = FakeWire(ANSWERS)
    payments = payments_over(database, wire)
    await payments.authorize_hold(a_hold(payment_method="pm_1"))
    over = an_intent(status="canceled", cancellation_reason="automatic")
    wire = FakeWire(
        {
            "GET /v1/payment_intents/pi_1": over,
            "GET /v1/payment_intents": a_list(over),
            "POST /v1/payment_intents/pi_1/capture": an_error(400, code="payment_intent_unexpected_state"),
            "POST /v1/payment_intents/pi_1/cancel": an_error(400, code="payment_intent_unexpected_state"),
        }
    )
    payments = payments_over(database, wire)
    expired = PaymentRefused(state=HoldState.EXPIRED.value)
    assert await payments.capture_hold(a_capture("pi_1")) == expired
    assert await payments.release_hold(a_release("pi_1", others=True)) == expired
    assert (await booked(database)).balance("holds_open", "USD") == HOLD.zero()


def stripe_settings(home: Path, **other: object) -> Settings:
    given: dict[str, object] = {"payments": "stripe", "stripe_api_key": SecretStr("sk_test_1")}
    return Settings.model_validate(scratch_settings(home).model_dump() | given | other)


def test_the_worker_pays_as_the_settings_say(tmp_path: Path, sqlite_database: Database) -> None:
    assert isinstance(gateway_for(scratch_settings(tmp_path), sqlite_database), SimulatedGateway)
    assert isinstance(gateway_for(stripe_settings(tmp_path), sqlite_database), StripeGateway)


def test_a_worker_without_a_key_says_which_to_give(tmp_path: Path, sqlite_database: Database) -> None:
    with pytest.raises(SettingsError, match=r"set AFTERCARE_STRIPE_API_KEY=sk_test_\.\.\."):
        gateway_for(stripe_settings(tmp_path, stripe_api_key=None), sqlite_database)


def test_a_worker_without_the_library_says_how_to_get_it(
    tmp_path: Path, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("activities.stripe_", "stripe"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "stripe", None)
    with pytest.raises(SettingsError, match=r"pip install 'aftercare\[stripe\]'"):
        gateway_for(stripe_settings(tmp_path), sqlite_database)
