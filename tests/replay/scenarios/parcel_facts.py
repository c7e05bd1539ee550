"""Premium claims: what carriers and the warehouse tell late, or in another order."""

import uuid
from datetime import timedelta

from domain.dates import whole_second
from domain.policy import Policy
from messages.claims import Decide, ParcelDelivered, UndoReplacement
from tests.replay.premium_claims import WAIVE, WORKFLOW, good_box
from tests.replay.scenario import scenario
from tests.workflows.case import Case
from tests.workflows.world import World


async def _delivered(case: Case) -> None:
    at = whole_second(await case.now())
    event = ParcelDelivered(
        event_id=str(uuid.uuid4()), actor="carrier:ups", carrier="ups", tracking_number="1Z9", delivered_at=at
    )
    await case.handle.signal("delivery", event)


@scenario(WORKFLOW)
async def scanned_in_time_told_after_the_charge(world: World) -> str:
    case = await world.shipped()
    returning = (await case.pass_due()).returning
    assert returning
    await case.pass_time(hours=20)
    await case.scan(returning.due_at - timedelta(hours=30))
    await case.pass_time(days=1)
    return await good_box(case)


@scenario(WORKFLOW)
async def delivered_and_not_booked(world: World) -> str:
    case = await world.shipped()
    await _delivered(case)
    await case.pass_due()
    await case.pass_time(days=8)
    return await good_box(case)


@scenario(WORKFLOW)
async def delivered_after_the_charge(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    await _delivered(case)
    await case.pass_time(days=12)
    await case.decide("decision", Decide(actor="staff", approve=True, reason="never found"))
    await case.pass_time(days=31)
    return case.id


@scenario(WORKFLOW)
async def inspected_after_the_end(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    await case.pass_time(days=12)
    await case.arrive()
    await case.pass_time(days=40)
    await case.inspect()
    await case.decide("waiver", WAIVE)
    return case.id


@scenario(WORKFLOW)
async def new_unit_came_back(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    await case.inspect(serial="SN2")
    await case.pass_time(days=20)
    return await good_box(case)


@scenario(WORKFLOW)
async def replacement_undone(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    await case.inspect(serial="SN2")
    await case.pass_time(days=20)
    await case.decide("replacement_undo", UndoReplacement(actor="staff", reason="keeps the original"))
    return case.id


@scenario(WORKFLOW, policy=Policy(cure_days=0))
async def new_unit_came_back_without_a_cure(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    await case.inspect(serial="SN2")
    return await good_box(case)


@scenario(WORKFLOW)
async def replacement_undone_after_the_charge(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    await case.arrive()
    await case.inspect(serial="SN2")
    await case.decide("replacement_undo", UndoReplacement(actor="staff", reason="keeps the original"))
    return case.id


@scenario(WORKFLOW)
async def two_parcels_at_the_end(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    return await good_box(case)
