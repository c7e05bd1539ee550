"""Activities: payment methods and customers at Stripe. A payment off session needs a customer that owns the method.

Both are saved in our database before a payment is requested, so that every retry sends the same parameters.
"""

from typing import Final

import stripe

from activities.payments.gateway import Declined
from activities.payments.stripe.errors import INVALID_PAYMENT_METHOD, InvalidStripeRequest, response_of
from activities.payments.stripe.mapping import SUBJECT, card_of
from domain.eligibility import Card
from messages.ids import payment_key
from store.database import Database
from store.tables.saved_cards import SavedCardRow
from store.writes.saved_cards import customers_of, save_card_once, saved_card

_INVALID: Final = (INVALID_PAYMENT_METHOD, False)


class StripeCards:
    """Payment methods and their customers. Every call may raise OutcomeUnknown."""

    def __init__(self, client: stripe.StripeClient, database: Database) -> None:
        self._client = client
        self._database = database

    async def saved(self, subject: str, token: str) -> SavedCardRow:
        """The customer and method to pay with. A customer is created for the subject unless the card has one.

        Raises Declined for a token that Stripe does not know, and for a payment method that is no card.
        """
        async with self._database.snapshot() as session:
            known = await saved_card(session, subject, token)
            customers = await customers_of(session, subject)
        if known is not None:
            return known
        method = await self._payment_method(token, creates=True)
        if method is None or card_of(method) is None:
            raise Declined(*_INVALID)
        customer = _customer_of(method) or (customers[0] if customers else await self._create_customer(subject))
        async with self._database.transaction() as session:
            card = SavedCardRow(subject=subject, token=token, customer=customer, method=method.id)
            return await save_card_once(session, card)

    async def customers(self, subject: str) -> tuple[str, ...]:
        """The customers whose cards paid for the subject."""
        async with self._database.snapshot() as session:
            return await customers_of(session, subject)

    async def look_up(self, token: str) -> Card | None:
        """As Gateway.look_up."""
        method = await self._payment_method(token)
        return None if method is None else card_of(method)

    async def _payment_method(self, token: str, *, creates: bool = False) -> stripe.PaymentMethod | None:
        try:
            return await response_of(self._client.v1.payment_methods.retrieve_async(token), token, creates=creates)
        except InvalidStripeRequest as invalid:
            if invalid.concerns_card:
                return None
            raise

    async def _create_customer(self, subject: str) -> str:
        """One customer a claim or purchase, under a key of its own: two first payments at once create one."""
        key = payment_key(subject, "customer")
        created = self._client.v1.customers.create_async({"metadata": {SUBJECT: subject}}, {"idempotency_key": key})
        return (await response_of(created, key, creates=True)).id


def _customer_of(method: stripe.PaymentMethod) -> str | None:
    customer = getattr(method, "customer", None)
    return customer if customer is None or isinstance(customer, str) else str(customer.id)
