"""Every way a Standard claim can go."""

from datetime import timedelta

from domain.kinds import Component, PartsChoice
from domain.policy import Policy
from messages.claims import CancelClaim, ChooseParts, Dispatch
from messages.record import SerialIdentified
from tests.replay.scenario import (
    cancel_in_temporal,
    decide_refused,
    scenario,
    standard,
    submit_declined,
    submit_refused,
)
from tests.workflows.case import WITHOUT_BATTERY, Case
from tests.workflows.world import World

WORKFLOW = "CareExpressStandard"
NO_PROPELLERS = (Component.AIRCRAFT, Component.GIMBAL_CAMERA)
PAY = ChooseParts(actor="customer", choice=PartsChoice.PAY)
CANCEL = CancelClaim(actor="customer")


async def passed(world: World) -> Case:
    """A claim whose unit is right, so that the replacement can leave."""
    case = await world.open(standard(world))
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    return case


async def incomplete(world: World) -> Case:
    case = await world.open(standard(world))
    await case.arrive()
    await case.inspect(components=NO_PROPELLERS)
    return case


@scenario(WORKFLOW)
async def replaced(world: World) -> str:
    case = await passed(world)
    await case.dispatch()
    return case.id


@scenario(WORKFLOW, closes=False)
async def open_before_the_unit(world: World) -> str:
    return (await world.open(standard(world))).id


@scenario(WORKFLOW)
async def nothing_sent(world: World) -> str:
    case = await world.open(standard(world))
    await case.pass_due()
    return case.id


@scenario(WORKFLOW)
async def on_its_way_in_time(world: World) -> str:
    case = await world.open(standard(world))
    await case.pass_time(days=28)
    await case.scan()
    await case.pass_due()
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    await case.dispatch()
    return case.id


@scenario(WORKFLOW)
async def wrong_unit_never_put_right(world: World) -> str:
    case = await world.open(standard(world))
    await case.pass_time(days=29)
    await case.arrive()
    claim = await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    assert claim.deadline
    await case.pass_until(claim.deadline + timedelta(seconds=2))
    return case.id


@scenario(WORKFLOW)
async def wrong_unit_put_right(world: World) -> str:
    world.record.known_serials["SN9"] = SerialIdentified(known=True)
    case = await world.open(standard(world))
    await case.arrive()
    await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    await case.scan()
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    await case.dispatch()
    return case.id


@scenario(WORKFLOW, policy=Policy(cure_days=0))
async def wrong_unit_without_a_cure(world: World) -> str:
    case = await world.open(standard(world))
    await case.arrive()
    await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    return case.id


@scenario(WORKFLOW)
async def parts_paid(world: World) -> str:
    case = await incomplete(world)
    await case.decide("parts_choice", PAY)
    await case.dispatch()
    return case.id


@scenario(WORKFLOW)
async def parts_declined_then_sent(world: World) -> str:
    world.payments.declines.add(("parts_charges", "pm_card_visa"))
    case = await incomplete(world)
    await decide_refused(case, "parts_choice", PAY)
    await case.decide("parts_choice", ChooseParts(actor="customer", choice=PartsChoice.SEND))
    await case.arrive()
    await case.inspect(serial="", components=(Component.PROPELLERS,))
    await case.dispatch()
    return case.id


@scenario(WORKFLOW)
async def parts_never_sent(world: World) -> str:
    case = await incomplete(world)
    claim = await case.claim()
    assert claim.deadline
    await case.pass_until(claim.deadline + timedelta(seconds=2))
    return case.id


@scenario(WORKFLOW, policy=Policy(parts_days=0))
async def parts_without_time_to_send(world: World) -> str:
    return (await incomplete(world)).id


@scenario(WORKFLOW)
async def cancelled_with_the_unit_here(world: World) -> str:
    case = await incomplete(world)
    await case.decide("cancel", CANCEL)
    return case.id


@scenario(WORKFLOW)
async def cancelled_before_dispatch(world: World) -> str:
    case = await passed(world)
    await case.decide("cancel", CANCEL)
    return case.id


@scenario(WORKFLOW)
async def fee_declined(world: World) -> str:
    world.payments.declines.add(("service_fees", "pm_card_visa"))
    return await submit_declined(world, standard(world))


@scenario(WORKFLOW)
async def refused_at_once(world: World) -> str:
    return await submit_refused(world, standard(world, accepted_terms=False))


@scenario(WORKFLOW)
async def unclear_serial_and_a_second_parcel(world: World) -> str:
    case = await world.open(standard(world))
    await case.arrive()
    await case.arrive()
    await case.inspect(serial="", components=WITHOUT_BATTERY)
    await case.pass_time(days=4)
    await case.inspect(components=WITHOUT_BATTERY)
    await case.scan()
    await case.dispatch()
    return case.id


@scenario(WORKFLOW)
async def known_unit_dispatched(world: World) -> str:
    case = await passed(world)
    await decide_refused(case, "dispatch", Dispatch(actor="warehouse", replacement_serial_number="TAKEN"))
    await case.dispatch()
    return case.id


@scenario(WORKFLOW)
async def cancelled_by_operations(world: World) -> str:
    return await cancel_in_temporal(await passed(world))


@scenario(WORKFLOW)
async def cancelled_too_late(world: World) -> str:
    world.warehouse.too_late = True
    case = await passed(world)
    await decide_refused(case, "cancel", CANCEL)
    await case.dispatch()
    return case.id
