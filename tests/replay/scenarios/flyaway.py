"""Every way a flyaway claim can go."""

from datetime import timedelta

from messages.claims import CancelClaim, ChangePaymentMethod, Decide, Dispatch, ReportFound
from tests.replay.scenario import cancel_in_temporal, decide_refused, scenario, submit_refused
from tests.workflows.case import Case
from tests.workflows.world import World

WORKFLOW = "Flyaway"
APPROVE = Decide(actor="staff", approve=True)
FOUND = ReportFound(actor="customer")


async def approved(world: World) -> Case:
    case = await world.open(world.flyaway())
    await case.decide("decision", APPROVE)
    return case


async def unpaid(world: World) -> Case:
    world.payments.declines.add(("flyaway_fees", "pm_card_visa"))
    return await approved(world)


@scenario(WORKFLOW)
async def replaced(world: World) -> str:
    case = await approved(world)
    await case.dispatch()
    await case.pass_time(days=367)
    return case.id


@scenario(WORKFLOW, closes=False)
async def open_before_the_decision(world: World) -> str:
    return (await world.open(world.flyaway())).id


@scenario(WORKFLOW)
async def rejected(world: World) -> str:
    case = await world.open(world.flyaway())
    await decide_refused(case, "decision", Decide(actor="staff", approve=False))
    await case.decide("decision", Decide(actor="staff", approve=False, reason="no such flight"))
    return case.id


@scenario(WORKFLOW)
async def paid_with_another_card(world: World) -> str:
    case = await unpaid(world)
    await decide_refused(case, "payment_method", ChangePaymentMethod(actor="customer", payment_method="pm_card_visa"))
    await case.decide("payment_method", ChangePaymentMethod(actor="customer", payment_method="pm_card_amex"))
    await case.arrive()
    taken = Dispatch(actor="warehouse", replacement_serial_number="TAKEN")
    await decide_refused(case, "dispatch", taken)
    await case.dispatch()
    await case.decide("found", FOUND)
    return case.id


@scenario(WORKFLOW)
async def never_paid(world: World) -> str:
    case = await unpaid(world)
    claim = await case.claim()
    assert claim.deadline
    await case.pass_until(claim.deadline + timedelta(seconds=2))
    return case.id


@scenario(WORKFLOW)
async def found_before_the_decision(world: World) -> str:
    case = await world.open(world.flyaway())
    await case.decide("found", FOUND)
    return case.id


@scenario(WORKFLOW)
async def found_before_dispatch(world: World) -> str:
    case = await approved(world)
    await case.decide("found", FOUND)
    return case.id


@scenario(WORKFLOW)
async def found_after_dispatch(world: World) -> str:
    case = await approved(world)
    await case.dispatch()
    await case.pass_time(days=100)
    await case.decide("found", FOUND)
    return case.id


@scenario(WORKFLOW)
async def cancelled(world: World) -> str:
    case = await approved(world)
    await case.decide("cancel", CancelClaim(actor="customer"))
    return case.id


@scenario(WORKFLOW)
async def refused_at_once(world: World) -> str:
    return await submit_refused(world, world.flyaway(confirmed_unrecoverable=False))


@scenario(WORKFLOW)
async def cancelled_by_operations(world: World) -> str:
    return await cancel_in_temporal(await approved(world))


@scenario(WORKFLOW)
async def cancelled_by_operations_after_dispatch(world: World) -> str:
    case = await approved(world)
    await case.dispatch()
    return await cancel_in_temporal(case)


@scenario(WORKFLOW)
async def found_too_late(world: World) -> str:
    world.warehouse.too_late = True
    case = await approved(world)
    await decide_refused(case, "cancel", CancelClaim(actor="customer"))
    await case.decide("found", FOUND)
    await case.dispatch()
    return case.id
