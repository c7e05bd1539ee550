"""Activities: Stripe as the payment gateway, by its own library.

Every request that moves something carries our key; the library never repeats one by itself. Customers give us payment
methods; whose they are is StripeCards' affair. Stripe has a clock of its own: `at` says only how old a request is.
"""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import stripe
from stripe.params import PaymentIntentCreateParams

from activities.gateway import (
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
    of_the_card,
)
from activities.stripe_money import from_stripe, to_stripe
from activities.stripe_reading import CAPTURE, EXPANDED, REFERENCE, SUBJECT, noted, payment_of, refunds_of
from activities.stripe_wire import HttpxWire
from domain.eligibility import Card
from domain.money import Money
from store.database import Database

KEY_LIFETIME: Final = timedelta(hours=23)
"""For how long a key is surely remembered: Stripe says at least 24 hours. An older request looks before it asks."""
_MOST_A_PAGE: Final = 100


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

    `database` keeps whose card a token is. `now` is the wall clock, against which `at` tells a request's age.
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
        self._now = now

    async def authorize(
        self, amount: Money, payment_method: str, *, subject: str, key: str, at: datetime, off_session: bool = False
    ) -> Payment:
        return await self._pay("manual", amount, payment_method, subject, key, at, off_session=off_session)

    async def charge(
        self, amount: Money, payment_method: str, *, subject: str, key: str, at: datetime, off_session: bool = False
    ) -> Payment:
        return await self._pay("automatic", amount, payment_method, subject, key, at, off_session=off_session)

    async def capture(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        _positive(amount)
        before = await self._intent(payment_id)
        _same_currency(before, amount)
        there = _or_refused(before)
        if _captured_under(before, key, amount):
            return there
        if there.status != "authorized":
            raise Refused(there.status)
        asked = self._client.v1.payment_intents.capture_async(
            payment_id,
            {"amount_to_capture": to_stripe(amount)[0], "metadata": {CAPTURE: key}, "expand": EXPANDED},
            {"idempotency_key": key},
        )
        try:
            return _certain(await answered(asked, key), key)
        except Unfit as unfit:
            intent = await self._intent(payment_id)
            payment = _or_refused(intent)
            if _captured_under(intent, key, amount):
                return payment
            raise Refused(_state_after(unfit, payment)) from unfit

    async def release(self, payment_id: str, *, key: str, at: datetime) -> Payment:
        asked = self._client.v1.payment_intents.cancel_async(payment_id, {"expand": EXPANDED}, {"idempotency_key": key})
        try:
            return _certain(await answered(asked, key), key)
        except Unfit as unfit:
            raise Refused(_or_refused(await self._intent(payment_id)).status) from unfit

    async def refund(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        _positive(amount)
        intent = await self._intent(payment_id)
        _same_currency(intent, amount)
        made = await self._refund_under(intent, key)
        if made is None:
            there = _or_refused(intent)
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
                raise Refused(_or_refused(await self._intent(payment_id)).status) from unfit
        if from_stripe(made.amount, made.currency) != amount:
            raise InvalidAmount(f"{key} has refunded another amount than {amount}")
        payment = _or_refused(await self._intent(payment_id))
        if made.status in ("failed", "canceled"):
            raise Refused(payment.status)
        return payment

    async def get(self, payment_id: str, *, at: datetime) -> Payment:
        return _or_refused(await self._intent(payment_id))

    async def find(self, subject: str, *, at: datetime) -> tuple[Payment, ...]:
        # By listing, which shows what was done a moment ago; Stripe's search lags behind.
        found: list[tuple[int, Payment]] = []
        for customer in await self._cards.customers(subject):
            async for intent in self._listed({"customer": customer, "limit": _MOST_A_PAGE}, subject):
                payment = payment_of(intent)
                if payment is not None and payment.subject == subject:
                    found.append((intent.created, payment))
        # Newest first as listed; turned round before a stable sort, what was made in one second stays in its order.
        found.reverse()
        return tuple(payment for _, payment in sorted(found, key=lambda made: made[0]))

    async def page(self, after: str | None, *, limit: int) -> tuple[Payment, ...]:
        # Newest first, as Stripe lists; whatever of the account is not ours and what never held anything is passed by.
        asked: stripe.params.PaymentIntentListParams = {"limit": min(limit, _MOST_A_PAGE)}
        if after is not None:
            asked["starting_after"] = after
        page: list[Payment] = []
        async for intent in self._listed(asked, after or "page"):
            payment = payment_of(intent)
            if payment is not None and payment.subject:
                page.append(payment)
                if len(page) == limit:
                    break
        return tuple(page)

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
        at: datetime,
        *,
        off_session: bool,
    ) -> Payment:
        _positive(amount)
        units, currency = to_stripe(amount)
        if self._now() - at >= KEY_LIFETIME and (made := await self._made_under(subject, key, at)) is not None:
            return made
        card = await self._cards.behind(subject, payment_method)
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
            if (made := await self._made_under(subject, key, at)) is None:
                raise
            return made

    async def _made_under(self, subject: str, key: str, at: datetime) -> Payment | None:
        """The payment of the subject that `key` has made."""
        return next((payment for payment in await self.find(subject, at=at) if payment.reference == key), None)

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
            raise
        if intent.status == "processing":
            # The answer under the key stays what it was; the intent goes on.
            intent = await self._intent(intent.id)
        if intent.status in ("requires_action", "requires_confirmation"):
            await self._abandon(intent.id, key)
            raise Declined(AUTHENTICATION_REQUIRED, retryable=False)
        if intent.status == "requires_payment_method":
            raise Declined("card_declined", retryable=False)
        return _certain(intent, key)

    async def _abandon(self, intent_id: str, key: str) -> None:
        """Nobody is there to confirm it: it must not come true later."""
        asked = self._client.v1.payment_intents.cancel_async(intent_id, {}, {"idempotency_key": f"{key}:abandon"})
        try:
            await answered(asked, key)
        except Unfit:
            if payment_of(await self._intent(intent_id)) is not None:
                # It has come true meanwhile, whatever the first answer said: the next try hears of it.
                raise OutcomeUnknown(key) from None

    async def _intent(self, payment_id: str) -> stripe.PaymentIntent:
        """The intent as it is now, its charge and refunds with it. Raises Refused `unknown` when there is none."""
        asked = self._client.v1.payment_intents.retrieve_async(payment_id, {"expand": EXPANDED})
        return await answered(asked, payment_id)

    async def _refund_under(self, intent: stripe.PaymentIntent, key: str) -> stripe.Refund | None:
        """The refund of the intent that `key` has made, however long ago."""
        refunds = refunds_of(intent)
        while refunds is not None:
            for refund in refunds.data:
                if noted(refund, REFERENCE) == key:
                    return refund
            if not refunds.has_more:
                return None
            asked = self._client.v1.refunds.list_async(
                {"payment_intent": intent.id, "limit": _MOST_A_PAGE, "starting_after": refunds.data[-1].id}
            )
            refunds = await answered(asked, key)
        return None

    async def _listed(
        self, asked: stripe.params.PaymentIntentListParams, key: str
    ) -> AsyncIterator[stripe.PaymentIntent]:
        asked["expand"] = [f"data.{each}" for each in EXPANDED]
        while True:
            page = await answered(self._client.v1.payment_intents.list_async(asked), key)
            for intent in page.data:
                yield intent
            if not page.has_more:
                return
            asked["starting_after"] = page.data[-1].id


def _or_refused(intent: stripe.PaymentIntent) -> Payment:
    payment = payment_of(intent)
    if payment is None:
        raise Refused("unknown")
    return payment


def _captured_under(intent: stripe.PaymentIntent, key: str, amount: Money) -> bool:
    """Whether just this was captured under `key`, however long ago: Stripe forgets a key, the intent does not."""
    payment = payment_of(intent)
    return payment is not None and payment.captured == amount and noted(intent, CAPTURE) == key


def _certain(intent: stripe.PaymentIntent, key: str) -> Payment:
    """The payment of an intent that was acted upon; not known yet while Stripe is at it."""
    payment = payment_of(intent)
    if payment is None:
        raise OutcomeUnknown(key)
    return payment


def _state_after(unfit: Unfit, payment: Payment) -> str:
    """The state that forbade it: Stripe may say that a charge has expired before its intent shows it."""
    return "expired" if unfit.state == "expired" else payment.status


def _positive(amount: Money) -> None:
    if amount.amount <= 0:
        raise InvalidAmount(f"a payment is of more than nothing, not of {amount}")


def _same_currency(intent: stripe.PaymentIntent, amount: Money) -> None:
    if amount.currency != intent.currency.upper():
        raise InvalidAmount(f"the payment {intent.id} is in {intent.currency.upper()}, not in {amount.currency}")
