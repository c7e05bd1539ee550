"""Workflow of a plan refund: end the cover first, so that no claim is made on it, then refund the price (R-CAN-1)."""

from typing import assert_never

from temporalio import workflow

from messages.entitlements import EndPlan, Entitlements, NoteRefusedRefund, PlanEnded, RefundPlan
from messages.ids import payment_key
from messages.payments import PaymentRefunded, PaymentRefused, Payments, RefundPayment
from messages.registry import PlanRefused
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.plan_payment import report_refused_payment, send


@workflow.defn
class PlanRefund:
    """End the plan and refund its price, or return every reason why not. A refund that the gateway refuses is told."""

    def __init__(self) -> None:
        self.calls = ActivityCalls()

    @workflow.run
    async def run(self, request: RefundPlan) -> PlanEnded | PlanRefused:
        end = EndPlan(refund=request, at=workflow.now())
        ended = await self.calls.database(Entitlements.end_plan, end, "end the plan")
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
        response = await send(self.calls, Payments.refund_payment, refund, f"refund {ended.price}")
        match response:
            case PaymentRefunded():
                pass
            case PaymentRefused():
                report_refused_payment(f"give {ended.price} back", response)
                if workflow.patched("note-refused-refund"):
                    note = NoteRefusedRefund(plan_id=ended.plan_id, refund_id=request.refund_id)
                    await self.calls.database(Entitlements.note_refused_refund, note, "keep that it was refused")
                return ended.model_copy(update={"refund_refused": True})
            case _:
                assert_never(response)
        return ended
