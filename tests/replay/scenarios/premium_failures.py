"""Premium claims: responses of the gateway lost, no worker, cancelled in Temporal."""

import asyncio
from datetime import timedelta

from messages.claims import Decide, OwnerCorrected, ParcelArrived
from tests.replay.premium_claims import (
    WAIVE,
    WORKFLOW,
    good_box,
)
from tests.replay.scenario import (
    cancel_in_temporal,
    decide_refused,
    new_event_id,
    pass_time_without_worker,
    premium,
    scenario,
)
from tests.workflows.case import WITHOUT_BATTERY
from tests.workflows.world import World

APPROVE = Decide(actor="staff", approve=True, reason="reached by telephone")


@scenario(WORKFLOW)
async def a_notice_was_given_up(world: World) -> str:
    case = await world.shipped()
    await case.mail_failed("shipped")
    return await good_box(case)


@scenario(WORKFLOW)
async def nobody_was_reached(world: World) -> str:
    """The default is held back, and charged once staff have looked."""
    case = await world.shipped()
    await case.mail_failed("settlement")
    await case.mail_failed("shipped")
    await case.pass_due()
    await case.decide("decision", APPROVE)
    return await good_box(case)


@scenario(WORKFLOW)
async def the_address_was_corrected(world: World) -> str:
    """The mails that failed reach the corrected address, and the default is charged without staff."""
    case = await world.shipped()
    await case.mail_failed("shipped")
    corrected = OwnerCorrected(event_id=new_event_id(), actor="customer_service", mail_address=True)
    await case.handle.signal("owner_corrected", corrected)
    world.record.delivered.add("shipped")
    await case.pass_due()
    return await good_box(case)


@scenario(WORKFLOW)
async def answers_lost(world: World) -> str:
    world.payments.lost_responses["capture"] = 1
    case = await world.shipped()
    await case.pass_due()
    return await good_box(case)


@scenario(WORKFLOW)
async def answer_unknown(world: World) -> str:
    case = await world.shipped()
    world.payments.unresponsive.add("capture")
    returning = (await case.claim()).returning
    assert returning
    await world.skipper.fast_forward(case.handle, returning.due_at + timedelta(minutes=30) - await case.now())
    world.payments.unresponsive.clear()
    await case.pass_time(hours=3)
    return await good_box(case)


@scenario(WORKFLOW)
async def cancelled_by_operations_before_dispatch(world: World) -> str:
    return await cancel_in_temporal(await world.open(premium(world)))


@scenario(WORKFLOW)
async def cancelled_by_operations_after_dispatch(world: World) -> str:
    return await cancel_in_temporal(await world.shipped())


@scenario(WORKFLOW)
async def cancelled_by_operations_after_the_charge(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    return await cancel_in_temporal(case)


@scenario(WORKFLOW)
async def cancelled_by_operations_after_closing(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    await case.pass_time(days=12)
    return await cancel_in_temporal(case)


@scenario(WORKFLOW)
async def cancelled_by_operations_during_the_hold(world: World) -> str:
    world.payments.lost_responses["authorize"] = 2
    command = premium(world)
    submission = asyncio.create_task(world.submit(command))
    while not any(key.endswith(":authorize:0") for key in world.payments.calls):
        await asyncio.sleep(0.01)
    await world.handle(command.claim_id).cancel()
    await submission
    return str(command.claim_id)


@scenario(WORKFLOW)
async def cancelled_by_operations_during_the_capture(world: World) -> str:
    case = await world.shipped()
    world.payments.lost_responses["capture"] = 3
    returning = (await case.claim()).returning
    assert returning
    await case.pass_until(returning.due_at - timedelta(seconds=3))
    await world.skipper.fast_forward(case.handle, timedelta(seconds=5))
    await case.handle.cancel()
    return case.id


@scenario(WORKFLOW)
async def decided_twice_at_once(world: World) -> str:
    """Both are accepted while the worker is busy with the first; the closed claim rejects the second."""
    world.payments.lost_responses["release"] = 1
    case = await world.shipped()
    first = asyncio.create_task(case.decide("waiver", WAIVE))
    while not any(key.endswith(":release:0") for key in world.payments.calls):
        await asyncio.sleep(0.01)
    await decide_refused(case, "waiver", WAIVE)
    await first
    return case.id


@scenario(WORKFLOW, worker=False)
async def worker_down_over_the_deadline(world: World) -> str:
    async with world.worker():
        case = await world.shipped()
        returning = (await case.claim()).returning
        assert returning
        await case.pass_until(returning.due_at - timedelta(minutes=10))
    await pass_time_without_worker(case, timedelta(hours=1))
    late = returning.due_at + timedelta(seconds=1)
    event = ParcelArrived(event_id=new_event_id(), actor="warehouse", arrived_at=late)
    await case.handle.signal("arrival", event)
    async with world.worker():
        await case.claim()
        await case.inspect(components=WITHOUT_BATTERY)
        await case.handle.result()
    return case.id
