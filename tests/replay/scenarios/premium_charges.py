"""Premium claims: returned late or never, charged, owed, held again."""

from datetime import timedelta

from domain.kinds import PartsChoice
from domain.policy import Policy
from messages.claims import (
    ChooseParts,
    ExtendReturn,
)
from tests.replay.premium_claims import (
    NO_PROPELLERS,
    NO_RENEWAL,
    OTHER_CARD,
    SAME_CARD,
    WAIVE,
    WORKFLOW,
    default_over,
    good_box,
)
from tests.replay.scenario import cancel_in_temporal, decide_refused, scenario
from tests.workflows.case import WITHOUT_BATTERY
from tests.workflows.world import World


@scenario(WORKFLOW)
async def nothing_returned(world: World) -> str:
    return await default_over(await world.shipped())


@scenario(WORKFLOW, hold_days=7)
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


@scenario(WORKFLOW)
async def late_return(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    await case.pass_time(days=4)
    return await good_box(case)


@scenario(WORKFLOW, policy=Policy(late_fee=2500))
async def late_return_less_fee_and_parts(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    await case.arrive()
    await case.inspect(components=NO_PROPELLERS)
    return case.id


@scenario(WORKFLOW)
async def late_return_of_the_wrong_unit(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    await case.arrive()
    await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    return await good_box(case)


@scenario(WORKFLOW, policy=Policy(late_fee=2500))
async def arrival_keyed_in_late(world: World) -> str:
    case = await world.shipped()
    returning = (await case.pass_due()).returning
    assert returning
    await case.arrive(at=returning.due_at, reason="found at the gate")
    await case.inspect(components=WITHOUT_BATTERY)
    return case.id


@scenario(WORKFLOW)
async def carried_in_time(world: World) -> str:
    case = await world.shipped()
    await case.pass_time(days=9)
    await case.scan()
    await case.pass_due()
    await case.pass_time(days=4)
    return await good_box(case)


@scenario(WORKFLOW)
async def lost_in_transit(world: World) -> str:
    case = await world.shipped()
    returning = (await case.scan()).returning
    assert returning
    await case.pass_until(returning.carried_until + timedelta(seconds=3))
    await case.decide("waiver", WAIVE)
    return case.id


@scenario(WORKFLOW, hold_days=7)
async def extension_beyond_the_hold(world: World) -> str:
    world.payments.declines.add(NO_RENEWAL)
    case = await world.shipped()
    await case.pass_time(days=6)
    await decide_refused(case, "extension", ExtendReturn(actor="staff", days=7, reason="?"))
    return await good_box(case)


@scenario(WORKFLOW)
async def waived_after_the_charge(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    await case.decide("waiver", WAIVE)
    return case.id


@scenario(WORKFLOW)
async def waived_after_closing(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    await case.pass_time(days=12)
    await case.arrive()
    await case.decide("waiver", WAIVE)
    return case.id


@scenario(WORKFLOW, hold_days=7)
async def lapsed_hold_charged_to_the_card(world: World) -> str:
    world.payments.declines.add(NO_RENEWAL)
    case = await world.shipped()
    await case.pass_due()
    return await good_box(case)


@scenario(WORKFLOW, hold_days=7)
async def lapsed_hold_of_a_good_return(world: World) -> str:
    world.payments.declines.add(NO_RENEWAL)
    case = await world.shipped()
    await case.pass_time(days=9)
    return await good_box(case)


@scenario(WORKFLOW, hold_days=7, policy=Policy(late_fee=4_900))
async def owed_and_brought_back(world: World) -> str:
    world.payments.declines |= {NO_RENEWAL, ("default_charges", "pm_card_visa")}
    case = await world.shipped()
    await case.pass_due()
    await good_box(case)
    await case.decide("payment_method", OTHER_CARD)  # the late fee stays owed until it is paid
    return case.id


@scenario(WORKFLOW, hold_days=7)
async def owed_to_the_end(world: World) -> str:
    world.payments.declines |= {NO_RENEWAL, ("default_charges", "pm_card_visa")}
    case = await world.shipped()
    await case.pass_time(days=80)
    await decide_refused(case, "payment_method", SAME_CARD)
    await case.decide("payment_method", OTHER_CARD)
    return case.id


@scenario(WORKFLOW, hold_days=7)
async def hold_renewed(world: World) -> str:
    case = await world.shipped()
    await case.pass_time(days=13)
    return await good_box(case)


@scenario(WORKFLOW, hold_days=7)
async def renewal_declined_softly(world: World) -> str:
    world.payments.soft_declines = 2
    case = await world.shipped()
    await case.pass_time(days=9)
    return await good_box(case)


@scenario(WORKFLOW, hold_days=7)
async def another_card_bears_the_hold(world: World) -> str:
    world.payments.declines.add(NO_RENEWAL)
    case = await world.shipped()
    await case.pass_time(days=6)
    await decide_refused(case, "payment_method", SAME_CARD)
    await case.decide("payment_method", OTHER_CARD)
    return await good_box(case)


@scenario(WORKFLOW, hold_days=7)
async def cancelled_by_operations_while_owing(world: World) -> str:
    """What is owed stays payable; the claim ends when it is paid."""
    world.payments.declines |= {NO_RENEWAL, ("default_charges", "pm_card_visa")}
    case = await world.shipped()
    await case.pass_due()
    await cancel_in_temporal(case)
    await case.decide("payment_method", OTHER_CARD)
    return case.id
