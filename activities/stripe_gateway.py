"""Activities: Stripe as the payment gateway, by its own library.

Every request that moves something carries our key; the library never repeats one by itself. Customers give us payment
methods; whose they are is StripeCards' affair. Stripe has a clock of its own: `at` is ignored, and `sent_at` tells how
old a key is.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import stripe
from stripe.params import PaymentIntentCreateParams

from activities.gateway import (
    UNFIT,
    Declined,
    Gateway,
    InvalidAmount,
    OutcomeUnknown,
    Payment,
    Refused,
    SavedCard,
)
from activities.stripe_cards import StripeCards
from activities.stripe_errors import (
    AUTHENTICATION_REQUIRED,
    INVALID_PAYMENT_METHOD,
    REQUEST_SECONDS,
    Unfit,
    answered,
    log,
    of_the_card,
)
from activities.stripe_intents import (
    StripeIntents,
    captured_under,
    certain,
    or_refused,
    positive,
    same_currency,
    state_after,
)
from activities.stripe_money import from_stripe, to_stripe
from activities.stripe_reading import CAPTURE, EXPANDED, REFERENCE, SUBJECT, payment_of
from activities.stripe_wire import HttpxWire
from domain.eligibility import Card
from domain.money import Money
from store.database import Database

KEY_LIFETIME: Final = timedelta(hours=23)
"""For how long a key is surely remembered: Stripe says at least 24 hours. An older request looks before it is sent."""


def stripe_client(
    api_key: str, *, api_base: str | None = None, http: stripe.HTTPClient | None = None
) -> stripe.StripeClient:
    """Stripe's client as it must be here: it waits 15 s and repeats nothing. `api_base` names another server."""
    return stripe.StripeClient(
        api_key,
        base_addresses={"api": api_base} if api_base else {},
        max_network_retries=0,
        http_client=http or HttpxWire(seconds=REQUEST_SECONDS),
    )


