"""Workflow of a plan purchase: check that it may be sold, charge the card, write the term."""

from typing import assert_never

from temporalio import workflow

from messages.ids import payment_key
from messages.payments import (
    CardCharged,
    ChargeCard,
    PaymentDeclined,
    PaymentRefunded,
    PaymentRefused,
    Payments,
    RefundPayment,
)
from messages.registry import AddPlan, BuyPlan, CheckPlan, PlanBought, PlanDeclined, PlanRefused, Plans
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.plan_payment import report_refused_payment, send


@workflow.defn
class PlanPurchase:
    """Charge the price and write the term; when another purchase was written first, refund the price (R-PUR-4)."""

    def __init__(self) -> None:
        self.calls = ActivityCalls()

    @workflow.run
    async def run(self, request: BuyPlan) -> PlanBought | PlanRefused | PlanDeclined:
        now = workflow.now()
        check = CheckPlan(plan=request, at=now)
        priced = await self.calls.database(Plans.check_plan, check, "may it be sold")
        if isinstance(priced, PlanRefused):
            return priced
        charge = ChargeCard(
            subject=request.plan_id,
            key=payment_key(request.plan_id, "price"),
            at=now,
            amount=priced.price,
            payment_method=request.payment_method,
            account="plan_sales",
        )
        paid = await send(self.calls, Payments.charge_card, charge, f"charge {priced.price}")
        match paid:
            case PaymentDeclined():
                return PlanDeclined(code=paid.code)
            case PaymentRefused():
                report_refused_payment(f"charge {priced.price}", paid)
                return PlanDeclined(code="refused")
            case CardCharged():
                pass
            case _:
                assert_never(paid)
        add = AddPlan(plan=request, price=priced.price, payment_id=paid.payment_id, at=now)
        added = await self.calls.database(Plans.add_plan, add, "write the term")
        if isinstance(added, PlanRefused):
            await self._refund(request.plan_id, paid)
        return added

    async def _refund(self, plan_id: str, paid: CardCharged) -> None:
        refund = RefundPayment(
            subject=plan_id,
            key=payment_key(plan_id, "refund-price"),
            at=workflow.now(),
            payment_id=paid.payment_id,
            amount=paid.amount,
            account="plan_sales",
        )
        response = await send(self.calls, Payments.refund_payment, refund, f"refund {paid.amount}")
        match response:
            case PaymentRefunded():
                pass
            case PaymentRefused():
                report_refused_payment(f"give {paid.amount} back", response)
            case _:
                assert_never(response)
