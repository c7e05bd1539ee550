"""The adapter against Stripe itself, in test mode: what no local server can prove. Enabled by a variable.

`AFTERCARE_TEST_STRIPE_KEY=sk_test_... .venv/bin/python -m pytest tests/stripe/test_real.py`. No money moves: a test key
reaches test cards alone, and any other key is refused. Payments stay in the test account.
"""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from activities.payments.gateway import Declined, GatewayRefused, KeyReused
from activities.payments.stripe.errors import REQUEST_SECONDS
from activities.payments.stripe.gateway import StripeGateway, stripe_client
from activities.payments.stripe.http import HttpxClient
from domain.eligibility import Card
from domain.money import Money
from store.database import Database

VARIABLE = "AFTERCARE_TEST_STRIPE_KEY"
KEY = os.environ.get(VARIABLE, "")
HOLD = Money(164_000, "USD")
NOW = datetime.now(UTC)

pytestmark = pytest.mark.skipif(
    not KEY.startswith("sk_test_"), reason=f"{VARIABLE} names no sk_test_ key: Stripe itself is not asked"
)


@pytest.fixture
async def gateway(sqlite_database: Database) -> AsyncIterator[StripeGateway]:
    http = HttpxClient(seconds=REQUEST_SECONDS)
    yield StripeGateway(stripe_client(KEY, http=http), sqlite_database)
    await http.close_async()


@pytest.fixture
def claim() -> str:
    return f"clm_{uuid4().hex}"


async def test_a_hold_lasts_until_stripes_capture_deadline_and_is_renewed_off_session(
    gateway: StripeGateway, claim: str
) -> None:
    key = f"{claim}:authorize:0"
    hold = await gateway.authorize(HOLD, "pm_card_visa", subject=claim, key=key, at=NOW, sent_at=NOW)
    assert (hold.kind, hold.status, hold.amount, hold.reference) == ("hold", "authorized", HOLD, key)
    assert hold.capture_before is not None
    assert hold.capture_before - NOW > timedelta(days=6)
    renewal = await gateway.authorize(
        HOLD, "pm_card_visa", subject=claim, key=f"{claim}:authorize:1", at=NOW, sent_at=NOW, off_session=True
    )
    assert renewal.capture_before is not None
    assert renewal.capture_before - NOW > timedelta(days=4)
    assert [each.id for each in await gateway.find(claim, at=NOW)] == [hold.id, renewal.id]
    assert (await gateway.release(hold.id, key=f"{claim}:release:0", at=NOW)).status == "released"
    with pytest.raises(GatewayRefused, match="released"):
        await gateway.capture(hold.id, HOLD, key=f"{claim}:capture", at=NOW)


async def test_a_part_is_captured_and_the_rest_is_no_refund(gateway: StripeGateway, claim: str) -> None:
    hold = await gateway.authorize(
        HOLD, "pm_card_mastercard", subject=claim, key=f"{claim}:authorize:0", at=NOW, sent_at=NOW
    )
    part, half = Money(1_200, "USD"), Money(600, "USD")
    for _ in range(2):
        captured = await gateway.capture(hold.id, part, key=f"{claim}:capture", at=NOW)
        assert (captured.captured, captured.refunded) == (part, part.zero())
    for _ in range(2):
        assert (await gateway.refund(hold.id, half, key=f"{claim}:refund", at=NOW)).refunded == half
    with pytest.raises(GatewayRefused, match="captured"):
        await gateway.refund(hold.id, part, key=f"{claim}:refund:1", at=NOW)


async def test_a_key_returns_the_same_result_and_is_not_reused(gateway: StripeGateway, claim: str) -> None:
    key = f"{claim}:authorize:0"
    first = await gateway.authorize(HOLD, "pm_card_visa", subject=claim, key=key, at=NOW, sent_at=NOW)
    assert await gateway.authorize(HOLD, "pm_card_visa", subject=claim, key=key, at=NOW, sent_at=NOW) == first
    with pytest.raises(KeyReused):
        await gateway.authorize(Money(1_000, "USD"), "pm_card_visa", subject=claim, key=key, at=NOW, sent_at=NOW)
    assert len(await gateway.find(claim, at=NOW)) == 1
    await gateway.release(first.id, key=f"{claim}:release:0", at=NOW)


@pytest.mark.parametrize(
    ("token", "code", "retryable"),
    [
        ("pm_card_chargeDeclined", "card_declined", False),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds", True),
        ("pm_card_authenticationRequired", "authentication_required", False),
    ],
)
async def test_a_declined_card_has_its_own_code(
    gateway: StripeGateway, claim: str, token: str, code: str, retryable: bool
) -> None:
    with pytest.raises(Declined) as no:
        await gateway.authorize(HOLD, token, subject=claim, key=f"{claim}:authorize:0", at=NOW, sent_at=NOW)
    assert (no.value.code, no.value.retryable) == (code, retryable)
    assert await gateway.find(claim, at=NOW) == ()


async def test_a_saved_card_that_fails_later_declines_the_renewal(gateway: StripeGateway, claim: str) -> None:
    with pytest.raises(Declined):
        await gateway.authorize(
            HOLD,
            "pm_card_chargeCustomerFail",
            subject=claim,
            key=f"{claim}:authorize:0",
            at=NOW,
            sent_at=NOW,
            off_session=True,
        )


@pytest.mark.parametrize("amount", [Money(50_000, "JPY"), Money(50_000, "ISK"), Money(50_000, "KWD")], ids=str)
async def test_stripe_uses_the_same_minor_units(gateway: StripeGateway, claim: str, amount: Money) -> None:
    charge = await gateway.charge(amount, "pm_card_visa", subject=claim, key=f"{claim}:fee", at=NOW, sent_at=NOW)
    assert charge.captured == amount
    assert (await gateway.refund(charge.id, amount, key=f"{claim}:refund", at=NOW)).refunded == amount


async def test_a_card_is_looked_up(gateway: StripeGateway) -> None:
    assert await gateway.look_up("pm_card_amex") == Card("amex", "credit")
    assert await gateway.look_up("pm_nobody") is None
