"""Premium claims: cancelled, waived, returned in time; complete or not, the right unit or another."""

from datetime import timedelta

from domain.kinds import Component, PartsChoice
from domain.policy import Policy
from messages.claims import (
    ChooseParts,
    Decide,
    Dispatch,
    ExtendReturn,
)
from messages.quoted_amounts import QuotedAmounts
from messages.record import SerialIdentified
from tests.fakes.record import usd
from tests.replay.premium_claims import CANCEL, HARDLY_ANYTHING, NO_PROPELLERS, WAIVE, WORKFLOW, good_box
from tests.replay.scenario import decide_refused, premium, scenario, submit_declined, submit_refused
from tests.workflows.case import WITHOUT_BATTERY, Case
from tests.workflows.world import World


@scenario(WORKFLOW)
async def good_return(world: World) -> str:
    case = await world.shipped()
    await case.pass_time(days=5)
    await case.scan()
    await case.pass_time(days=3)
    return await good_box(case)


@scenario(WORKFLOW, closes=False)
async def open_in_the_window(world: World) -> str:
    case = await world.shipped()
    await case.pass_time(days=12)
    return case.id


@scenario(WORKFLOW, closes=False)
async def open_before_dispatch(world: World) -> str:
    return (await world.open(premium(world))).id


@scenario(WORKFLOW)
async def wrong_serial_never_put_right(world: World) -> str:
    case = await world.shipped()
    await case.pass_time(days=13)
    await case.arrive()
    claim = await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    assert claim.deadline
    await case.pass_until(claim.deadline + timedelta(seconds=2))
    await case.pass_time(days=11)
    await case.pass_time(days=31)
    return case.id


@scenario(WORKFLOW)
async def wrong_serial_put_right(world: World) -> str:
    case = await world.shipped()
    await case.pass_time(days=14)
    await case.arrive()
    await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    await case.pass_time(days=1)
    await case.arrive()
    await case.inspect(serial="SN8", components=WITHOUT_BATTERY)
    await case.scan()
    await case.pass_time(days=5)
    return await good_box(case)


