"""Payments of plans that the gateway refuses, or that are our mistake: told and flagged, never reported as made."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from domain.kinds import Attention, TermKind
from domain.money import Money
from messages.entitlements import EndPlan, NoteRefusedRefund, PlanEnded, RefundPlan
from messages.payments import ChargeCard, PaymentRefused, RefundPayment
from messages.registry import BuyPlan, PlanDeclined, PlanRefused
from messages.search import CLAIM_ATTENTION
from tests.fakes.plans import FakePlans
from tests.workflows.world import World
from workflows.plan_purchase import PlanPurchase
from workflows.plan_refund import PlanRefund

PRICE = Money(23900, "USD")
OUTCOMES = [("captured", Attention.PAYMENT_REFUSED), ("KeyReused", Attention.PAYMENT_MISCONFIGURED)]


@activity.defn
async def end_plan(request: EndPlan) -> PlanEnded:
    return PlanEnded(
        plan_id="pln_1", price=PRICE, payment_id="pln_1:price", ended_at=datetime(2026, 11, 23, tzinfo=UTC)
    )


def refusing(name: str, request_type: type, state: str) -> Callable[..., Any]:
    """The activity `name`, which refuses: as a result, or with the error of a mistake of ours."""

    async def refused(request: Any) -> PaymentRefused:
        if state == "KeyReused":
            raise ApplicationError("used for another payment", type=state, non_retryable=True)
        return PaymentRefused(state=state)

    refused.__annotations__ = {"request": request_type, "return": PaymentRefused}
    return activity.defn(name=name)(refused)


async def flagged(world: World, workflow_id: str) -> list[str]:
    described = await world.client.get_workflow_handle(workflow_id).describe()
    return list(described.typed_search_attributes.get(CLAIM_ATTENTION) or [])


@pytest.mark.parametrize(("state", "attention"), OUTCOMES)
async def test_a_refused_refund_of_a_plan_is_told_and_flagged(world: World, state: str, attention: Attention) -> None:
    refund_id = f"rfd_{uuid.uuid4().hex[:16]}"
    command = RefundPlan(refund_id=refund_id, plan_id="pln_1", serial_number="SN1")
    noted: list[NoteRefusedRefund] = []

    @activity.defn
    async def note_refused_refund(request: NoteRefusedRefund) -> None:
        noted.append(request)

    activities: list[Callable[..., Any]] = [
        end_plan,
        note_refused_refund,
        refusing("refund_payment", RefundPayment, state),
    ]
    queue = f"q-{refund_id}"
    async with Worker(world.client, task_queue=queue, workflows=[PlanRefund], activities=activities):
        ended = await world.client.execute_workflow(PlanRefund.run, command, id=refund_id, task_queue=queue)
    assert isinstance(ended, PlanEnded)
    assert ended.refund_refused
    assert noted == [NoteRefusedRefund(plan_id="pln_1", refund_id=refund_id)]
    assert await flagged(world, refund_id) == [attention]


@pytest.mark.parametrize(("state", "attention"), OUTCOMES)
@pytest.mark.parametrize("step", ["charge_card", "refund_payment"])
async def test_a_refused_payment_of_a_purchase_is_flagged_and_answered(
    world: World, step: str, state: str, attention: Attention
) -> None:
    """The charge; or the refund after another purchase was written first."""
    plan_id, plans, payments = f"pln_{uuid.uuid4().hex[:16]}", FakePlans(), world.payments
    plans.refuses.add("add")
    command = BuyPlan(
        plan_id=plan_id, serial_number="SN1", kind=TermKind.ONE_YEAR, region="US", payment_method="pm_card_visa"
    )
    charge = refusing(step, ChargeCard, state) if step == "charge_card" else payments.charge_card
    refund = refusing(step, RefundPayment, state) if step == "refund_payment" else payments.refund_payment
    activities: list[Callable[..., Any]] = [plans.check_plan, plans.add_plan, charge, refund]
    queue = f"q-{plan_id}"
    async with Worker(world.client, task_queue=queue, workflows=[PlanPurchase], activities=activities):
        result = await world.client.execute_workflow(PlanPurchase.run, command, id=plan_id, task_queue=queue)
    assert isinstance(result, PlanDeclined if step == "charge_card" else PlanRefused)
    assert await flagged(world, plan_id) == [attention]
