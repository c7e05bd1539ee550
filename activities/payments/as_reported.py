"""Activities: the ledger brought up to what the gateway reports: ends, captures and refunds that we did not request.

Each is booked once, under keys of the payment's own reference. Moves nothing and has no transaction of its own.
"""

from datetime import datetime
from typing import Final, cast

from sqlmodel.ext.asyncio.session import AsyncSession

from activities.payments.gateway import Payment
from domain.claim import Hold
from domain.kinds import HoldState
from domain.money import Money, total
from messages.payments import Account, CapturedPart, PaymentsCompared
from store.reads.booked_payment import ADJUSTED_SUFFIX, CAPTURED_SUFFIX, BookedPayment, booked_subject
from store.reads.ledger import CARD, ledger
from store.writes.ledger import book_captured_elsewhere, book_hold_captured, book_hold_ended, book_moved, book_refund

_ENDED: Final = ("released", "expired")


async def book_as_reported(session: AsyncSession, subject: str, at: datetime, payment: Payment) -> Account | None:
    """Book what the gateway reports of the payment and the ledger does not have.

    Returns the account on which its capture is booked; None when nothing was captured, or when a charge is not booked:
    that is its own request's, which is still to be answered.
    """
    if payment.status in _ENDED and payment.kind == "hold":
        await book_hold_ended(session, subject, f"{payment.reference}:{payment.status}", at, payment.amount)
    if payment.status != "captured":
        return None
    known = await book_capture_as_reported(session, subject, at, payment)
    if known.account is None:
        return None
    difference = payment.refunded.amount - known.refunded
    if difference:
        key = f"{payment.reference}{ADJUSTED_SUFFIX}{known.adjustments:02}"
        await book_refund(session, subject, key, at, Money(difference, payment.amount.currency), known.account)
    return cast(Account, known.account)


async def book_capture_as_reported(
    session: AsyncSession, subject: str, at: datetime, payment: Payment
) -> BookedPayment:
    """Book the capture of a hold unless the ledger has it; returns what it has then."""
    known = await _booked(session, subject, payment)
    if known.captured or payment.kind != "hold":
        return known
    key = f"{payment.reference}{CAPTURED_SUFFIX}"
    await book_captured_elsewhere(session, subject, key, at, payment.amount, payment.captured)
    return await _booked(session, subject, payment)


async def book_capture(
    session: AsyncSession, subject: str, key: str, at: datetime, hold: Payment, account: str
) -> None:
    """Book a capture that the request `key` made; once, also when a look came first and took it for somebody else's."""
    elsewhere = f"{hold.reference}{CAPTURED_SUFFIX}"
    if any(line.key == elsewhere for line in (await ledger(session, subject)).entries):
        await book_moved(session, subject, key, at, hold.captured, account)
    else:
        await book_hold_captured(session, subject, key, at, hold.amount, hold.captured, account)


async def compared(
    session: AsyncSession, subject: str, at: datetime, payments: tuple[Payment, ...], currency: str
) -> PaymentsCompared:
    """Book what the gateway did without us, and return the sums that both have then."""
    holds = [part for payment in payments if (part := await captured_part(session, subject, at, payment)) is not None]
    booked = await ledger(session, subject)
    return PaymentsCompared(
        gateway=total([payment.captured - payment.refunded for payment in payments], currency),
        ledger=-booked.balance(CARD, currency),
        holds=tuple(holds),
    )


async def captured_part(session: AsyncSession, subject: str, at: datetime, payment: Payment) -> CapturedPart | None:
    """Book what the gateway reports of the payment; returns it when it is a hold of which something is kept."""
    account = await book_as_reported(session, subject, at, payment)
    if payment.kind != "hold" or account is None or payment.captured == payment.refunded:
        return None
    return CapturedPart(payment_id=payment.id, reference=payment.reference, hold=hold_as_read(payment), account=account)


def hold_as_read(hold: Payment) -> Hold:
    """The hold as a claim has it."""
    return Hold(
        amount=hold.amount,
        state=HoldState(hold.status),
        captured=hold.captured,
        refunded=hold.refunded,
        expires_at=hold.capture_before,
    )


async def _booked(session: AsyncSession, subject: str, payment: Payment) -> BookedPayment:
    return (await booked_subject(session, subject)).payment(payment.id, payment.reference)
