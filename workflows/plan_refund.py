"""Workflows: giving a plan back: end the cover first, so that nobody claims on it, then refund its price (R-CAN-1)."""

from temporalio import workflow

from messages.entitlements import EndPlan, Entitlements, PlanEnded, RefundPlan
from messages.ids import payment_key
from messages.payments import Payments, RefundPayment
from messages.registry import PlanRefused
from workflows.steps import Steps


@workflow.defn
class PlanRefund(Steps):
    """End the plan and refund its price, or answer with every reason why not."""

    @workflow.run
    async def run(self, ask: RefundPlan) -> PlanEnded | PlanRefused:
        ended = await self._recorded(Entitlements.end_plan, EndPlan(refund=ask, at=workflow.now()), "end the plan")
        if isinstance(ended, PlanRefused):
            return ended
        refund = RefundPayment(
            subject=ended.plan_id,
            key=payment_key(ended.plan_id, "refund-plan"),
            at=workflow.now(),
            payment_id=ended.payment_id,
            amount=ended.price,
            account="plan_sales",
        )
        await self._effect(Payments.refund_payment, refund, f"refund {ended.price}")
        return ended
