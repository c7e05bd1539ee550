"""The adapter on a fake HTTP client, and the request lines it sends."""

from datetime import UTC, datetime
from typing import Any

from activities.payments.gateway import Payment
from activities.payments.stripe.gateway import StripeGateway, stripe_client
from domain.money import Money
from store.database import Database
from tests.fakes.stripe_http import CUSTOMER, METHOD, FakeStripe, an_error

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
HOLD = Money(164_000, "USD")
NOTHING = HOLD.zero()
KEY = "clm_a:authorize:0"

RETRIEVE_METHOD = "GET /v1/payment_methods/pm_1"
MAKE_CUSTOMER = "POST /v1/customers"
CREATE = "POST /v1/payment_intents"
LIST = "GET /v1/payment_intents"
LOOK = "GET /v1/payment_intents/pi_1"
CAPTURE = "POST /v1/payment_intents/pi_1/capture"
CANCEL = "POST /v1/payment_intents/pi_1/cancel"
REFUND = "POST /v1/refunds"
CARD = {RETRIEVE_METHOD: METHOD, MAKE_CUSTOMER: CUSTOMER}
UNSUITABLE = an_error(400, code="payment_intent_unexpected_state")


def stripe_with(database: Database, results: dict[str, Any], now: datetime = NOW) -> tuple[StripeGateway, FakeStripe]:
    http = FakeStripe(results)
    return StripeGateway(stripe_client("sk_test_1", http=http), database, now=lambda: now), http


async def held(gateway: StripeGateway, *, subject: str = "clm_a", key: str = KEY, off_session: bool = False) -> Payment:
    return await gateway.authorize(HOLD, "pm_1", subject=subject, key=key, at=NOW, sent_at=NOW, off_session=off_session)
