"""Workflows: buying a plan: may it be sold, charge the card, write the term. However short, it is durable."""

from temporalio import workflow

from messages.ids import payment_key
from messages.payments import CardCharged, ChargeCard, Payments, RefundPayment
from messages.registry import AddPlan, BuyPlan, CheckPlan, PlanBought, PlanDeclined, PlanRefused, Plans
from workflows.steps import Steps


@workflow.defn
class PlanPurchase(Steps):
    """Charge the price and write the term; when another purchase was quicker the price is refunded (R-PUR-4)."""

    @workflow.run
    async def run(self, ask: BuyPlan) -> PlanBought | PlanRefused | PlanDeclined:
        now = workflow.now()
        priced = await self._recorded(Plans.check_plan, CheckPlan(plan=ask, at=now), "may it be sold")
        if isinstance(priced, PlanRefused):
            return priced
        charge = ChargeCard(
            subject=ask.plan_id,
            key=payment_key(ask.plan_id, "price"),
            at=now,
            amount=priced.price,
            payment_method=ask.payment_method,
            account="plan_sales",
        )
        paid = await self._effect(Payments.charge_card, charge, f"charge {priced.price}")
        if not isinstance(paid, CardCharged):
            return PlanDeclined(code=paid.code)
        add = AddPlan(plan=ask, price=priced.price, payment_id=paid.payment_id, at=now)
        added = await self._recorded(Plans.add_plan, add, "write the term")
        if isinstance(added, PlanRefused):
            refund = RefundPayment(
                subject=ask.plan_id,
                key=payment_key(ask.plan_id, "refund-price"),
                at=workflow.now(),
                payment_id=paid.payment_id,
                amount=priced.price,
                account="plan_sales",
            )
            await self._effect(Payments.refund_payment, refund, f"refund {priced.price}")
        return added
