"""Activities: what Stripe's errors mean here: one of the gateway's four, never more.

A decline is the card's word and final for its key. What nobody can be sure of is OutcomeUnknown, to be asked again
under the same key. Knows no request and no payment.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Final, TypeVar

import stripe

from activities.gateway import Declined, InvalidAmount, KeyReused, OutcomeUnknown, Refused

log = logging.getLogger("aftercare.stripe")

AnswerT = TypeVar("AnswerT")

REQUEST_SECONDS: Final = 15.0
"""How long one request may take in all. The library itself would wait 80 s, and for each piece anew."""

SOFT_DECLINES: Final = frozenset(
    {
        "card_velocity_exceeded",
        "insufficient_funds",
        "issuer_not_available",
        "processing_error",
        "reenter_transaction",
        "try_again_later",
        "withdrawal_count_limit_exceeded",
    }
)
"""Decline codes after which the same card may say yes later (docs.stripe.com/declines/codes)."""

AUTHENTICATION_REQUIRED: Final = "authentication_required"
INVALID_PAYMENT_METHOD: Final = "invalid_payment_method"
_AMOUNT_CODES: Final = frozenset({"amount_too_small", "amount_too_large", "invalid_charge_amount"})
_CARD_PARAMETERS: Final = ("payment_method", "customer")


class Unfit(Refused):
    """Stripe did not take the request: `code` and `param` are its own, `status` the HTTP status."""

    def __init__(self, status: int, code: str, param: str) -> None:
        super().__init__("expired" if code == "charge_expired_for_capture" else "unknown")
        self.status = status
        self.code = code
        self.param = param

    @property
    def missing(self) -> bool:
        """What was asked about does not exist."""
        return self.status == 404 or self.code == "resource_missing"


async def answered(request: Awaitable[AnswerT], key: str, seconds: float = REQUEST_SECONDS) -> AnswerT:
    """The answer to a request within `seconds`, or one of the four errors. `key` names the request in them."""
    try:
        async with asyncio.timeout(seconds):
            return await request
    except TimeoutError as slow:
        raise OutcomeUnknown(key) from slow
    except stripe.CardError as no:
        raise declined(no) from no
    except stripe.IdempotencyError as reused:
        raise KeyReused(key) from reused
    except (stripe.AuthenticationError, stripe.PermissionError) as locked:
        # Nobody's decline: whoever runs this must put the key right, and until then nothing is concluded.
        log.error("Stripe refuses the API key (%s): put AFTERCARE_STRIPE_API_KEY right", locked.http_status)
        raise OutcomeUnknown(key) from locked
    except stripe.InvalidRequestError as unfit:
        if unfit.code in _AMOUNT_CODES:
            raise InvalidAmount(f"Stripe does not take this amount: {unfit.code}") from unfit
        raise Unfit(unfit.http_status or 400, unfit.code or "", unfit.param or "") from unfit
    except stripe.StripeError as lost:
        # No connection, too many requests (429), a request under way (409), 5xx, words that are no answer; a 4xx nobody
        # has heard of is looked at by people, not guessed at.
        raise OutcomeUnknown(key) from lost


def declined(no: stripe.CardError) -> Declined:
    """The card's no, under the bank's own code where there is one."""
    code = str(getattr(no.error, "decline_code", None) or no.code or "card_declined")
    if code == "generic_decline":
        code = "card_declined"
    if no.code == AUTHENTICATION_REQUIRED:
        code = AUTHENTICATION_REQUIRED
    for_ever = getattr(no.error, "advice_code", None) == "do_not_try_again"
    return Declined(code, code in SOFT_DECLINES and not for_ever)


def of_the_card(unfit: Unfit) -> bool:
    """Whether a payment was not taken because of the card or its owner, rather than the request."""
    return unfit.missing or unfit.param.startswith(_CARD_PARAMETERS) or unfit.code.startswith("payment_method_")
