"""Planted bugs of gateways and of their ledger, each known from real systems.

They test the tests: the state machine, and the tests of the attempts.
"""

import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Literal

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity

from activities.payments.activities import GatewayPayments
from activities.payments.gateway import Payment
from activities.payments.ledgered_gateway import LedgeredGateway, RemoteLedgeredGateway, ResponseT
from activities.payments.simulated.gateway import SimulatedGateway
from activities.payments.simulated.payment_rows import PaymentRow
from activities.payments.stripe.gateway import StripeGateway
from domain.money import Money
from messages.payments import CardCharged, ChargeCard, PaymentDeclined, PaymentRefunded, PaymentRefused, RefundPayment
from store.writes.payment_attempts import Attempt, ResponseJson, lock_attempt, open_attempt, record_response

_attempts = itertools.count()


class CapturesAfterRelease(SimulatedGateway):
    def _can_capture(self, row: PaymentRow, amount: int) -> bool:
        return row.state in {"authorized", "released"} and amount <= row.amount


class CapturesTooMuch(SimulatedGateway):
    def _can_capture(self, row: PaymentRow, amount: int) -> bool:
        return row.state == "authorized"


class RefundsEachUpToTheWhole(SimulatedGateway):
    def _can_refund(self, row: PaymentRow, amount: int) -> bool:
        return row.state == "captured" and amount <= row.captured


class KeepsHoldingTheRemainder(SimulatedGateway):
    def _capture(self, row: PaymentRow, amount: int) -> None:
        row.captured = amount
        if amount == row.amount:
            row.state = "captured"


class ForgetsItsResults(SimulatedGateway):
    async def _once(
        self, key: str, effect: Callable[[AsyncSession], Awaitable[Payment]], *parameters: object
    ) -> Payment:
        async with self._transaction(key) as session:
            return await effect(session)

    def _new_payment(
        self,
        kind: Literal["hold", "charge"],
        amount: Money,
        payment_method: str,
        subject: str,
        key: str,
        at: datetime,
    ) -> PaymentRow:
        key = f"{key}#{next(_attempts)}"
        return super()._new_payment(kind, amount, payment_method, subject, key, at)


class AcceptsAReusedKey(SimulatedGateway):
    async def _once(
        self, key: str, effect: Callable[[AsyncSession], Awaitable[Payment]], *parameters: object
    ) -> Payment:
        return await super()._once(key, effect)


class ForgetsToExpire(SimulatedGateway):
    def _has_expired(self, row: PaymentRow, at: datetime) -> bool:
        return False


class TakesAFreshKeyPerRetry(GatewayPayments):
    @activity.defn
    async def charge_card(self, request: ChargeCard) -> CardCharged | PaymentDeclined | PaymentRefused:
        return await super().charge_card(_fresh(request))

    @activity.defn
    async def refund_payment(self, request: RefundPayment) -> PaymentRefunded | PaymentRefused:
        return await super().refund_payment(_fresh(request))


def _fresh(request: Any) -> Any:
    return request.model_copy(update={"key": f"{request.key}#{next(_attempts)}"})


class SendsBeforeWriting(RemoteLedgeredGateway):
    async def send(
        self,
        attempt: Attempt,
        request: Callable[[LedgeredGateway, datetime], Awaitable[ResponseT]],
        settle: Callable[[AsyncSession, ResponseT], Awaitable[ResponseJson]],
    ) -> ResponseJson:
        response = await request(self, self._now())
        async with self._database.transaction() as session:
            await open_attempt(session, attempt, self._now())
            result = await settle(session, response)
            await record_response(session, attempt.key, result, self._now())
        return result


class IgnoresTheStoredResult(RemoteLedgeredGateway):
    async def send(
        self,
        attempt: Attempt,
        request: Callable[[LedgeredGateway, datetime], Awaitable[ResponseT]],
        settle: Callable[[AsyncSession, ResponseT], Awaitable[ResponseJson]],
    ) -> ResponseJson:
        async with self._database.transaction() as session:
            recorded = await open_attempt(session, attempt, self._now())
        response = await request(self, recorded.first_sent_at)
        async with self._database.transaction() as session:
            result = await settle(session, response)
            if (await lock_attempt(session, attempt.key)).response is None:
                await record_response(session, attempt.key, result, self._now())
        return result


class TakesTheAgeOfAKeyFromItsMoment(StripeGateway):
    async def authorize(self, *amount_and_card: Any, at: datetime, sent_at: datetime, **other: Any) -> Payment:
        return await super().authorize(*amount_and_card, at=at, sent_at=at, **other)
