"""Every way the purchase of a plan can go."""

import uuid
from collections.abc import Callable
from typing import Any

from temporalio.worker import Worker

from domain.kinds import TermKind
from messages.registry import BuyPlan
from tests.fakes.plans import FakePlans
from tests.replay.scenario import scenario
from tests.workflows.world import World
from workflows.plan_purchase import PlanPurchase

WORKFLOW = "PlanPurchase"


async def bought(world: World, plans: FakePlans) -> str:
    plan_id = f"pln_{uuid.uuid4().hex[:16]}"
    command = BuyPlan(
        plan_id=plan_id, serial_number="SN1", kind=TermKind.ONE_YEAR, region="US", payment_method="pm_card_visa"
    )
    payments, queue = world.payments, world.task_queue
    activities: list[Callable[..., Any]] = [
        plans.check_plan,
        plans.add_plan,
        payments.charge_card,
        payments.refund_payment,
    ]
    async with Worker(world.client, task_queue=queue, workflows=[PlanPurchase], activities=activities):
        await world.client.execute_workflow(PlanPurchase.run, command, id=plan_id, task_queue=queue)
    return plan_id


@scenario(WORKFLOW, worker=False)
async def sold(world: World) -> str:
    return await bought(world, FakePlans())


@scenario(WORKFLOW, worker=False)
async def not_for_sale(world: World) -> str:
    plans = FakePlans()
    plans.refuses.add("check")
    return await bought(world, plans)


@scenario(WORKFLOW, worker=False)
async def card_declined(world: World) -> str:
    world.payments.declines.add(("plan_sales", "pm_card_visa"))
    return await bought(world, FakePlans())


@scenario(WORKFLOW, worker=False)
async def another_was_quicker(world: World) -> str:
    plans = FakePlans()
    plans.refuses.add("add")
    return await bought(world, plans)


@scenario(WORKFLOW, worker=False)
async def answer_lost(world: World) -> str:
    world.payments.lost_responses["price"] = 1
    return await bought(world, FakePlans())
