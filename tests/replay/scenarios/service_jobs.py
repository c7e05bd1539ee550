"""Every way a repair, a maintenance job, a plan refund and a reminder run can go."""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from temporalio import activity
from temporalio.worker import Worker

from domain.kinds import Component, PartsChoice, ReasonCode, RepairChoice
from domain.money import Money
from domain.reasons import Reason
from messages.claims import (
    CancelClaim,
    ChooseParts,
    ChooseRepair,
    Complete,
    QuoteRepair,
)
from messages.entitlements import EndPlan, NoteRefusedRefund, PlanEnded, RefundPlan
from messages.registry import PlanRefused
from messages.renewals import RemindRegion
from tests.fakes.plans import PRICE
from tests.replay.scenario import cancel_in_temporal, decide_refused, scenario, submit_refused
from tests.workflows.case import ALL_COMPONENTS, Case
from tests.workflows.test_schedules import FakeRenewals
from tests.workflows.world import World
from workflows.plan_refund import PlanRefund
from workflows.renewal_reminders import RenewalReminders

REPAIR, MAINTENANCE = "OnlineRepair", "Maintenance"
NO_PROPELLERS = (Component.AIRCRAFT, Component.GIMBAL_CAMERA, Component.BATTERY)
QUOTE = QuoteRepair(actor="staff", findings="cracked arm", amount=Money(32000, "USD"), warranty=False)
DONE = Complete(actor="warehouse", tracking_number="1Z")
CANCEL = CancelClaim(actor="customer")


def choose(choice: RepairChoice) -> ChooseRepair:
    return ChooseRepair(actor="customer", choice=choice, payment_method="pm_card_visa")


async def quoted(world: World, components: tuple[Component, ...] = ALL_COMPONENTS, *, warranty: bool = False) -> Case:
    case = await world.open(world.online_repair())
    await case.arrive()
    await case.inspect(components=components)
    await case.decide("repair_quote", QUOTE.model_copy(update={"warranty": warranty}))
    return case


@scenario(REPAIR)
async def paid_repair(world: World) -> str:
    case = await quoted(world)
    await case.decide("repair_choice", choose(RepairChoice.PAID_REPAIR))
    await case.decide("completion", DONE)
    return case.id


@scenario(REPAIR)
async def warranty_repair(world: World) -> str:
    case = await quoted(world, warranty=True)
    await case.decide("repair_choice", choose(RepairChoice.WARRANTY_REPAIR))
    await case.decide("completion", DONE)
    return case.id


@scenario(REPAIR)
async def board_swapped(world: World) -> str:
    case = await quoted(world)
    await case.decide("repair_choice", choose(RepairChoice.PAID_REPAIR))
    await case.decide("completion", Complete(actor="warehouse", repaired_serial_number="SN1-B"))
    return case.id


@scenario(REPAIR)
async def asked_back(world: World) -> str:
    case = await quoted(world)
    await case.decide("repair_choice", choose(RepairChoice.RETURN))
    await case.decide("completion", DONE)
    return case.id


@scenario(REPAIR)
async def quote_unanswered(world: World) -> str:
    case = await quoted(world)
    await case.pass_time(days=31)
    return case.id


@scenario(REPAIR)
async def replaced_complete(world: World) -> str:
    case = await quoted(world)
    await case.decide("repair_choice", choose(RepairChoice.REPLACEMENT))
    await case.dispatch()
    return case.id


@scenario(REPAIR)
async def replaced_when_parts_were_sent(world: World) -> str:
    case = await quoted(world, NO_PROPELLERS)
    await case.decide("repair_choice", choose(RepairChoice.REPLACEMENT))
    await case.decide("parts_choice", ChooseParts(actor="customer", choice=PartsChoice.SEND))
    await case.scan()
    await case.arrive()
    await case.inspect(serial="", components=(Component.PROPELLERS,))
    await case.dispatch()
    return case.id


@scenario(REPAIR)
async def replaced_when_parts_were_paid(world: World) -> str:
    case = await quoted(world, NO_PROPELLERS)
    await case.decide("repair_choice", choose(RepairChoice.REPLACEMENT))
    await case.decide("parts_choice", ChooseParts(actor="customer", choice=PartsChoice.PAY))
    await case.dispatch()
    return case.id


@scenario(REPAIR)
async def parts_never_came(world: World) -> str:
    case = await quoted(world, NO_PROPELLERS)
    await case.decide("repair_choice", choose(RepairChoice.REPLACEMENT))
    await case.pass_time(days=9)
    return case.id


@scenario(REPAIR)
async def replacement_declined_then_repaired(world: World) -> str:
    case = await quoted(world)
    world.payments.declines.add(("service_fees", "pm_card_visa"))
    await case.refused("repair_choice", choose(RepairChoice.REPLACEMENT))
    await case.decide("repair_choice", choose(RepairChoice.PAID_REPAIR))
    await case.decide("completion", DONE)
    return case.id


@scenario(REPAIR)
async def last_use_gone_meanwhile(world: World) -> str:
    case = await quoted(world)
    world.jobs.uses_left = 0
    await case.refused("repair_choice", choose(RepairChoice.REPLACEMENT))
    await case.decide("repair_choice", choose(RepairChoice.RETURN))
    await case.decide("completion", DONE)
    return case.id


