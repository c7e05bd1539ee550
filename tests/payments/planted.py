"""Bugs, planted: each is a way in which such gateways have really been wrong (a test of the state machine)."""

import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Literal

from temporalio import activity

from activities.gateway import Payment
from activities.payments import GatewayPayments
from activities.simulated_bank import SimulatedBank
from domain.money import Money
from messages.payments import CardCharged, ChargeCard, PaymentDeclined, PaymentRefunded, PaymentRefused, RefundPayment
from store.payment_tables import GatewayPaymentRow

_attempts = itertools.count()


class CapturesAfterRelease(SimulatedBank):
    def _can_capture(self, row: GatewayPaymentRow, amount: int) -> bool:
        return row.state in {"authorized", "released"} and amount <= row.amount


class CapturesTooMuch(SimulatedBank):
    def _can_capture(self, row: GatewayPaymentRow, amount: int) -> bool:
        return row.state == "authorized"


class RefundsEachUpToTheWhole(SimulatedBank):
    def _can_refund(self, row: GatewayPaymentRow, amount: int) -> bool:
        return row.state == "captured" and amount <= row.captured


class KeepsHoldingTheRemainder(SimulatedBank):
    def _take(self, row: GatewayPaymentRow, amount: int) -> None:
        row.captured = amount
        if amount == row.amount:
            row.state = "captured"


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
    ) -> GatewayPaymentRow:
        key = f"{key}#{next(_attempts)}"
        return super()._made(kind, amount, payment_method, subject, key, at)


class AnswersAReusedKey(SimulatedBank):
    async def _once(self, key: str, effect: Callable[[], Awaitable[Payment]], *asked: object) -> Payment:
        return await super()._once(key, effect)


class ForgetsToExpire(SimulatedBank):
    def _age(self, row: GatewayPaymentRow, at: datetime) -> None:
        pass


class TakesAFreshKeyPerRetry(GatewayPayments):
    @activity.defn
    async def charge_card(self, ask: ChargeCard) -> CardCharged | PaymentDeclined:
        return await super().charge_card(_fresh(ask))

    @activity.defn
    async def refund_payment(self, ask: RefundPayment) -> PaymentRefunded | PaymentRefused:
        return await super().refund_payment(_fresh(ask))


def _fresh(ask: Any) -> Any:
    return ask.model_copy(update={"key": f"{ask.key}#{next(_attempts)}"})