@scenario(WORKFLOW, policy=Policy(cure_days=0))
async def wrong_box_without_a_cure(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    await case.inspect(genuine=False)
    return await good_box(case)


@scenario(WORKFLOW)
async def battery_follows(world: World) -> str:
    case = await world.shipped(replace_battery=True)
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    await case.arrive()
    await case.inspect(serial="", components=(Component.BATTERY,))
    return case.id


@scenario(WORKFLOW)
async def parts_never_sent(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    claim = await case.inspect(components=NO_PROPELLERS)
    assert claim.deadline
    await case.pass_until(claim.deadline + timedelta(seconds=2))
    await case.pass_time(days=31)
    return case.id


@scenario(WORKFLOW)
async def parts_paid(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    await case.inspect(components=NO_PROPELLERS)
    await case.decide("parts_choice", ChooseParts(actor="customer", choice=PartsChoice.PAY))
    await case.pass_time(days=31)
    return case.id


@scenario(WORKFLOW)
async def parts_sent(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    await case.inspect(components=NO_PROPELLERS)
    await case.decide("parts_choice", ChooseParts(actor="customer", choice=PartsChoice.SEND))
    await case.arrive()
    await case.inspect(serial="", components=(Component.PROPELLERS,))
    return case.id


@scenario(WORKFLOW)
async def parts_of_another_make(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    await case.inspect(components=NO_PROPELLERS)
    await case.arrive()
    await case.inspect(serial="", components=(Component.PROPELLERS,), genuine=False)
    await case.arrive()
    await case.inspect(serial="", components=(Component.PROPELLERS,))
    return case.id


@scenario(WORKFLOW, policy=Policy(parts_days=0))
async def parts_charged_at_once(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    await case.inspect(components=HARDLY_ANYTHING)
    await case.decide("waiver", WAIVE)
    return case.id


@scenario(WORKFLOW)
async def extended(world: World) -> str:
    case = await world.shipped()
    await case.decide("extension", ExtendReturn(actor="staff", days=3, reason="ill"))
    await case.pass_time(days=15)
    return await good_box(case)


@scenario(WORKFLOW)
async def waived_in_the_window(world: World) -> str:
    case = await world.shipped()
    await case.decide("waiver", WAIVE)
    return case.id


@scenario(WORKFLOW)
async def cancelled_before_dispatch(world: World) -> str:
    case = await world.open(premium(world))
    await case.decide("cancel", CANCEL)
    return case.id


@scenario(WORKFLOW)
async def hold_declined(world: World) -> str:
    world.payments.declines.add(("hold", "pm_card_visa"))
    return await submit_declined(world, premium(world))


@scenario(WORKFLOW)
async def fee_declined(world: World) -> str:
    world.payments.declines.add(("service_fees", "pm_card_visa"))
    return await submit_declined(world, premium(world))


@scenario(WORKFLOW)
async def refused_at_once(world: World) -> str:
    return await submit_refused(world, premium(world, payment_method="pm_card_visa_debit", accepted_terms=False))


@scenario(WORKFLOW)
async def unclear_serial(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    await case.inspect(serial="", components=WITHOUT_BATTERY)
    await case.pass_time(days=20)
    await case.inspect(components=WITHOUT_BATTERY)
    return case.id


async def swapped(world: World, *, ours: bool) -> Case:
    open_claim = "clm_other" if ours else None
    world.record.known_serials["SN7"] = SerialIdentified(known=True, same_owner=ours, open_claim_id=open_claim)
    case = await world.shipped()
    await case.arrive()
    claim = await case.inspect(serial="SN7", components=WITHOUT_BATTERY)
    assert claim.deadline
    await case.pass_until(claim.deadline + timedelta(seconds=2))
    return case


@scenario(WORKFLOW)
async def swapped_boxes_charged_by_staff(world: World) -> str:
    case = await swapped(world, ours=True)
    await case.decide("decision", Decide(actor="staff", approve=True, reason="looked into it"))
    return await good_box(case)


@scenario(WORKFLOW)
async def swapped_boxes_let_go(world: World) -> str:
    case = await swapped(world, ours=True)
    await decide_refused(case, "decision", Decide(actor="staff", approve=False))
    await case.decide("decision", Decide(actor="staff", approve=False, reason="looked into it"))
    return case.id


@scenario(WORKFLOW)
async def somebody_elses_unit(world: World) -> str:
    return await good_box(await swapped(world, ours=False))


@scenario(WORKFLOW)
async def parcel_before_dispatch(world: World) -> str:
    case = await world.open(premium(world))
    await case.arrive(event_id="gate-1")
    await case.arrive(event_id="gate-1")
    await case.dispatch()
    await case.claim()
    await case.inspect(components=WITHOUT_BATTERY)
    return case.id


@scenario(WORKFLOW)
async def parcel_before_a_cancel(world: World) -> str:
    case = await world.open(premium(world))
    await case.arrive()
    await case.decide("cancel", CANCEL)
    return case.id


@scenario(WORKFLOW)
async def second_parcel_during_inspection(world: World) -> str:
    case = await world.shipped(replace_battery=True)
    await case.arrive()
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    await case.claim()
    await case.inspect(serial="", components=(Component.BATTERY,))
    return case.id


@scenario(WORKFLOW)
async def known_unit_dispatched(world: World) -> str:
    case = await world.open(premium(world))
    taken = Dispatch(actor="warehouse", replacement_serial_number="TAKEN")
    await decide_refused(case, "dispatch", taken)
    await case.dispatch()
    return await good_box(case)


@scenario(WORKFLOW)
async def scan_during_inspection(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    await case.scan()
    await case.pass_time(days=4)
    await case.inspect(components=WITHOUT_BATTERY)
    return case.id


@scenario(WORKFLOW)
async def parts_beyond_a_quoted_hold(world: World) -> str:
    quote = QuotedAmounts(quote_id="q-1", valid=True, fee=usd(15900), hold=usd(50000), window_days=14)
    case = await world.shipped(quote=quote)
    await case.arrive()
    await case.inspect(components=HARDLY_ANYTHING)
    await case.decide("parts_choice", ChooseParts(actor="customer", choice=PartsChoice.PAY))
    await case.decide("waiver", WAIVE)
    return case.id


@scenario(WORKFLOW)
async def products_barcode_read(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    await case.inspect("4006381333931", components=WITHOUT_BATTERY)
    await case.inspect(components=WITHOUT_BATTERY)
    return case.id
