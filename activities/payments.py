"""Activities: Payments over a gateway. Each request is written down before it is sent, and answered and booked once.

Whatever attempt this is, the table of attempts decides: what has an answer there is not sent again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from pydantic import TypeAdapter
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.alive import alive
from activities.gateway import (
    AnswerT,
    Gateway,
    GatewayAccess,
    InvalidAmount,
    KeyReused,
    OutcomeUnknown,
    Payment,
    Refused,
    Sender,
)
from activities.payment_steps import (
    Ended,
    attempt_of,
    book_ends,
    or_no,
    placed,
    refetch,
    release,
    release_others,
    what_became,
)
from messages.base import Message
from messages.payments import (
    AuthorizeHold,
    CaptureHold,
    CardCharged,
    CardFound,
    ChargeCard,
    DepositKept,
    HeldAndCharged,
    HoldAndCharge,
    HoldPlaced,
    KeepDeposit,
    LookAtHold,
    LookUpCard,
    PaymentDeclined,
    PaymentRefunded,
    PaymentRefused,
    Payments,
    RefundPayment,
    ReleaseHold,
)
from store.writes.ledger import (
    LedgerConflict,
    book_charge,
    book_deposit_kept,
    book_hold_captured,
    book_hold_placed,
    book_refund,
)
from store.writes.payment_attempts import AnswerJson, Attempt, AttemptKeyReused

ResultT = TypeVar("ResultT", bound=Message)

_HELD: Final = TypeAdapter[HoldPlaced | PaymentDeclined | PaymentRefused](HoldPlaced | PaymentDeclined | PaymentRefused)
_CHARGED: Final = TypeAdapter[CardCharged | PaymentDeclined | PaymentRefused](
    CardCharged | PaymentDeclined | PaymentRefused
)
_ENDED: Final = TypeAdapter[HoldPlaced | PaymentRefused](HoldPlaced | PaymentRefused)
_REFUNDED: Final = TypeAdapter[PaymentRefunded | PaymentRefused](PaymentRefunded | PaymentRefused)
_KEPT: Final = TypeAdapter[DepositKept](DepositKept)


class GatewayPayments(Payments):
    """Payments over whatever gateway `access` leads to.

    Raises ApplicationError of type `OutcomeUnknown`, to be retried with the same key, when the answer got lost; of type
    `KeyReused`, `InvalidAmount` or `LedgerConflict`, not to be retried, for a mistake in the caller.
    """

    def __init__(self, access: GatewayAccess) -> None:
        self._access = access

    @activity.defn
    async def look_up_card(self, ask: LookUpCard) -> CardFound:
        """Moves nothing and is not written down."""
        async with alive():
            return CardFound(card=await self._access.look_up(ask.payment_method))

    @activity.defn
    async def authorize_hold(self, ask: AuthorizeHold) -> HoldPlaced | PaymentDeclined | PaymentRefused:
        async def request(sender: Sender, sent_at: datetime) -> Payment | PaymentDeclined | PaymentRefused:
            return await or_no(
                sender.gateway.authorize(
                    ask.amount,
                    ask.payment_method,
                    subject=ask.subject,
                    key=ask.key,
                    at=ask.at,
                    sent_at=sent_at,
                    off_session=ask.off_session,
                )
            )

        async def settle(
            session: AsyncSession, hold: Payment | PaymentDeclined | PaymentRefused
        ) -> HoldPlaced | PaymentDeclined | PaymentRefused:
            if not isinstance(hold, Payment):
                return hold
            await book_hold_placed(session, ask.subject, ask.key, ask.at, hold.amount)
            return placed(hold)

        attempt = attempt_of("authorize", ask, acts_on=str(ask.ordinal), amount=ask.amount)
        return await self._send(attempt, request, settle, _HELD)

    @activity.defn
    async def hold_and_charge(self, ask: HoldAndCharge) -> HeldAndCharged:
        hold = await self.authorize_hold(ask.hold)
        if not isinstance(hold, HoldPlaced) or ask.fee is None:
            return HeldAndCharged(hold=hold)
        return HeldAndCharged(hold=hold, fee=await self.charge_card(ask.fee))

    @activity.defn
    async def capture_hold(self, ask: CaptureHold) -> HoldPlaced | PaymentRefused:
        async def request(sender: Sender, _: datetime) -> Ended:
            try:
                hold = await sender.gateway.capture(ask.hold_id, ask.amount, key=ask.key, at=ask.at)
            except Refused:
                return await refetch(sender.gateway, ask, ask.hold_id)
            return Ended(hold, True, await release_others(sender, ask, ask.hold_id))

        async def settle(session: AsyncSession, answer: Ended) -> HoldPlaced | PaymentRefused:
            hold = answer.hold
            if answer.done and isinstance(hold, Payment):
                await book_hold_captured(session, ask.subject, ask.key, ask.at, hold.amount, hold.captured, ask.account)
            await book_ends(ask, session, answer)
            return what_became(answer)

        attempt = attempt_of("capture", ask, acts_on=ask.hold_id, amount=ask.amount)
        return await self._send(attempt, request, settle, _ENDED)

    @activity.defn
    async def release_hold(self, ask: ReleaseHold) -> HoldPlaced | PaymentRefused:
        async def request(sender: Sender, _: datetime) -> Ended:
            answer = await release(sender, ask)
            if not ask.others:
                return answer
            others = await release_others(sender, ask, ask.hold_id)
            return Ended(answer.hold, answer.done, (*answer.ended, *others))

        async def settle(session: AsyncSession, answer: Ended) -> HoldPlaced | PaymentRefused:
            await book_ends(ask, session, answer)
            return what_became(answer)

        return await self._send(attempt_of("release", ask, acts_on=ask.hold_id), request, settle, _ENDED)

    @activity.defn
    async def look_at_hold(self, ask: LookAtHold) -> HoldPlaced | PaymentRefused:
        """Moves nothing and is not written down: the answer is always the gateway's of now."""

        async def request(gateway: Gateway) -> Ended:
            found = await refetch(gateway, ask, ask.hold_id)
            return Ended(found.hold, isinstance(found.hold, Payment), found.ended)

        async with _told(ask.key):
            return what_became(await self._access.look(ask.key, request, partial(book_ends, ask)))

    @activity.defn
    async def charge_card(self, ask: ChargeCard) -> CardCharged | PaymentDeclined | PaymentRefused:
        async def request(sender: Sender, sent_at: datetime) -> Payment | PaymentDeclined | PaymentRefused:
            return await or_no(
                sender.gateway.charge(
                    ask.amount,
                    ask.payment_method,
                    subject=ask.subject,
                    key=ask.key,
                    at=ask.at,
                    sent_at=sent_at,
                    off_session=ask.off_session,
                )
            )

        async def settle(
            session: AsyncSession, charge: Payment | PaymentDeclined | PaymentRefused
        ) -> CardCharged | PaymentDeclined | PaymentRefused:
            if not isinstance(charge, Payment):
                return charge
            await book_charge(session, ask.subject, ask.key, ask.at, charge.amount, ask.account)
            return CardCharged(payment_id=charge.id, amount=charge.captured)

        attempt = attempt_of("charge", ask, acts_on=ask.account, amount=ask.amount)
        return await self._send(attempt, request, settle, _CHARGED)

    @activity.defn
    async def refund_payment(self, ask: RefundPayment) -> PaymentRefunded | PaymentRefused:
        async def request(sender: Sender, _: datetime) -> Payment | PaymentRefused:
            try:
                return await sender.gateway.refund(ask.payment_id, ask.amount, key=ask.key, at=ask.at)
            except Refused:
                now = (await refetch(sender.gateway, ask, ask.payment_id)).hold
                return now if isinstance(now, PaymentRefused) else PaymentRefused(state=now.status)

        async def settle(session: AsyncSession, answer: Payment | PaymentRefused) -> PaymentRefunded | PaymentRefused:
            if isinstance(answer, PaymentRefused):
                return answer
            await book_refund(session, ask.subject, ask.key, ask.at, ask.amount, ask.account)
            return PaymentRefunded(payment_id=answer.id, refunded=answer.refunded)

        attempt = attempt_of("refund", ask, acts_on=ask.payment_id, amount=ask.amount)
        return await self._send(attempt, request, settle, _REFUNDED)

    @activity.defn
    async def keep_deposit(self, ask: KeepDeposit) -> None:
        async def request(_: Sender, __: datetime) -> None:
            return None

        async def settle(session: AsyncSession, _: None) -> DepositKept:
            await book_deposit_kept(session, ask.subject, ask.key, ask.at, ask.amount, ask.account)
            return DepositKept()

        await self._send(attempt_of("keep_deposit", ask, amount=ask.amount), request, settle, _KEPT)

    async def _send(
        self,
        attempt: Attempt,
        request: Callable[[Sender, datetime], Awaitable[AnswerT]],
        settle: Callable[[AsyncSession, AnswerT], Awaitable[ResultT]],
        result: TypeAdapter[ResultT],
    ) -> ResultT:
        """The result that stands under the attempt's key, after sending it if there was none."""

        async def settled(session: AsyncSession, answer: AnswerT) -> AnswerJson:
            return (await settle(session, answer)).model_dump(mode="json")

        async with _told(attempt.key):
            if attempt.amount is not None and attempt.amount.amount <= 0:
                raise InvalidAmount(f"a payment is of more than nothing, not of {attempt.amount}")
            return result.validate_python(await self._access.send(attempt, request, settled))


@asynccontextmanager
async def _told(key: str) -> AsyncIterator[None]:
    """Tell Temporal that somebody works on the request under `key`, and errors in its words."""
    try:
        async with alive():
            yield
    except OutcomeUnknown as lost:
        raise ApplicationError(f"No answer came for {key}.", type="OutcomeUnknown") from lost
    except (KeyReused, AttemptKeyReused) as reused:
        message = f"The key {key} was used for another payment."
        raise ApplicationError(message, type="KeyReused", non_retryable=True) from reused
    except (InvalidAmount, LedgerConflict) as mistake:
        raise ApplicationError(str(mistake), type=type(mistake).__name__, non_retryable=True) from mistake
