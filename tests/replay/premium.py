"""Every way a Premium claim can go."""

import asyncio
from datetime import timedelta

from domain.kinds import Component, PartsChoice
from domain.policy import Policy
from messages.claims import (
    CancelClaim,
    ChangePaymentMethod,
    ChooseParts,
    Decide,
    Dispatch,
    ExtendReturn,
    MailFailed,
    ParcelArrived,
    QuotedAmounts,
    Waive,
)
from messages.record import SerialIdentified
from tests.fakes.record import usd
from tests.replay.stories import by_operations, declined, fresh_event, in_vain, nobody_home, premium, refused, story
from tests.workflows.conftest import WITHOUT_BATTERY, Case, World

KIND = "CareExpressPremium"
NO_RENEWAL = ("renewal", "pm_card_visa")
SAME_CARD = ChangePaymentMethod(actor="customer", payment_method="pm_card_visa")
OTHER_CARD = ChangePaymentMethod(actor="customer", payment_method="pm_card_amex")
NO_PROPELLERS = (Component.AIRCRAFT, Component.GIMBAL_CAMERA)
HARDLY_ANYTHING = (Component.AIRCRAFT,)
WAIVE = Waive(actor="staff", reason="goodwill")
CANCEL = CancelClaim(actor="customer", reason="found a spare")


async def good_box(case: Case) -> str:
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    return case.id


async def default_over(case: Case) -> str:
    """Nothing came: the charge stands, and so does it when it can be disputed no more."""
    await case.pass_due()
    await case.pass_time(days=11)
    await case.pass_time(days=31)
    return case.id


@story(KIND)
async def good_return(world: World) -> str:
    case = await world.shipped()
    await case.pass_time(days=5)
    await case.scan()
    await case.pass_time(days=3)
    return await good_box(case)


@story(KIND, closes=False)
async def open_in_the_window(world: World) -> str:
    case = await world.shipped()
    await case.pass_time(days=12)
    return case.id


@story(KIND, closes=False)
async def open_before_dispatch(world: World) -> str:
    return (await world.open(premium(world))).id


@story(KIND)
async def nothing_returned(world: World) -> str:
    return await default_over(await world.shipped())


@story(KIND)
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


@story(KIND)
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


