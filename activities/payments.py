"""Activities: Payments over a gateway. What happened there is booked in the ledger under keys that allow it once.

Whatever attempt this is, the keys decide: a second one finds the first one's answer and the ledger's lines in place.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.alive import alive
from activities.gateway import (
    Declined,
    Gateway,
    GatewayAccess,
    InvalidAmount,
    KeyReused,
    OutcomeUnknown,
    Payment,
    Refused,
)
from domain.claim import Hold
from domain.kinds import HoldState
from messages.payments import (
    AuthorizeHold,
    CaptureHold,
    CardCharged,
    CardFound,
    ChargeCard,
    HeldAndCharged,
    HoldAndCharge,
    HoldPlaced,
    KeepDeposit,
    LookAtHold,
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
    book_deposit_kept,
    book_hold_captured,
    book_hold_ended,
    book_hold_placed,
    book_refund,
)

AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True)
class Ended:
    """What was asked about one hold: `hold` as the gateway has it now, `done` whether it did as asked, and every hold
    of the subject that has ended, which is booked once each."""

    hold: Payment | PaymentRefused
    done: bool
    ended: tuple[Payment, ...]


class GatewayPayments(Payments):
    """Payments over whatever gateway `access` leads to.

    Raises ApplicationError of type `OutcomeUnknown`, to be retried with the same key, when the answer got lost; of type
    `KeyReused`, `InvalidAmount` or `LedgerConflict`, not to be retried, for a mistake in the caller.
    """

    def __init__(self, access: GatewayAccess) -> None:
        self._access = access

    @activity.defn
    async def look_up_card(self, ask: LookUpCard) -> CardFound:
        async with alive():
            return CardFound(card=await self._access.look_up(ask.payment_method))

    @activity.defn
    async def authorize_hold(self, ask: AuthorizeHold) -> HoldPlaced | PaymentDeclined:
        async def request(gateway: Gateway) -> Payment | PaymentDeclined:
            return await _or_declined(
                gateway.authorize(
                    ask.amount,
                    ask.payment_method,
                    subject=ask.subject,
                    key=ask.key,
                    at=ask.at,
                    off_session=ask.off_session,
                )
            )

        async def book(session: AsyncSession, hold: Payment | PaymentDeclined) -> None:
            if isinstance(hold, Payment):
                await book_hold_placed(session, ask.subject, ask.key, ask.at, hold.amount)

        hold = await self._ask(ask, request, book)
        return hold if isinstance(hold, PaymentDeclined) else _placed(hold)

    @activity.defn
    async def hold_and_charge(self, ask: HoldAndCharge) -> HeldAndCharged:
        hold = await self.authorize_hold(ask.hold)
        if isinstance(hold, PaymentDeclined) or ask.fee is None:
            return HeldAndCharged(hold=hold)
        return HeldAndCharged(hold=hold, fee=await self.charge_card(ask.fee))

    @activity.defn
    async def capture_hold(self, ask: CaptureHold) -> HoldPlaced | PaymentRefused:
        async def request(gateway: Gateway) -> Ended:
            try:
                hold = await gateway.capture(ask.hold_id, ask.amount, key=ask.key, at=ask.at)
            except Refused:
                return await _truth(gateway, ask, ask.hold_id)
            return Ended(hold, True, await _let_others_go(gateway, ask, ask.hold_id))

        async def book(session: AsyncSession, answer: Ended) -> None:
            hold = answer.hold
            if answer.done and isinstance(hold, Payment):
                await book_hold_captured(session, ask.subject, ask.key, ask.at, hold.amount, hold.captured, ask.account)
            await _book_ends(ask, session, answer)

        return _what_became(await self._ask(ask, request, book))

    @activity.defn
    async def release_hold(self, ask: ReleaseHold) -> HoldPlaced | PaymentRefused:
        async def request(gateway: Gateway) -> Ended:
            try:
                hold = await gateway.release(ask.hold_id, key=ask.key, at=ask.at)
            except Refused:
                answer = await _truth(gateway, ask, ask.hold_id)
            else:
                answer = Ended(hold, True, (hold,))
            if not ask.others:
                return answer
            others = await _let_others_go(gateway, ask, ask.hold_id)
            return Ended(answer.hold, answer.done, (*answer.ended, *others))

        return _what_became(await self._ask(ask, request, partial(_book_ends, ask)))

    @activity.defn
    async def look_at_hold(self, ask: LookAtHold) -> HoldPlaced | PaymentRefused:
        async def request(gateway: Gateway) -> Ended:
            found = await _truth(gateway, ask, ask.hold_id)
            return Ended(found.hold, isinstance(found.hold, Payment), found.ended)

        return _what_became(await self._ask(ask, request, partial(_book_ends, ask)))

    @activity.defn
    async def charge_card(self, ask: ChargeCard) -> CardCharged | PaymentDeclined:
        async def request(gateway: Gateway) -> Payment | PaymentDeclined:
            return await _or_declined(
                gateway.charge(
                    ask.amount,
                    ask.payment_method,
                    subject=ask.subject,
                    key=ask.key,
                    at=ask.at,
                    off_session=ask.off_session,
                )
            )

        async def book(session: AsyncSession, charge: Payment | PaymentDeclined) -> None:
            if isinstance(charge, Payment):
                await book_charge(session, ask.subject, ask.key, ask.at, charge.amount, ask.account)

        charge = await self._ask(ask, request, book)
        if isinstance(charge, PaymentDeclined):
            return charge
        return CardCharged(payment_id=charge.id, amount=charge.captured)

    @activity.defn
    async def refund_payment(self, ask: RefundPayment) -> PaymentRefunded | PaymentRefused:
        async def request(gateway: Gateway) -> Payment | PaymentRefused:
            try:
                return await gateway.refund(ask.payment_id, ask.amount, key=ask.key, at=ask.at)
            except Refused:
                truth = await _truth(gateway, ask, ask.payment_id)
                return truth.hold if isinstance(truth.hold, PaymentRefused) else PaymentRefused(state=truth.hold.status)

        async def book(session: AsyncSession, answer: Payment | PaymentRefused) -> None:
            if isinstance(answer, Payment):
                await book_refund(session, ask.subject, ask.key, ask.at, ask.amount, ask.account)

        payment = await self._ask(ask, request, book)
        if isinstance(payment, PaymentRefused):
            return payment
        return PaymentRefunded(payment_id=payment.id, refunded=payment.refunded)

    @activity.defn
    async def keep_deposit(self, ask: KeepDeposit) -> None:
        async def request(_: Gateway) -> None:
            return None

        async def book(session: AsyncSession, _: None) -> None:
            await book_deposit_kept(session, ask.subject, ask.key, ask.at, ask.amount, ask.account)

        await self._ask(ask, request, book)

    async def _ask(
        self,
        ask: PaymentRequest,
        request: Callable[[Gateway], Awaitable[AnswerT]],
        book: Callable[[AsyncSession, AnswerT], Awaitable[None]],
    ) -> AnswerT:
        try:
            async with alive():
                return await self._access.ask(ask.key, request, book)
        except OutcomeUnknown as lost:
            raise ApplicationError(f"No answer came for {ask.key}.", type="OutcomeUnknown") from lost
        except KeyReused as reused:
            message = f"The key {ask.key} was used for another payment."
            raise ApplicationError(message, type="KeyReused", non_retryable=True) from reused
        except (InvalidAmount, LedgerConflict) as mistake:
            raise ApplicationError(str(mistake), type=type(mistake).__name__, non_retryable=True) from mistake


async def _or_declined(taken: Awaitable[Payment]) -> Payment | PaymentDeclined:
    """A hold or a charge, or the card's no."""
    try:
        return await taken
    except Declined as no:
        return PaymentDeclined(code=no.code, retryable=no.retryable)


