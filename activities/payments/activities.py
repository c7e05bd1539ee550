"""Activities: payments over a gateway. Each request is recorded before it is sent, and its result booked once.

The table of payment attempts decides for every Temporal attempt: a request with a result there is not sent again.
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

from activities.heartbeat import heartbeating
from activities.payments.as_reported import book_capture, book_capture_as_reported, compared
from activities.payments.gateway import (
    Gateway,
    GatewayRefused,
    InvalidAmount,
    KeyReused,
    OutcomeUnknown,
    Payment,
    require_positive,
)
from activities.payments.ledgered_gateway import LedgeredGateway, ResponseT
from activities.payments.request_metrics import observed
from activities.payments.request_spans import traced
from activities.payments.steps import (
    HoldResponse,
    attempt_of,
    book_ended_holds,
    hold_placed,
    others_captured,
    payment_or_refusal,
    refetch,
    refused,
    release,
    release_others,
)
from domain.hold import CAPTURED_ELSEWHERE
from messages.base import Message
from messages.payments import (
    AuthorizeHold,
    CaptureHold,
    CardCharged,
    CardFound,
    ChargeCard,
    ComparePayments,
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
    PaymentsCompared,
    RefundPayment,
    ReleaseHold,
)
from store.writes.ledger import (
    LedgerConflict,
    book_charge,
    book_deposit_kept,
    book_hold_placed,
    book_refund,
)
from store.writes.payment_attempts import Attempt, AttemptKeyReused, ResponseJson

ResultT = TypeVar("ResultT", bound=Message)

_HELD: Final = TypeAdapter[HoldPlaced | PaymentDeclined | PaymentRefused](HoldPlaced | PaymentDeclined | PaymentRefused)
_CHARGED: Final = TypeAdapter[CardCharged | PaymentDeclined | PaymentRefused](
    CardCharged | PaymentDeclined | PaymentRefused
)
_ENDED: Final = TypeAdapter[HoldPlaced | PaymentRefused](HoldPlaced | PaymentRefused)
_REFUNDED: Final = TypeAdapter[PaymentRefunded | PaymentRefused](PaymentRefunded | PaymentRefused)
_KEPT: Final = TypeAdapter[DepositKept](DepositKept)


class GatewayPayments(Payments):
    """Payments over the gateway of `ledgered`.

    Raises ApplicationError of type `OutcomeUnknown`, to be retried with the same key, when no response came; of type
    `KeyReused`, `InvalidAmount` or `LedgerConflict`, not to be retried, for a mistake in the caller.
    """

    def __init__(self, ledgered: LedgeredGateway) -> None:
        self._ledgered = ledgered

    @activity.defn
    async def look_up_card(self, request: LookUpCard) -> CardFound:
        """Moves nothing; no attempt is recorded."""
        async with heartbeating():
            return CardFound(card=await self._ledgered.gateway.look_up(request.payment_method))

    @activity.defn
    async def authorize_hold(self, request: AuthorizeHold) -> HoldPlaced | PaymentDeclined | PaymentRefused:
        async def call(ledgered: LedgeredGateway, sent_at: datetime) -> Payment | PaymentDeclined | PaymentRefused:
            return await payment_or_refusal(
                ledgered.gateway.authorize(
                    request.amount,
                    request.payment_method,
                    subject=request.subject,
                    key=request.key,
                    at=request.at,
                    sent_at=sent_at,
                    off_session=request.off_session,
                )
            )

        async def settle(
            session: AsyncSession, hold: Payment | PaymentDeclined | PaymentRefused
        ) -> HoldPlaced | PaymentDeclined | PaymentRefused:
            if not isinstance(hold, Payment):
                return hold
            await book_hold_placed(session, request.subject, request.key, request.at, hold.amount)
            return hold_placed(hold)

        attempt = attempt_of("authorize", request, acts_on=str(request.ordinal), amount=request.amount)
        return await self._send(attempt, call, settle, _HELD)

    @activity.defn
    async def hold_and_charge(self, request: HoldAndCharge) -> HeldAndCharged:
        hold = await self.authorize_hold(request.hold)
        if not isinstance(hold, HoldPlaced) or request.fee is None:
            return HeldAndCharged(hold=hold)
        return HeldAndCharged(hold=hold, fee=await self.charge_card(request.fee))

    @activity.defn
    async def capture_hold(self, request: CaptureHold) -> HoldPlaced | PaymentRefused:
        async def call(ledgered: LedgeredGateway, _: datetime) -> HoldResponse:
            if taken := await others_captured(ledgered, request, request.hold_id):
                return HoldResponse(PaymentRefused(state="captured"), False, taken)
            try:
                hold = await ledgered.gateway.capture(request.hold_id, request.amount, key=request.key, at=request.at)
            except GatewayRefused as refusal:
                return await refused(ledgered.gateway, request, request.hold_id, refusal)
            return HoldResponse(hold, True, await release_others(ledgered, request, request.hold_id))

        async def settle(session: AsyncSession, response: HoldResponse) -> HoldPlaced | PaymentRefused:
            hold = response.hold
            if response.done and isinstance(hold, Payment):
                await book_capture(session, request.subject, request.key, request.at, hold, request.account)
            return await book_ended_holds(request, session, response)

        attempt = attempt_of("capture", request, acts_on=request.hold_id, amount=request.amount)
        return await self._send(attempt, call, settle, _ENDED)

    @activity.defn
    async def release_hold(self, request: ReleaseHold) -> HoldPlaced | PaymentRefused:
        async def call(ledgered: LedgeredGateway, _: datetime) -> HoldResponse:
            response = await release(ledgered, request)
            if not request.others:
                return response
            others = await release_others(ledgered, request, request.hold_id)
            return HoldResponse(response.hold, response.done, (*response.ended, *others))

        async def settle(session: AsyncSession, response: HoldResponse) -> HoldPlaced | PaymentRefused:
            return await book_ended_holds(request, session, response)

        return await self._send(attempt_of("release", request, acts_on=request.hold_id), call, settle, _ENDED)

    @activity.defn
    async def look_at_hold(self, request: LookAtHold) -> HoldPlaced | PaymentRefused:
        """Moves nothing; no attempt is recorded: the result is always the gateway's present state."""

        async def call(gateway: Gateway) -> HoldResponse:
            found = await refetch(gateway, request, request.hold_id)
            return HoldResponse(found.hold, isinstance(found.hold, Payment), found.ended)

        async with _temporal_errors(request.key):
            return await self._ledgered.look(request.key, call, partial(book_ended_holds, request))

    @activity.defn
    async def charge_card(self, request: ChargeCard) -> CardCharged | PaymentDeclined | PaymentRefused:
        async def call(ledgered: LedgeredGateway, sent_at: datetime) -> Payment | PaymentDeclined | PaymentRefused:
            return await payment_or_refusal(
                ledgered.gateway.charge(
                    request.amount,
                    request.payment_method,
                    subject=request.subject,
                    key=request.key,
                    at=request.at,
                    sent_at=sent_at,
                    off_session=request.off_session,
                )
            )

        async def settle(
            session: AsyncSession, charge: Payment | PaymentDeclined | PaymentRefused
        ) -> CardCharged | PaymentDeclined | PaymentRefused:
            if not isinstance(charge, Payment):
                return charge
            await book_charge(session, request.subject, request.key, request.at, charge.amount, request.account)
            return CardCharged(payment_id=charge.id, amount=charge.captured)

        attempt = attempt_of("charge", request, acts_on=request.account, amount=request.amount)
        return await self._send(attempt, call, settle, _CHARGED)

    @activity.defn
    async def refund_payment(self, request: RefundPayment) -> PaymentRefunded | PaymentRefused:
        async def call(ledgered: LedgeredGateway, _: datetime) -> Payment | PaymentRefused:
            try:
                return await ledgered.gateway.refund(request.payment_id, request.amount, key=request.key, at=request.at)
            except GatewayRefused as refusal:
                now = (await refused(ledgered.gateway, request, request.payment_id, refusal)).hold
                return now if isinstance(now, PaymentRefused) else PaymentRefused(state=now.status)

        async def settle(session: AsyncSession, response: Payment | PaymentRefused) -> PaymentRefunded | PaymentRefused:
            if isinstance(response, PaymentRefused):
                return response
            if request.account == CAPTURED_ELSEWHERE:
                await book_capture_as_reported(session, request.subject, request.at, response)
            await book_refund(session, request.subject, request.key, request.at, request.amount, request.account)
            return PaymentRefunded(payment_id=response.id, refunded=response.refunded)

        attempt = attempt_of("refund", request, acts_on=request.payment_id, amount=request.amount)
        return await self._send(attempt, call, settle, _REFUNDED)

    @activity.defn
    async def keep_deposit(self, request: KeepDeposit) -> None:
        async def call(ledgered: LedgeredGateway, _: datetime) -> Payment | PaymentRefused | None:
            if not request.hold_id:
                return None
            return (await refetch(ledgered.gateway, request, request.hold_id)).hold

        async def settle(session: AsyncSession, hold: Payment | PaymentRefused | None) -> DepositKept:
            if isinstance(hold, Payment):
                await book_capture_as_reported(session, request.subject, request.at, hold)
            await book_deposit_kept(
                session, request.subject, request.key, request.at, request.amount, request.account, request.source
            )
            return DepositKept()

        attempt = attempt_of("keep_deposit", request, acts_on=request.hold_id, amount=request.amount)
        await self._send(attempt, call, settle, _KEPT)

    @activity.defn
    async def compare_payments(self, request: ComparePayments) -> PaymentsCompared:
        """Moves nothing; no attempt is recorded."""

        async def call(gateway: Gateway) -> tuple[Payment, ...]:
            return await gateway.find(request.subject, at=request.at)

        async def book(session: AsyncSession, payments: tuple[Payment, ...]) -> PaymentsCompared:
            return await compared(session, request.subject, request.at, payments, request.currency)

        async with _temporal_errors(request.key):
            return await self._ledgered.look(request.key, call, book)

    async def _send(
        self,
        attempt: Attempt,
        request: Callable[[LedgeredGateway, datetime], Awaitable[ResponseT]],
        settle: Callable[[AsyncSession, ResponseT], Awaitable[ResultT]],
        result: TypeAdapter[ResultT],
    ) -> ResultT:
        """The result recorded under the attempt's key, after sending it if there is none."""

        async def sent(ledgered: LedgeredGateway, sent_at: datetime) -> ResponseT:
            return await traced(attempt.purpose, attempt.key, request(ledgered, sent_at))

        async def settled(session: AsyncSession, response: ResponseT) -> ResponseJson:
            return (await settle(session, response)).model_dump(mode="json")

        async with observed(attempt.purpose) as observation, _temporal_errors(attempt.key):
            if attempt.amount is not None:
                require_positive(attempt.amount)
            observation.result = done = result.validate_python(await self._ledgered.send(attempt, sent, settled))
            return done


@asynccontextmanager
async def _temporal_errors(key: str) -> AsyncIterator[None]:
    """Heartbeats during the request under `key`; its errors are raised as ApplicationErrors."""
    try:
        async with heartbeating():
            yield
    except OutcomeUnknown as unknown:
        raise ApplicationError(f"No answer came for {key}.", type="OutcomeUnknown") from unknown
    except (KeyReused, AttemptKeyReused) as reused:
        message = f"The key {key} was used for another payment."
        raise ApplicationError(message, type="KeyReused", non_retryable=True) from reused
    except (InvalidAmount, LedgerConflict) as mistake:
        raise ApplicationError(str(mistake), type=type(mistake).__name__, non_retryable=True) from mistake
