"""Activities: Payments over the simulated gateway. Effect, remembered answer and ledger lines are one transaction.

Whatever attempt this is, the key decides: a second one finds the first one's answer and the ledger's lines in place.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.gateway import Declined, Gateway, InvalidAmount, KeyReused, OutcomeUnknown, Payment, Refused
from activities.simulated_gateway import SimulatedGateway
from domain.claim import Hold
from domain.kinds import HoldState
from messages.payments import (
    AuthorizeHold,
    CaptureHold,
    CardCharged,
    CardFound,
    ChargeCard,
    HoldPlaced,
    LookUpCard,
    PaymentDeclined,
    PaymentRefunded,
    PaymentRefused,
    PaymentRequest,
    Payments,
    RefundPayment,
    ReleaseHold,
)
from store.writes.ledger import (
    LedgerConflict,
    book_charge,
    book_hold_captured,
    book_hold_ended,
    book_hold_placed,
    book_refund,
)

OFF_SESSION_ACCOUNTS: Final = frozenset({"default_charges", "parts_charges"})
"""Charges on these are made without the customer there to confirm them."""


class SimulatedPayments(Payments):
    """Payments that move no money.

    Raises ApplicationError of type `OutcomeUnknown`, to be retried with the same key, when the answer got lost; of type
    `KeyReused`, `InvalidAmount` or `LedgerConflict`, not to be retried, for a mistake in the caller.
    """

    def __init__(self, gateway: SimulatedGateway) -> None:
        self._gateway = gateway

    @activity.defn
    async def look_up_card(self, ask: LookUpCard) -> CardFound:
        return CardFound(card=await self._gateway.look_up(ask.payment_method))

    @activity.defn
    async def authorize_hold(self, ask: AuthorizeHold) -> HoldPlaced | PaymentDeclined:
        async with self._one_transaction(ask) as (session, gateway):
            try:
                hold = await gateway.authorize(
                    ask.amount,
                    ask.payment_method,
                    subject=ask.subject,
                    key=ask.key,
                    at=ask.at,
                    off_session=ask.ordinal > 0,
                )
            except Declined as no:
                return PaymentDeclined(code=no.code, retryable=no.retryable)
            await book_hold_placed(session, ask.subject, ask.key, ask.at, hold.amount)
            return _placed(hold)

    @activity.defn
    async def capture_hold(self, ask: CaptureHold) -> HoldPlaced | PaymentRefused:
        async with self._one_transaction(ask) as (session, gateway):
            try:
                hold = await gateway.capture(ask.hold_id, ask.amount, key=ask.key, at=ask.at)
            except Refused:
                return await _refused(session, gateway, ask, ask.hold_id)
            await book_hold_captured(session, ask.subject, ask.key, ask.at, hold.amount, hold.captured, ask.account)
            return _placed(hold)

    @activity.defn
    async def release_hold(self, ask: ReleaseHold) -> HoldPlaced | PaymentRefused:
        async with self._one_transaction(ask) as (session, gateway):
            try:
                hold = await gateway.release(ask.hold_id, key=ask.key, at=ask.at)
            except Refused:
                return await _refused(session, gateway, ask, ask.hold_id)
            await book_hold_ended(session, ask.subject, ask.key, ask.at, hold.amount)
            return _placed(hold)

    @activity.defn
    async def charge_card(self, ask: ChargeCard) -> CardCharged | PaymentDeclined:
        async with self._one_transaction(ask) as (session, gateway):
            try:
                charge = await gateway.charge(
                    ask.amount,
                    ask.payment_method,
                    subject=ask.subject,
                    key=ask.key,
                    at=ask.at,
                    off_session=ask.account in OFF_SESSION_ACCOUNTS,
                )
            except Declined as no:
                return PaymentDeclined(code=no.code, retryable=no.retryable)
            await book_charge(session, ask.subject, ask.key, ask.at, charge.amount, ask.account)
            return CardCharged(payment_id=charge.id, amount=charge.captured)

    @activity.defn
    async def refund_payment(self, ask: RefundPayment) -> PaymentRefunded | PaymentRefused:
        async with self._one_transaction(ask) as (session, gateway):
            try:
                payment = await gateway.refund(ask.payment_id, ask.amount, key=ask.key, at=ask.at)
            except Refused:
                return await _refused(session, gateway, ask, ask.payment_id)
            await book_refund(session, ask.subject, ask.key, ask.at, ask.amount, ask.account)
            return PaymentRefunded(payment_id=payment.id, refunded=payment.refunded)

    @asynccontextmanager
    async def _one_transaction(self, ask: PaymentRequest) -> AsyncIterator[tuple[AsyncSession, Gateway]]:
        try:
            async with self._gateway.together(ask.key) as both:
                yield both
        except OutcomeUnknown as lost:
            raise ApplicationError(f"No answer came for {ask.key}.", type="OutcomeUnknown") from lost
        except KeyReused as reused:
            message = f"The key {ask.key} was used for another payment."
            raise ApplicationError(message, type="KeyReused", non_retryable=True) from reused
        except (InvalidAmount, LedgerConflict) as mistake:
            raise ApplicationError(str(mistake), type=type(mistake).__name__, non_retryable=True) from mistake


async def _refused(session: AsyncSession, gateway: Gateway, ask: PaymentRequest, payment_id: str) -> PaymentRefused:
    """A refusal with the payment's true state, looked up afresh. An expiry that comes to light here is booked."""
    try:
        truth = await gateway.get(payment_id, at=ask.at)
    except Refused as unknown:
        return PaymentRefused(state=unknown.state)
    if truth.status == "expired":
        await book_hold_ended(session, truth.subject, f"{truth.reference}:expired", ask.at, truth.amount)
    return PaymentRefused(state=truth.status)


def _placed(hold: Payment) -> HoldPlaced:
    return HoldPlaced(
        payment_id=hold.id,
        hold=Hold(
            amount=hold.amount,
            state=HoldState(hold.status),
            captured=hold.captured,
            refunded=hold.refunded,
            expires_at=hold.capture_before,
        ),
    )