@story(KIND, policy=Policy(cure_days=0))
async def wrong_box_without_a_cure(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    await case.inspect(genuine=False)
    return await good_box(case)


@story(KIND)
async def battery_follows(world: World) -> str:
    case = await world.shipped(replace_battery=True)
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    await case.arrive()
    await case.inspect(serial="", components=(Component.BATTERY,))
    return case.id


@story(KIND)
async def parts_never_sent(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    claim = await case.inspect(components=NO_PROPELLERS)
    assert claim.deadline
    await case.pass_until(claim.deadline + timedelta(seconds=2))
    await case.pass_time(days=31)
    return case.id


@story(KIND)
async def parts_paid(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    await case.inspect(components=NO_PROPELLERS)
    await case.decide("parts_choice", ChooseParts(actor="customer", choice=PartsChoice.PAY))
    await case.pass_time(days=31)
    return case.id


@story(KIND)
async def parts_sent(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    await case.inspect(components=NO_PROPELLERS)
    await case.decide("parts_choice", ChooseParts(actor="customer", choice=PartsChoice.SEND))
    await case.arrive()
    await case.inspect(serial="", components=(Component.PROPELLERS,))
    return case.id


@story(KIND, policy=Policy(parts_days=0))
async def parts_charged_at_once(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    await case.inspect(components=HARDLY_ANYTHING)
    await case.decide("waiver", WAIVE)
    return case.id


@story(KIND, hold_days=7)
async def parts_off_a_card_that_declines(world: World) -> str:
    world.payments.declines |= {NO_RENEWAL, ("parts_charges", "pm_card_visa")}
    case = await world.shipped()
    await case.pass_time(days=9)
    await case.arrive()
    await case.inspect(components=NO_PROPELLERS)
    await case.decide("parts_choice", ChooseParts(actor="customer", choice=PartsChoice.PAY))
    await case.pass_time(days=31)
    await case.decide("payment_method", OTHER_CARD)
    return case.id


@story(KIND)
async def late_return(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    await case.pass_time(days=4)
    return await good_box(case)


@story(KIND, policy=Policy(late_fee=2500))
async def late_return_less_fee_and_parts(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    await case.arrive()
    await case.inspect(components=NO_PROPELLERS)
    return case.id


@story(KIND)
async def late_return_of_the_wrong_unit(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    await case.arrive()
    await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    return await good_box(case)


@story(KIND, policy=Policy(late_fee=2500))
async def arrival_keyed_in_late(world: World) -> str:
    case = await world.shipped()
    returning = (await case.pass_due()).returning
    assert returning
    await case.arrive(at=returning.due_at, reason="found at the gate")
    await case.inspect(components=WITHOUT_BATTERY)
    return case.id


@story(KIND)
async def carried_in_time(world: World) -> str:
    case = await world.shipped()
    await case.pass_time(days=9)
    await case.scan()
    await case.pass_due()
    await case.pass_time(days=4)
    return await good_box(case)


@story(KIND)
async def lost_in_transit(world: World) -> str:
    case = await world.shipped()
    returning = (await case.scan()).returning
    assert returning
    await case.pass_until(returning.carried_until + timedelta(seconds=3))
    await case.decide("waiver", WAIVE)
    return case.id


@story(KIND)
async def extended(world: World) -> str:
    case = await world.shipped()
    await case.decide("extension", ExtendReturn(actor="staff", days=3, reason="ill"))
    await case.pass_time(days=15)
    return await good_box(case)


@story(KIND, hold_days=7)
async def extension_beyond_the_hold(world: World) -> str:
    world.payments.declines.add(NO_RENEWAL)
    case = await world.shipped()
    await case.pass_time(days=6)
    await in_vain(case, "extension", ExtendReturn(actor="staff", days=7, reason="?"))
    return await good_box(case)


@story(KIND)
async def waived_in_the_window(world: World) -> str:
    case = await world.shipped()
    await case.decide("waiver", WAIVE)
    return case.id


@story(KIND)
async def waived_after_the_charge(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    await case.decide("waiver", WAIVE)
    return case.id


@story(KIND)
async def waived_after_closing(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    await case.pass_time(days=12)
    await case.arrive()
    await case.decide("waiver", WAIVE)
    return case.id


@story(KIND)
async def cancelled_before_dispatch(world: World) -> str:
    case = await world.open(premium(world))
    await case.decide("cancel", CANCEL)
    return case.id


@story(KIND)
async def hold_declined(world: World) -> str:
    world.payments.declines.add(("hold", "pm_card_visa"))
    return await declined(world, premium(world))


@story(KIND)
async def fee_declined(world: World) -> str:
    world.payments.declines.add(("service_fees", "pm_card_visa"))
    return await declined(world, premium(world))


@story(KIND)
async def refused_at_once(world: World) -> str:
    return await refused(world, premium(world, payment_method="pm_card_visa_debit", accepted_terms=False))


@story(KIND)
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


@story(KIND)
async def swapped_boxes_charged_by_staff(world: World) -> str:
    case = await swapped(world, ours=True)
    await case.decide("decision", Decide(actor="staff", approve=True, reason="looked into it"))
    return await good_box(case)


@story(KIND)
async def swapped_boxes_let_go(world: World) -> str:
    case = await swapped(world, ours=True)
    await in_vain(case, "decision", Decide(actor="staff", approve=False))
    await case.decide("decision", Decide(actor="staff", approve=False, reason="looked into it"))
    return case.id


@story(KIND)
async def somebody_elses_unit(world: World) -> str:
    return await good_box(await swapped(world, ours=False))


@story(KIND, hold_days=7)
async def lapsed_hold_charged_to_the_card(world: World) -> str:
    world.payments.declines.add(NO_RENEWAL)
    case = await world.shipped()
    await case.pass_due()
    return await good_box(case)


@story(KIND, hold_days=7)
async def lapsed_hold_of_a_good_return(world: World) -> str:
    world.payments.declines.add(NO_RENEWAL)
    case = await world.shipped()
    await case.pass_time(days=9)
    return await good_box(case)


@story(KIND, hold_days=7)
async def owed_and_brought_back(world: World) -> str:
    world.payments.declines |= {NO_RENEWAL, ("default_charges", "pm_card_visa")}
    case = await world.shipped()
    await case.pass_due()
    return await good_box(case)


@story(KIND, hold_days=7)
async def owed_to_the_end(world: World) -> str:
    world.payments.declines |= {NO_RENEWAL, ("default_charges", "pm_card_visa")}
    case = await world.shipped()
    await case.pass_time(days=80)
    await in_vain(case, "payment_method", SAME_CARD)
    await case.decide("payment_method", OTHER_CARD)
    return case.id


@story(KIND, hold_days=7)
async def hold_renewed(world: World) -> str:
    case = await world.shipped()
    await case.pass_time(days=13)
    return await good_box(case)


@story(KIND, hold_days=7)
async def renewal_declined_softly(world: World) -> str:
    world.payments.soft_declines = 2
    case = await world.shipped()
    await case.pass_time(days=9)
    return await good_box(case)


@story(KIND, hold_days=7)
async def another_card_bears_the_hold(world: World) -> str:
    world.payments.declines.add(NO_RENEWAL)
    case = await world.shipped()
    await case.pass_time(days=6)
    await in_vain(case, "payment_method", SAME_CARD)
    await case.decide("payment_method", OTHER_CARD)
    return await good_box(case)


@story(KIND)
async def parcel_before_dispatch(world: World) -> str:
    case = await world.open(premium(world))
    await case.arrive(event_id="gate-1")
    await case.arrive(event_id="gate-1")
    await case.dispatch()
    await case.claim()
    await case.inspect(components=WITHOUT_BATTERY)
    return case.id


@story(KIND)
async def parcel_before_a_cancel(world: World) -> str:
    case = await world.open(premium(world))
    await case.arrive()
    await case.decide("cancel", CANCEL)
    return case.id


@story(KIND)
async def second_parcel_during_inspection(world: World) -> str:
    case = await world.shipped(replace_battery=True)
    await case.arrive()
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    await case.claim()
    await case.inspect(serial="", components=(Component.BATTERY,))
    return case.id


@story(KIND)
async def known_unit_dispatched(world: World) -> str:
    case = await world.open(premium(world))
    taken = Dispatch(actor="warehouse", replacement_serial_number="TAKEN")
    await in_vain(case, "dispatch", taken)
    await case.dispatch()
    return await good_box(case)


@story(KIND)
async def scan_during_inspection(world: World) -> str:
    case = await world.shipped()
    await case.arrive()
    await case.scan()
    await case.pass_time(days=4)
    await case.inspect(components=WITHOUT_BATTERY)
    return case.id


@story(KIND)
async def a_notice_was_given_up(world: World) -> str:
    case = await world.shipped()
    event = MailFailed(event_id=fresh_event(), actor="system", kind="shipped", occurrence=1, reason="no such mailbox")
    await case.handle.signal("mail_failed", event)
    return await good_box(case)


@story(KIND)
async def answers_lost(world: World) -> str:
    world.payments.lost_answers["capture"] = 1
    case = await world.shipped()
    await case.pass_due()
    return await good_box(case)


@story(KIND)
async def answer_unknown(world: World) -> str:
    case = await world.shipped()
    world.payments.silent.add("capture")
    returning = (await case.claim()).returning
    assert returning
    await world.skipper.fast_forward(case.handle, returning.due_at + timedelta(minutes=30) - await case.now())
    world.payments.silent.clear()
    await case.pass_time(hours=3)
    return await good_box(case)


@story(KIND)
async def cancelled_by_operations_before_dispatch(world: World) -> str:
    return await by_operations(await world.open(premium(world)))


@story(KIND)
async def cancelled_by_operations_after_dispatch(world: World) -> str:
    return await by_operations(await world.shipped())


@story(KIND)
async def cancelled_by_operations_after_the_charge(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    return await by_operations(case)


@story(KIND)
async def cancelled_by_operations_after_closing(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    await case.pass_time(days=12)
    return await by_operations(case)


@story(KIND)
async def cancelled_by_operations_during_the_hold(world: World) -> str:
    world.payments.lost_answers["authorize"] = 2
    ask = premium(world)
    submission = asyncio.create_task(world.submit(ask))
    while not any(key.endswith(":authorize:0") for key in world.payments.calls):
        await asyncio.sleep(0.01)
    await world.handle(ask.claim_id).cancel()
    await submission
    return str(ask.claim_id)


@story(KIND)
async def cancelled_by_operations_during_the_capture(world: World) -> str:
    case = await world.shipped()
    world.payments.lost_answers["capture"] = 3
    returning = (await case.claim()).returning
    assert returning
    await case.pass_until(returning.due_at - timedelta(seconds=3))
    await world.skipper.fast_forward(case.handle, timedelta(seconds=5))
    await case.handle.cancel()
    return case.id


@story(KIND)
async def parts_beyond_a_quoted_hold(world: World) -> str:
    quote = QuotedAmounts(quote_id="q-1", valid=True, fee=usd(15900), hold=usd(50000), window_days=14)
    case = await world.shipped(quote=quote)
    await case.arrive()
    await case.inspect(components=HARDLY_ANYTHING)
    await case.decide("parts_choice", ChooseParts(actor="customer", choice=PartsChoice.PAY))
    await case.decide("waiver", WAIVE)
    return case.id


@story(KIND)
async def decided_twice_at_once(world: World) -> str:
    """Both are accepted while the worker is busy with the first; the second is answered by the closed claim."""
    world.payments.lost_answers["release"] = 1
    case = await world.shipped()
    first = asyncio.create_task(case.decide("waiver", WAIVE))
    while not any(key.endswith(":release:0") for key in world.payments.calls):
        await asyncio.sleep(0.01)
    await in_vain(case, "waiver", WAIVE)
    await first
    return case.id


@story(KIND, worker=False)
async def worker_down_over_the_deadline(world: World) -> str:
    async with world.worker():
        case = await world.shipped()
        returning = (await case.claim()).returning
        assert returning
        await case.pass_until(returning.due_at - timedelta(minutes=10))
    await nobody_home(case, timedelta(hours=1))
    late = returning.due_at + timedelta(seconds=1)
    event = ParcelArrived(event_id=fresh_event(), actor="warehouse", arrived_at=late)
    await case.handle.signal("arrival", event)
    async with world.worker():
        await case.claim()
        await case.inspect(components=WITHOUT_BATTERY)
        await case.handle.result()
    return case.id
