"""Activities: payment intents as Stripe has them, found and listed, and what may be done with one. Moves nothing."""

from collections.abc import AsyncIterator
from typing import Final

import stripe

from activities.gateway import InvalidAmount, OutcomeUnknown, Payment, Refused
from activities.stripe_cards import StripeCards
from activities.stripe_errors import Unfit, answered
from activities.stripe_reading import CAPTURE, EXPANDED, REFERENCE, noted, payment_of, refunds_of
from domain.money import Money

_MOST_A_PAGE: Final = 100


class StripeIntents:
    """Looks payment intents up. Every call may raise OutcomeUnknown."""

    def __init__(self, client: stripe.StripeClient, cards: StripeCards) -> None:
        self._client = client
        self._cards = cards

    async def get(self, payment_id: str) -> stripe.PaymentIntent:
        """The intent as it is now, its charge and refunds with it. Raises Refused `unknown` when there is none."""
        asked = self._client.v1.payment_intents.retrieve_async(payment_id, {"expand": EXPANDED})
        return await answered(asked, payment_id)

    async def refund_under(self, intent: stripe.PaymentIntent, key: str) -> stripe.Refund | None:
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

    async def payments_for(self, subject: str) -> tuple[Payment, ...]:
        """Every payment made for the subject, oldest first."""
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

    async def page(self, after: str | None, limit: int) -> tuple[Payment, ...]:
        """As Gateway.page."""
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


def or_refused(intent: stripe.PaymentIntent) -> Payment:
    """The payment of an intent. Raises Refused `unknown` for one that never held anything."""
    payment = payment_of(intent)
    if payment is None:
        raise Refused("unknown")
    return payment


def captured_under(intent: stripe.PaymentIntent, key: str, amount: Money) -> bool:
    """Whether just this was captured under `key`, however long ago: Stripe forgets a key, the intent does not."""
    payment = payment_of(intent)
    return payment is not None and payment.captured == amount and noted(intent, CAPTURE) == key


def certain(intent: stripe.PaymentIntent, key: str) -> Payment:
    """The payment of an intent that was acted upon; not known yet while Stripe is at it."""
    payment = payment_of(intent)
    if payment is None:
        raise OutcomeUnknown(key)
    return payment


def state_after(unfit: Unfit, payment: Payment) -> str:
    """The state that forbade it: Stripe may say that a charge has expired before its intent shows it."""
    return "expired" if unfit.state == "expired" else payment.status


def positive(amount: Money) -> None:
    """Raises InvalidAmount unless `amount` is more than nothing."""
    if amount.amount <= 0:
        raise InvalidAmount(f"a payment is of more than nothing, not of {amount}")


def same_currency(intent: stripe.PaymentIntent, amount: Money) -> None:
    """Raises InvalidAmount when `amount` is in another currency than the intent."""
    if amount.currency != intent.currency.upper():
        raise InvalidAmount(f"the payment {intent.id} is in {intent.currency.upper()}, not in {amount.currency}")