@scenario(REPAIR)
async def never_sent(world: World) -> str:
    case = await world.open(world.online_repair())
    await case.scan()
    await case.pass_time(days=40)
    return case.id


@scenario(REPAIR)
async def inspected_late(world: World) -> str:
    case = await world.open(world.online_repair())
    await case.arrive()
    await case.pass_time(days=4)
    await case.inspect(serial="SN9")
    await case.decide("repair_quote", QUOTE)
    await case.decide("repair_choice", choose(RepairChoice.RETURN))
    await case.decide("completion", DONE)
    return case.id


@scenario(REPAIR)
async def cancelled_before_the_unit(world: World) -> str:
    case = await world.open(world.online_repair())
    await case.decide("cancel", CANCEL)
    return case.id


@scenario(REPAIR)
async def cancelled_before_the_replacement_left(world: World) -> str:
    case = await quoted(world)
    await case.decide("repair_choice", choose(RepairChoice.REPLACEMENT))
    await case.decide("cancel", CANCEL)
    return case.id


@scenario(REPAIR)
async def cancelled_too_late(world: World) -> str:
    world.warehouse.too_late = True
    case = await quoted(world)
    await case.decide("repair_choice", choose(RepairChoice.REPLACEMENT))
    await decide_refused(case, "cancel", CANCEL)
    await case.dispatch()
    return case.id


@scenario(REPAIR)
async def cancelled_by_operations(world: World) -> str:
    case = await quoted(world)
    await cancel_in_temporal(case)
    return case.id


@scenario(REPAIR, closes=False)
async def open_with_a_quote(world: World) -> str:
    return (await quoted(world)).id


@scenario(MAINTENANCE)
async def serviced(world: World) -> str:
    case = await world.open(world.maintenance())
    await case.arrive()
    await case.decide("completion", DONE)
    return case.id


@scenario(MAINTENANCE)
async def more_was_found(world: World) -> str:
    case = await world.open(world.maintenance())
    await case.arrive()
    await case.decide("repair_quote", QUOTE)
    await case.decide("repair_choice", choose(RepairChoice.PAID_REPAIR))
    await case.decide("completion", DONE)
    return case.id


@scenario(MAINTENANCE)
async def code_refused(world: World) -> str:
    return await submit_refused(world, world.maintenance("MNT-OTHER"))


def entitlements(result: PlanEnded | PlanRefused) -> Callable[..., Any]:
    @activity.defn
    async def end_plan(command: EndPlan) -> PlanEnded | PlanRefused:
        return result

    return end_plan


@activity.defn
async def note_refused_refund(command: NoteRefusedRefund) -> None: ...


async def given_back(world: World, result: PlanEnded | PlanRefused) -> str:
    refund_id = f"rfd_{uuid.uuid4().hex[:16]}"
    command = RefundPlan(refund_id=refund_id, plan_id="pln_1", serial_number="SN1")
    world.payments.charges["pln_1:price"] = PRICE
    activities: list[Callable[..., Any]] = [entitlements(result), note_refused_refund, world.payments.refund_payment]
    async with Worker(world.client, task_queue=world.task_queue, workflows=[PlanRefund], activities=activities):
        await world.client.execute_workflow(PlanRefund.run, command, id=refund_id, task_queue=world.task_queue)
    return refund_id


@scenario("PlanRefund", worker=False)
async def refunded(world: World) -> str:
    ended_at = datetime(2026, 11, 23, tzinfo=UTC)
    return await given_back(world, PlanEnded(plan_id="pln_1", price=PRICE, payment_id="pln_1:price", ended_at=ended_at))


@scenario("PlanRefund", worker=False)
async def refund_refused(world: World) -> str:
    world.payments.refuses["refund"] = "captured"
    ended_at = datetime(2026, 11, 23, tzinfo=UTC)
    return await given_back(world, PlanEnded(plan_id="pln_1", price=PRICE, payment_id="pln_1:price", ended_at=ended_at))


@scenario("PlanRefund", worker=False)
async def not_given_back(world: World) -> str:
    reason = Reason(ReasonCode.PLAN_USED, "R-CAN-1", "A replacement of this plan has been used.")
    return await given_back(world, PlanRefused(reasons=(reason,)))


async def reminded(world: World, pages: int) -> str:
    run_id = f"rem_{uuid.uuid4().hex[:16]}"
    renewals = FakeRenewals(pages)
    async with Worker(
        world.client,
        task_queue=world.task_queue,
        workflows=[RenewalReminders],
        activities=[renewals.remind_page],
    ):
        command = RemindRegion(region="AU", as_of=date(2026, 11, 23))
        await world.client.execute_workflow(RenewalReminders.run, command, id=run_id, task_queue=world.task_queue)
    return run_id


@scenario("RenewalReminders", worker=False)
async def one_page(world: World) -> str:
    return await reminded(world, 1)


@scenario("RenewalReminders", worker=False)
async def three_pages(world: World) -> str:
    return await reminded(world, 3)
