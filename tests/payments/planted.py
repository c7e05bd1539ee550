"""Bugs, planted: each is a way in which such gateways have really been wrong (a test of the state machine)."""

import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Literal

from temporalio import activity

from activities.gateway import Payment
from activities.payments import GatewayPayments
from activities.simulated_bank import Booked, SimulatedBank
from domain.money import Money
from messages.payments import CardCharged, ChargeCard, PaymentDeclined, PaymentRefunded, PaymentRefused, RefundPayment

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
    async def charge_card(self, ask: ChargeCard) -> CardCharged | PaymentDeclined:
        return await super().charge_card(_fresh(ask))

    @activity.defn
    async def refund_payment(self, ask: RefundPayment) -> PaymentRefunded | PaymentRefused:
        return await super().refund_payment(_fresh(ask))


def _fresh(ask: Any) -> Any:
    return ask.model_copy(update={"key": f"{ask.key}#{next(_attempts)}"})