async def _truth(gateway: Gateway, ask: PaymentRequest, payment_id: str) -> Ended:
    """What has really become of a payment, looked up afresh."""
    try:
        truth = await gateway.get(payment_id, at=ask.at)
    except Refused as unknown:
        return Ended(PaymentRefused(state=unknown.state), False, ())
    return Ended(truth, False, (truth,))


async def _let_others_go(gateway: Gateway, ask: PaymentRequest, hold_id: str) -> tuple[Payment, ...]:
    """Release every other live hold of the subject; all its other holds, as they are then."""
    others = []
    for payment in await gateway.find(ask.subject, at=ask.at):
        if payment.kind != "hold" or payment.id == hold_id:
            continue
        if payment.status == "authorized":
            try:
                payment = await gateway.release(payment.id, key=f"{payment.reference}:release", at=ask.at)
            except Refused:
                payment = await gateway.get(payment.id, at=ask.at)
        others.append(payment)
    return tuple(others)


async def _book_ends(ask: PaymentRequest, session: AsyncSession, answer: Ended) -> None:
    """That these holds are over, once each, however often and by whom it is found out."""
    for hold in answer.ended:
        if hold.kind == "hold" and hold.status in ("released", "expired"):
            await book_hold_ended(session, ask.subject, f"{hold.reference}:{hold.status}", ask.at, hold.amount)


def _what_became(answer: Ended) -> HoldPlaced | PaymentRefused:
    if isinstance(answer.hold, PaymentRefused):
        return answer.hold
    return _placed(answer.hold) if answer.done else PaymentRefused(state=answer.hold.status)


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
