"""The simulated gateway is as strict as Stripe: each test card gets the same result from both.

Stripe's side is its documented response to the test card, read by the adapter. The cards of `OURS` do not exist there.
"""

from typing import Any, Final

import pytest

from activities.payments.gateway import Declined, Gateway
from activities.payments.simulated.cards import SIMULATED_CARDS
from activities.payments.simulated.gateway import SimulatedGateway
from domain.eligibility import Card
from store.database import Database
from tests.fakes.stripe_http import METHOD, a_list, an_error, an_intent
from tests.stripe.fake_gateway import CANCEL, CREATE, HOLD, MAKE_CUSTOMER, NOW, stripe_with
from tests.stripe.fake_gateway import CARD as CARD_AND_CUSTOMER

OURS: Final = {"pm_card_heldTwice", "pm_card_heldTwiceOnly"}
TAKEN: Final = (an_intent(), an_intent(status="succeeded", capture_method="automatic", amount_received=164_000))
"""A hold, and a charge."""
UNCONFIRMED: Final = an_intent(status="requires_action", latest_charge=None)


def a_decline(code: str, decline_code: str, **other: Any) -> tuple[int, dict[str, Any]]:
    return an_error(402, "card_error", code=code, decline_code=decline_code, **other)


GENERIC: Final = a_decline("card_declined", "generic_decline")
NEEDS_OWNER: Final = a_decline("authentication_required", "authentication_required", payment_intent=UNCONFIRMED)
AT_STRIPE: Final[dict[str, tuple[dict[str, str], tuple[Any, Any], tuple[Any, Any]]]] = {
    # token: the card, what a hold and a charge get on session, and off session
    "pm_card_visa": ({"brand": "visa", "funding": "credit"}, TAKEN, TAKEN),
    "pm_card_mastercard": ({"brand": "mastercard", "funding": "credit"}, TAKEN, TAKEN),
    "pm_card_amex": ({"brand": "amex", "funding": "credit"}, TAKEN, TAKEN),
    "pm_card_visa_debit": ({"brand": "visa", "funding": "debit"}, TAKEN, TAKEN),
    "pm_card_chargeDeclined": ({"brand": "visa", "funding": "credit"}, (GENERIC, GENERIC), (GENERIC, GENERIC)),
    "pm_card_chargeDeclinedInsufficientFunds": (
        {"brand": "visa", "funding": "credit"},
        (a_decline("card_declined", "insufficient_funds"),) * 2,
        (a_decline("card_declined", "insufficient_funds"),) * 2,
    ),
    "pm_card_chargeCustomerFail": ({"brand": "visa", "funding": "credit"}, TAKEN, (GENERIC, GENERIC)),
    "pm_card_authenticationRequired": (
        {"brand": "visa", "funding": "credit"},
        (UNCONFIRMED, UNCONFIRMED),
        (NEEDS_OWNER, NEEDS_OWNER),
    ),
}


def test_every_simulated_card_is_compared() -> None:
    assert AT_STRIPE.keys() | OURS == SIMULATED_CARDS.keys()


@pytest.mark.parametrize("off_session", [False, True], ids=["on session", "off session"])
@pytest.mark.parametrize("kind", ["hold", "charge"])
@pytest.mark.parametrize("token", AT_STRIPE)
async def test_a_test_card_gets_the_same_result_from_both_gateways(
    sqlite_database: Database, token: str, kind: str, off_session: bool
) -> None:
    card, on, off = AT_STRIPE[token]
    response = (off if off_session else on)[kind == "charge"]
    stripe, _ = stripe_with(
        sqlite_database,
        {
            f"GET /v1/payment_methods/{token}": METHOD | {"card": card},
            MAKE_CUSTOMER: CARD_AND_CUSTOMER[MAKE_CUSTOMER],
            CREATE: response,
            CANCEL: UNCONFIRMED | {"status": "canceled"},
            "GET /v1/payment_intents": a_list(),
        },
    )
    simulated = SimulatedGateway(sqlite_database, environment="test")
    expected = await result(stripe, kind, token, off_session=off_session)
    assert await result(simulated, kind, token, off_session=off_session) == expected
    assert await simulated.look_up(token) == await stripe.look_up(token) == Card(card["brand"], card["funding"])


async def result(gateway: Gateway, kind: str, token: str, *, off_session: bool) -> tuple[str, bool]:
    """The payment's status, or the code of the decline and whether it may be tried again."""
    pay = gateway.authorize if kind == "hold" else gateway.charge
    try:
        payment = await pay(HOLD, token, subject="clm_a", key="k", at=NOW, sent_at=NOW, off_session=off_session)
    except Declined as declined:
        return declined.code, declined.retryable
    return payment.status, True
