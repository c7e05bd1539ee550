"""Activities: Stripe as the payment gateway, over its own library.

Every request that moves money carries our idempotency key; the library retries nothing by itself. StripeCards finds the
customer of a payment method. Stripe has its own clock: `at` is ignored, and `sent_at` tells how old a key is.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import stripe
from stripe.params import PaymentIntentCreateParams

from activities.payments.gateway import (
    Declined,
    Gateway,
    GatewayRefused,
    InvalidAmount,
    KeyReused,
    OutcomeUnknown,
    Payment,
    require_positive,
)
from activities.payments.stripe.cards import StripeCards
from activities.payments.stripe.errors import (
    AUTHENTICATION_REQUIRED,
    INVALID_PAYMENT_METHOD,
    REQUEST_SECONDS,
    InvalidStripeRequest,
    NeverAccepted,
    response_of,
)
from activities.payments.stripe.http import HttpxClient
from activities.payments.stripe.intents import (
    StripeIntents,
    captured_under,
    confirmed_payment,
    refused_state,
    require_payment,
    require_same_currency,
)
from activities.payments.stripe.mapping import CAPTURE, EXPANDED, REFERENCE, SUBJECT, payment_of
from activities.payments.stripe.money import from_stripe, to_stripe
from domain.eligibility import Card
from domain.money import Money
from store.database import Database

KEY_LIFETIME: Final = timedelta(hours=23)
"""For how long Stripe surely knows a key: it promises 24 hours. An older request is looked up before it is sent."""


def stripe_client(
    api_key: str, *, api_base: str | None = None, http: stripe.HTTPClient | None = None
) -> stripe.StripeClient:
    """Stripe's client with a timeout of 15 s and no retries. `api_base` names another server."""
    return stripe.StripeClient(
        api_key,
        base_addresses={"api": api_base} if api_base else {},
        max_network_retries=0,
        http_client=http or HttpxClient(seconds=REQUEST_SECONDS),
    )


