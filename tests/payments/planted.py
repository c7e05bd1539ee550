"""Bugs, planted: each is a way in which such gateways, or the books about them, have really been wrong.

They test the tests: the state machine's, and those of the attempts.
"""

import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Literal

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity

from activities.gateway import AnswerT, Payment, Sender
from activities.payments import GatewayPayments
from activities.remote_access import RemoteAccess
from activities.simulated_bank import Booked, SimulatedBank
from activities.stripe_gateway import StripeGateway
from domain.money import Money
from messages.payments import CardCharged, ChargeCard, PaymentDeclined, PaymentRefunded, PaymentRefused, RefundPayment
from store.writes.payment_attempts import AnswerJson, Attempt, answer_attempt, lock_attempt, open_attempt

_attempts = itertools.count()


class CapturesAfterRelease(SimulatedBank):
    def _can_capture(self, booked: Booked, amount: int) -> bool:
        return booked.state in {"authorized", "released"} and amount <= booked.amount


class CapturesTooMuch(SimulatedBank):
    def _can_capture(self, booked: Booked, amount: int) -> bool:
        return booked.state == "authorized"


class RefundsEachUpToTheWhole(SimulatedBank):
    def _can_refund(self, booked: Booked, amount: int) -> bool:
        return booked.state == "captured" and amount <= booked.captured


class KeepsHoldingTheRemainder(SimulatedBank):
    def _take(self, booked: Booked, amount: int) -> None:
        booked.captured = amount
        if amount == booked.amount:
            booked.state = "captured"


class ForgetsItsAnswers(SimulatedBank):
    async def _once(self, key: str, effect: Callable[[], Awaitable[Payment]], *asked: object) -> Payment:
        return await effect()

    def _made(
        self,
        kind: Literal["hold", "charge"],
        amount: Money,
        payment_method: str,
        subject: str,
        key: str,
        at: datetime,
    ) -> Booked:
        key = f"{key}#{next(_attempts)}"
        return super()._made(kind, amount, payment_method, subject, key, at)


class AnswersAReusedKey(SimulatedBank):
    async def _once(self, key: str, effect: Callable[[], Awaitable[Payment]], *asked: object) -> Payment:
        return await super()._once(key, effect)


class ForgetsToExpire(SimulatedBank):
    def _is_over(self, booked: Booked, at: datetime) -> bool:
        return False


class TakesAFreshKeyPerRetry(GatewayPayments):
    @activity.defn
    async def charge_card(self, ask: ChargeCard) -> CardCharged | PaymentDeclined | PaymentRefused:
        return await super().charge_card(_fresh(ask))

    @activity.defn
    async def refund_payment(self, ask: RefundPayment) -> PaymentRefunded | PaymentRefused:
        return await super().refund_payment(_fresh(ask))


def _fresh(ask: Any) -> Any:
    return ask.model_copy(update={"key": f"{ask.key}#{next(_attempts)}"})


class SendsBeforeWriting(RemoteAccess):
    async def send(
        self,
        attempt: Attempt,
        request: Callable[[Sender, datetime], Awaitable[AnswerT]],
        settle: Callable[[AsyncSession, AnswerT], Awaitable[AnswerJson]],
    ) -> AnswerJson:
        answer = await request(self, self._now())
        async with self._database.writing() as session:
            await open_attempt(session, attempt, self._now())
            result = await settle(session, answer)
            await answer_attempt(session, attempt.key, result, self._now())
        return result


class IgnoresTheStoredAnswer(RemoteAccess):
    async def send(
        self,
        attempt: Attempt,
        request: Callable[[Sender, datetime], Awaitable[AnswerT]],
        settle: Callable[[AsyncSession, AnswerT], Awaitable[AnswerJson]],
    ) -> AnswerJson:
        async with self._database.writing() as session:
            there = await open_attempt(session, attempt, self._now())
        answer = await request(self, there.first_sent_at)
        async with self._database.writing() as session:
            result = await settle(session, answer)
            if (await lock_attempt(session, attempt.key)).answer is None:
                await answer_attempt(session, attempt.key, result, self._now())
        return result


class TakesTheAgeOfAKeyFromItsMoment(StripeGateway):
    async def authorize(self, *asked: Any, at: datetime, sent_at: datetime, **more: Any) -> Payment:
        return await super().authorize(*asked, at=at, sent_at=at, **more)