class StripeGateway(Gateway):
    """Holds are payment intents captured by hand, charges such that are captured at once.

    `database` keeps whose card a token is. `now` is the wall clock, against which `sent_at` tells a key's age.
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
        positive(amount)
        before = await self._intents.get(payment_id)
        same_currency(before, amount)
        there = or_refused(before)
        if captured_under(before, key, amount):
            return there
        if there.status != "authorized":
            raise Refused(there.status)
        asked = self._client.v1.payment_intents.capture_async(
            payment_id,
            {"amount_to_capture": to_stripe(amount)[0], "metadata": {CAPTURE: key}, "expand": EXPANDED},
            {"idempotency_key": key},
        )
        try:
            return certain(await answered(asked, key), key)
        except Unfit as unfit:
            intent = await self._intents.get(payment_id)
            payment = or_refused(intent)
            if captured_under(intent, key, amount):
                return payment
            raise Refused(state_after(unfit, payment)) from unfit

    async def release(self, payment_id: str, *, key: str, at: datetime) -> Payment:
        asked = self._client.v1.payment_intents.cancel_async(payment_id, {"expand": EXPANDED}, {"idempotency_key": key})
        try:
            return certain(await answered(asked, key), key)
        except Unfit as unfit:
            raise Refused(or_refused(await self._intents.get(payment_id)).status) from unfit

    async def refund(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        positive(amount)
        intent = await self._intents.get(payment_id)
        same_currency(intent, amount)
        made = await self._intents.refund_under(intent, key)
        if made is None:
            there = or_refused(intent)
            if there.refunded.amount + amount.amount > there.captured.amount:
                raise Refused(there.status)
            notes = {SUBJECT: there.subject, REFERENCE: key}
            asked = self._client.v1.refunds.create_async(
                {"payment_intent": payment_id, "amount": to_stripe(amount)[0], "metadata": notes},
                {"idempotency_key": key},
            )
            try:
                made = await answered(asked, key)
            except Unfit as unfit:
                raise Refused(or_refused(await self._intents.get(payment_id)).status) from unfit
        if from_stripe(made.amount, made.currency) != amount:
            raise InvalidAmount(f"{key} has refunded another amount than {amount}")
        payment = or_refused(await self._intents.get(payment_id))
        if made.status in ("failed", "canceled"):
            raise Refused(payment.status)
        return payment

    async def get(self, payment_id: str, *, at: datetime) -> Payment:
        return or_refused(await self._intents.get(payment_id))

    async def find(self, subject: str, *, at: datetime) -> tuple[Payment, ...]:
        return await self._intents.payments_for(subject)

    async def page(self, after: str | None, *, limit: int) -> tuple[Payment, ...]:
        return await self._intents.page(after, limit)

    async def save_card(self, payment_method: str, *, key: str) -> SavedCard:
        return await self._cards.save(payment_method, key=key)

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
        positive(amount)
        units, currency = to_stripe(amount)
        if self._now() - sent_at >= KEY_LIFETIME and (made := await self._made_under(subject, key)) is not None:
            return made
        try:
            card = await self._cards.behind(subject, payment_method)
        except Unfit as unfit:
            raise _never_taken(unfit, key) from unfit
        asked: PaymentIntentCreateParams = {
            "amount": units,
            "currency": currency,
            "customer": card.customer,
            "payment_method": card.method,
            "allowed_payment_method_types": ["card"],
            "capture_method": capture,
            "confirm": True,
            "metadata": {SUBJECT: subject, REFERENCE: key},
            "expand": EXPANDED,
            "payment_method_options": {"card": {}},
        }
        options = asked["payment_method_options"]["card"]
        assert options != ""
        if capture == "manual":
            options["request_extended_authorization"] = "if_available"
        if off_session:
            asked["off_session"] = True
        else:
            # Whatever its owner agrees to once can be charged without them later: renewals, what is owed, parts.
            options["setup_future_usage"] = "off_session"
        try:
            return await self._paid(asked, key)
        except OutcomeUnknown as lost:
            # Stripe repeats an error of its own for as long as it knows the key, whatever it did.
            if not isinstance(lost.__cause__, stripe.APIError) or (lost.__cause__.http_status or 0) < 500:
                raise
            if (made := await self._made_under(subject, key)) is None:
                raise
            return made

    async def _made_under(self, subject: str, key: str) -> Payment | None:
        """The payment of the subject that `key` has made."""
        try:
            payments = await self._intents.payments_for(subject)
        except Unfit as unfit:
            raise OutcomeUnknown(key) from unfit
        return next((payment for payment in payments if payment.reference == key), None)

    async def _made(self, intent_id: str, key: str) -> stripe.PaymentIntent:
        """The intent that the request has made, as it is now; that it cannot be looked at says nothing about it."""
        try:
            return await self._intents.get(intent_id)
        except Unfit as unfit:
            raise OutcomeUnknown(key) from unfit

    async def _paid(self, asked: PaymentIntentCreateParams, key: str) -> Payment:
        """The intent made, or Declined with nothing left behind that could still come true."""
        try:
            intent = await answered(self._client.v1.payment_intents.create_async(asked, {"idempotency_key": key}), key)
        except Declined as no:
            left = getattr(getattr(no.__cause__, "error", None), "payment_intent", None)
            if no.code == AUTHENTICATION_REQUIRED and left is not None:
                await self._abandon(left.id, key)
            raise
        except Unfit as unfit:
            if of_the_card(unfit):
                raise Declined(INVALID_PAYMENT_METHOD, retryable=False) from unfit
            raise _never_taken(unfit, key) from unfit
        if intent.status == "processing":
            # The answer under the key stays what it was; the intent goes on.
            intent = await self._made(intent.id, key)
        if intent.status in ("requires_action", "requires_confirmation"):
            await self._abandon(intent.id, key)
            raise Declined(AUTHENTICATION_REQUIRED, retryable=False)
        if intent.status == "requires_payment_method":
            raise Declined("card_declined", retryable=False)
        return certain(intent, key)

    async def _abandon(self, intent_id: str, key: str) -> None:
        """Nobody is there to confirm it: it must not come true later."""
        asked = self._client.v1.payment_intents.cancel_async(intent_id, {}, {"idempotency_key": f"{key}:abandon"})
        try:
            await answered(asked, key)
        except Unfit:
            if payment_of(await self._made(intent_id, key)) is not None:
                # It has come true meanwhile, whatever the first answer said: the next try hears of it.
                raise OutcomeUnknown(key) from None


def _never_taken(unfit: Unfit, key: str) -> Refused:
    """A request that Stripe will not take whenever it is sent: for people to look at, said once."""
    log.error(
        "Stripe does not take the request %s (HTTP %s, code %r, parameter %r): it is not sent again",
        key,
        unfit.status,
        unfit.code,
        unfit.param,
    )
    return Refused(UNFIT)