class StripeGateway(Gateway):
    """A hold is a payment intent with manual capture, a charge one with automatic capture.

    `database` has the customers of the cards. `now` is the wall clock: its distance from `sent_at` is a key's age.
    """

    def __init__(
        self,
        client: stripe.StripeClient,
        database: Database,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._cards = StripeCards(client, database)
        self._intents = StripeIntents(client, self._cards)
        self._now = now

    async def authorize(
        self,
        amount: Money,
        payment_method: str,
        *,
        subject: str,
        key: str,
        at: datetime,
        sent_at: datetime,
        off_session: bool = False,
    ) -> Payment:
        return await self._pay("manual", amount, payment_method, subject, key, sent_at, off_session=off_session)

    async def charge(
        self,
        amount: Money,
        payment_method: str,
        *,
        subject: str,
        key: str,
        at: datetime,
        sent_at: datetime,
        off_session: bool = False,
    ) -> Payment:
        return await self._pay("automatic", amount, payment_method, subject, key, sent_at, off_session=off_session)

    async def capture(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        require_positive(amount)
        before = await self._intents.get(payment_id)
        require_same_currency(before, amount)
        payment = require_payment(before)
        if captured_under(before, key, amount):
            return payment
        if payment.status != "authorized":
            raise GatewayRefused(payment.status)
        request = self._client.v1.payment_intents.capture_async(
            payment_id,
            {"amount_to_capture": to_stripe(amount)[0], "metadata": {CAPTURE: key}, "expand": EXPANDED},
            {"idempotency_key": key},
        )
        try:
            return confirmed_payment(await response_of(request, key), key)
        except InvalidStripeRequest as error:
            intent = await self._intents.get(payment_id)
            payment = require_payment(intent)
            if captured_under(intent, key, amount):
                return payment
            raise GatewayRefused(refused_state(error, payment)) from error

    async def release(self, payment_id: str, *, key: str, at: datetime) -> Payment:
        request = self._client.v1.payment_intents.cancel_async(
            payment_id, {"expand": EXPANDED}, {"idempotency_key": key}
        )
        try:
            return confirmed_payment(await response_of(request, key), key)
        except InvalidStripeRequest as error:
            raise GatewayRefused(require_payment(await self._intents.get(payment_id)).status) from error

    async def refund(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        require_positive(amount)
        intent = await self._intents.get(payment_id)
        require_same_currency(intent, amount)
        made = await self._intents.refund_under(intent, key)
        if made is None:
            payment = require_payment(intent)
            if payment.refunded.amount + amount.amount > payment.captured.amount:
                raise GatewayRefused(payment.status)
            metadata = {SUBJECT: payment.subject, REFERENCE: key}
            request = self._client.v1.refunds.create_async(
                {"payment_intent": payment_id, "amount": to_stripe(amount)[0], "metadata": metadata},
                {"idempotency_key": key},
            )
            try:
                made = await response_of(request, key)
            except InvalidStripeRequest as error:
                raise GatewayRefused(require_payment(await self._intents.get(payment_id)).status) from error
        if from_stripe(made.amount, made.currency) != amount:
            raise InvalidAmount(f"{key} has refunded another amount than {amount}")
        payment = require_payment(await self._intents.get(payment_id))
        if made.status in ("failed", "canceled"):
            raise GatewayRefused(payment.status)
        return payment

    async def get(self, payment_id: str, *, at: datetime) -> Payment:
        return require_payment(await self._intents.get(payment_id))

    async def find(self, subject: str, *, at: datetime) -> tuple[Payment, ...]:
        return await self._intents.payments_for(subject)

    async def page(self, after: str | None, *, limit: int) -> tuple[Payment, ...]:
        return await self._intents.page(after, limit)

    async def look_up(self, payment_method: str) -> Card | None:
        return await self._cards.look_up(payment_method)

    async def _pay(
        self,
        capture: Literal["manual", "automatic"],
        amount: Money,
        payment_method: str,
        subject: str,
        key: str,
        sent_at: datetime,
        *,
        off_session: bool,
    ) -> Payment:
        require_positive(amount)
        units, currency = to_stripe(amount)
        if self._now() - sent_at >= KEY_LIFETIME and (made := await self._made_under(subject, key)) is not None:
            return made
        try:
            card = await self._cards.saved(subject, payment_method)
        except InvalidStripeRequest as error:
            raise NeverAccepted(key, error.status, error.code, error.param) from error
        request: PaymentIntentCreateParams = {
            "amount": units,
            "currency": currency,
            "customer": card.customer,
            "payment_method": card.method,
            # A confirmation without an address to return to is refused unless redirects are excluded.
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "capture_method": capture,
            "confirm": True,
            "metadata": {SUBJECT: subject, REFERENCE: key},
            "expand": EXPANDED,
            "payment_method_options": {"card": {}},
        }
        options = request["payment_method_options"]["card"]
        assert options != ""
        if capture == "manual":
            options["request_extended_authorization"] = "if_available"
        if off_session:
            request["off_session"] = True
        else:
            # The customer's consent now allows off-session payments later: hold renewals, amounts owed, parts.
            options["setup_future_usage"] = "off_session"
        try:
            return await self._paid(request, key)
        except OutcomeUnknown as unknown:
            # Stripe returns its 5xx again for as long as it knows the key, even when the request took effect.
            if not isinstance(unknown.__cause__, stripe.APIError) or (unknown.__cause__.http_status or 0) < 500:
                raise
            if (made := await self._made_under(subject, key)) is None:
                raise
            return made
        except KeyReused:
            # A release before this one may have sent the request with other parameters, and its response was lost.
            made = await self._made_under(subject, key)
            if made is None or made.amount != amount:
                raise
            return made

    async def _made_under(self, subject: str, key: str) -> Payment | None:
        """The payment of the subject that `key` has made."""
        try:
            payments = await self._intents.payments_for(subject)
        except InvalidStripeRequest as error:
            raise OutcomeUnknown(key) from error
        return next((payment for payment in payments if payment.reference == key), None)

    async def _made(self, intent_id: str, key: str) -> stripe.PaymentIntent:
        """The intent that the request has made, as it is now. Raises OutcomeUnknown when it cannot be read."""
        try:
            return await self._intents.get(intent_id)
        except InvalidStripeRequest as error:
            raise OutcomeUnknown(key) from error

    async def _paid(self, request: PaymentIntentCreateParams, key: str) -> Payment:
        """Create the intent. Raises Declined when no intent is left that could still succeed."""
        try:
            intent = await response_of(
                self._client.v1.payment_intents.create_async(request, {"idempotency_key": key}), key, creates=True
            )
        except Declined as declined:
            left = getattr(getattr(declined.__cause__, "error", None), "payment_intent", None)
            if declined.code == AUTHENTICATION_REQUIRED and left is not None:
                await self._abandon(left.id, key)
            raise
        except InvalidStripeRequest as error:
            if error.concerns_card:
                raise Declined(INVALID_PAYMENT_METHOD, retryable=False) from error
            raise NeverAccepted(key, error.status, error.code, error.param) from error
        if intent.status == "processing":
            # The response under the key stays `processing`; the intent itself has moved on.
            intent = await self._made(intent.id, key)
        if intent.status in ("requires_action", "requires_confirmation"):
            await self._abandon(intent.id, key)
            raise Declined(AUTHENTICATION_REQUIRED, retryable=False)
        if intent.status == "requires_payment_method":
            raise Declined("card_declined", retryable=False)
        return confirmed_payment(intent, key)

    async def _abandon(self, intent_id: str, key: str) -> None:
        """Cancel an intent that nobody will confirm: it must not succeed later."""
        request = self._client.v1.payment_intents.cancel_async(intent_id, {}, {"idempotency_key": f"{key}:abandon"})
        try:
            await response_of(request, key)
        except InvalidStripeRequest:
            if payment_of(await self._made(intent_id, key)) is not None:
                # It has succeeded meanwhile: the retry returns it.
                raise OutcomeUnknown(key) from None
