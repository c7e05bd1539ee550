"""Activities: Stripe's errors as the four errors of a gateway.

A decline is the issuer's and final for its key. What is uncertain is OutcomeUnknown, to be retried under the same key.
Knows no request and no payment.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Final, TypeVar

import stripe

from activities.payments.gateway import (
    INVALID_REQUEST,
    Declined,
    GatewayRefused,
    InvalidAmount,
    KeyReused,
    OutcomeUnknown,
)

log = logging.getLogger("aftercare.stripe")

ResponseT = TypeVar("ResponseT")

REQUEST_SECONDS: Final = 15.0
"""The timeout of a whole request. The library itself waits 80 s for each of connecting, sending and reading."""

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
"""Decline codes after which the same card may be accepted later (docs.stripe.com/declines/codes)."""

AUTHENTICATION_REQUIRED: Final = "authentication_required"
INVALID_PAYMENT_METHOD: Final = "invalid_payment_method"
_AMOUNT_CODES: Final = frozenset({"amount_too_small", "amount_too_large", "invalid_charge_amount"})
_RETRIED: Final = frozenset({408, 409, 424, 425, 429})
"""Statuses of 4xx after which the same request may succeed."""


class NeverAccepted(GatewayRefused):
    """Stripe will never take the request as it stands: a restricted key, a currency that is not enabled."""

    def __init__(self, key: str, status: int | None, code: str = "", param: str = "") -> None:
        super().__init__(INVALID_REQUEST)
        # Once for a payment: its attempt stores the refusal, and it is not sent again.
        log.error(
            "Stripe does not take the request %s (HTTP %s, code %r, parameter %r): it is not sent again",
            key,
            status,
            code,
            param,
        )


class InvalidStripeRequest(GatewayRefused):
    """Stripe's `invalid_request_error`: `code` and `param` are its own, `status` the HTTP status."""

    def __init__(self, status: int, code: str, param: str) -> None:
        super().__init__("expired" if code == "charge_expired_for_capture" else "unknown")
        self.status = status
        self.code = code
        self.param = param

    @property
    def missing(self) -> bool:
        """The object of the request does not exist."""
        return self.status == 404 or self.code == "resource_missing"

    @property
    def concerns_card(self) -> bool:
        """Whether a payment was not accepted because of the card, rather than the request. The customer is ours: one
        that does not exist any more is no card's fault."""
        if self.param.startswith(("customer", "payment_method_options")):
            return False
        return self.missing or self.param.startswith("payment_method") or self.code.startswith("payment_method_")


async def response_of(
    request: Awaitable[ResponseT], key: str, seconds: float = REQUEST_SECONDS, *, creates: bool = False
) -> ResponseT:
    """The response to a request within `seconds`, or one of the four errors. `key` names the request in them.

    `creates`: it is for a payment that does not exist yet, so a 4xx that is no card's fault is the end of it. Where a
    payment exists, only a key without the permission is: a key that is not valid is corrected by an operator, and the
    request goes on.
    """
    try:
        async with asyncio.timeout(seconds):
            return await request
    except TimeoutError as timeout:
        raise OutcomeUnknown(key) from timeout
    except stripe.CardError as error:
        raise declined(error) from error
    except stripe.IdempotencyError as error:
        raise KeyReused(key) from error
    except stripe.PermissionError as error:
        raise NeverAccepted(key, error.http_status, error.code or "") from error
    except stripe.AuthenticationError as error:
        log.error("Stripe refuses the API key (%s): put AFTERCARE_STRIPE_API_KEY right", error.http_status)
        if creates:
            raise NeverAccepted(key, error.http_status, error.code or "") from error
        raise OutcomeUnknown(key) from error
    except stripe.InvalidRequestError as error:
        if error.code in _AMOUNT_CODES:
            raise InvalidAmount(f"Stripe does not take this amount: {error.code}") from error
        raise InvalidStripeRequest(error.http_status or 400, error.code or "", error.param or "") from error
    except stripe.StripeError as error:
        # No connection, too many requests (429), a request in progress (409), 5xx, a body that is not JSON.
        status = error.http_status or 0
        if creates and 400 <= status < 500 and status not in _RETRIED:
            raise NeverAccepted(key, status, error.code or "") from error
        raise OutcomeUnknown(key) from error


def declined(error: stripe.CardError) -> Declined:
    """The decline, under the issuer's own code where there is one."""
    code = str(getattr(error.error, "decline_code", None) or error.code or "card_declined")
    if code == "generic_decline":
        code = "card_declined"
    if error.code == AUTHENTICATION_REQUIRED:
        code = AUTHENTICATION_REQUIRED
    final = getattr(error.error, "advice_code", None) == "do_not_try_again"
    return Declined(code, code in SOFT_DECLINES and not final)
