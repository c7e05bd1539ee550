"""Activities: whose card a token is at Stripe. Customers give us payment methods; payments off session need a customer.

What is known is kept in our database before a payment is asked for, so that every try asks with the same words.
"""

from typing import Final

import stripe

from activities.gateway import Declined, Refused, SavedCard
from activities.stripe_errors import INVALID_PAYMENT_METHOD, Unfit, answered, of_the_card
from activities.stripe_reading import SUBJECT, card_of
from domain.eligibility import Card
from messages.ids import payment_key
from store.database import Database
from store.payment_tables import SavedCardRow
from store.writes.saved_cards import customers_of, save_card_once, saved_card

_INVALID: Final = (INVALID_PAYMENT_METHOD, False)


class StripeCards:
    """Payment methods and their customers. Every call may raise OutcomeUnknown."""

    def __init__(self, client: stripe.StripeClient, database: Database) -> None:
        self._client = client
        self._database = database

    async def behind(self, subject: str, token: str) -> SavedCardRow:
        """Customer and method to pay with. A customer is made for the subject unless the card has one already.

        Raises Declined for a token Stripe does not know.
        """
        async with self._database.reading() as session:
            known = await saved_card(session, subject, token)
            customers = await customers_of(session, subject)
        if known is not None:
            return known
        method = await self._retrieved(token)
        if method is None:
            raise Declined(*_INVALID)
        customer = _owner(method) or (customers[0] if customers else await self._customer_for(subject))
        async with self._database.writing() as session:
            card = SavedCardRow(subject=subject, token=token, customer=customer, method=method.id)
            return await save_card_once(session, card)

    async def customers(self, subject: str) -> tuple[str, ...]:
        """Whom payments of the subject were asked for."""
        async with self._database.reading() as session:
            return await customers_of(session, subject)

    async def look_up(self, token: str) -> Card | None:
        """As Gateway.look_up."""
        method = await self._retrieved(token)
        return None if method is None else card_of(method)

    async def save(self, token: str, *, key: str) -> SavedCard:
        """As Gateway.save_card."""
        method = await self._retrieved(token)
        card = None if method is None else card_of(method)
        if method is None or card is None:
            raise Declined(*_INVALID)
        if _owner(method) is None:
            made = self._client.v1.customers.create_async({}, {"idempotency_key": f"{key}:customer"})
            customer = await answered(made, key)
            attach = self._client.v1.payment_methods.attach_async(
                method.id, {"customer": customer.id}, {"idempotency_key": key}
            )
            try:
                await answered(attach, key)
            except Refused as unfit:
                raise Declined(*_INVALID) from unfit
        return SavedCard(method.id, card)

    async def _retrieved(self, token: str) -> stripe.PaymentMethod | None:
        try:
            return await answered(self._client.v1.payment_methods.retrieve_async(token), token)
        except Unfit as unfit:
            if of_the_card(unfit):
                return None
            raise

    async def _customer_for(self, subject: str) -> str:
        """One customer a claim or purchase, named by a key of its own: two first payments at once make one."""
        key = payment_key(subject, "customer")
        made = self._client.v1.customers.create_async({"metadata": {SUBJECT: subject}}, {"idempotency_key": key})
        return (await answered(made, key)).id


def _owner(method: stripe.PaymentMethod) -> str | None:
    customer = getattr(method, "customer", None)
    return customer if customer is None or isinstance(customer, str) else str(customer.id)
