"""Activities: payment intents at Stripe, retrieved and listed, and the checks before a request. Moves nothing."""

from collections.abc import AsyncIterator
from typing import Final

import stripe

from activities.payments.gateway import GatewayRefused, InvalidAmount, OutcomeUnknown, Payment
from activities.payments.stripe.cards import StripeCards
from activities.payments.stripe.errors import InvalidStripeRequest, response_of
from activities.payments.stripe.mapping import (
    CAPTURE,
    EXPANDED,
    REFERENCE,
    SUBJECT,
    metadata_value,
    payment_of,
    refunds_of,
)
from domain.money import Money

_PAGE_LIMIT: Final = 100


class StripeIntents:
    """Reads payment intents. Every call may raise OutcomeUnknown."""

    def __init__(self, client: stripe.StripeClient, cards: StripeCards) -> None:
        self._client = client
        self._cards = cards

    async def get(self, payment_id: str) -> stripe.PaymentIntent:
        """The intent as it is now, with charge and refunds. Raises GatewayRefused `unknown` when there is none."""
        request = self._client.v1.payment_intents.retrieve_async(payment_id, {"expand": EXPANDED})
        return await response_of(request, payment_id)

    async def refund_under(self, intent: stripe.PaymentIntent, key: str) -> stripe.Refund | None:
        """The refund of the intent that `key` has made, however long ago."""
        refunds = refunds_of(intent)
        while refunds is not None:
            for refund in refunds.data:
                if metadata_value(refund, REFERENCE) == key:
                    return refund
            if not refunds.has_more:
                return None
            request = self._client.v1.refunds.list_async(
                {"payment_intent": intent.id, "limit": _PAGE_LIMIT, "starting_after": refunds.data[-1].id}
            )
            refunds = await response_of(request, key)
        return None

    async def payments_for(self, subject: str) -> tuple[Payment, ...]:
        """Every payment made for the subject, oldest first.

        Raises OutcomeUnknown while Stripe processes one of them: it is no payment yet, and may become one.
        """
        # Lists by customer: a list is consistent with the last write, Stripe's search lags behind.
        found: list[tuple[int, Payment]] = []
        for customer in await self._cards.customers(subject):
            async for intent in self._list({"customer": customer, "limit": _PAGE_LIMIT}, subject):
                if metadata_value(intent, SUBJECT) != subject:
                    continue
                if intent.status == "processing":
                    raise OutcomeUnknown(metadata_value(intent, REFERENCE))
                if (payment := payment_of(intent)) is not None:
                    found.append((intent.created, payment))
        # Lists are newest first; reversed before a stable sort, intents of one second keep their order.
        found.reverse()
        return tuple(payment for _, payment in sorted(found, key=lambda each: each[0]))

    async def page(self, after: str | None, limit: int) -> tuple[Payment, ...]:
        """As Gateway.page."""
        # Newest first, as Stripe lists; intents of the account that are not ours or never held anything are skipped.
        params: stripe.params.PaymentIntentListParams = {"limit": min(limit, _PAGE_LIMIT)}
        if after is not None:
            params["starting_after"] = after
        page: list[Payment] = []
        async for intent in self._list(params, after or "page"):
            payment = payment_of(intent)
            if payment is not None and payment.subject:
                page.append(payment)
                if len(page) == limit:
                    break
        return tuple(page)

    async def _list(
        self, params: stripe.params.PaymentIntentListParams, key: str
    ) -> AsyncIterator[stripe.PaymentIntent]:
        params["expand"] = [f"data.{each}" for each in EXPANDED]
        while True:
            page = await response_of(self._client.v1.payment_intents.list_async(params), key)
            for intent in page.data:
                yield intent
            if not page.has_more:
                return
            params["starting_after"] = page.data[-1].id


def require_payment(intent: stripe.PaymentIntent) -> Payment:
    """The payment of an intent. Raises GatewayRefused `unknown` for one that never held anything."""
    payment = payment_of(intent)
    if payment is None:
        raise GatewayRefused("unknown")
    return payment


def confirmed_payment(intent: stripe.PaymentIntent, key: str) -> Payment:
    """The payment of an intent that was acted upon. Raises OutcomeUnknown while Stripe processes it."""
    payment = payment_of(intent)
    if payment is None:
        raise OutcomeUnknown(key)
    return payment


def captured_under(intent: stripe.PaymentIntent, key: str, amount: Money) -> bool:
    """Whether `key` captured this amount, however long ago: Stripe forgets keys, the intent's metadata stays."""
    payment = payment_of(intent)
    return payment is not None and payment.captured == amount and metadata_value(intent, CAPTURE) == key


def refused_state(error: InvalidStripeRequest, payment: Payment) -> str:
    """The state that forbade the request: the error may say `expired` before the intent shows it."""
    return "expired" if error.state == "expired" else payment.status


def require_same_currency(intent: stripe.PaymentIntent, amount: Money) -> None:
    """Raises InvalidAmount when `amount` is in another currency than the intent."""
    if amount.currency != intent.currency.upper():
        raise InvalidAmount(f"the payment {intent.id} is in {intent.currency.upper()}, not in {amount.currency}")
