"""Premium claims: the new unit comes back instead of the original and leaves again (R-EXP-10)."""

from datetime import timedelta

from messages.claims import ChangePaymentMethod, ResendReplacement, UndoReplacement
from tests.replay.premium_claims import WORKFLOW, good_box
from tests.replay.scenario import cancel_in_temporal, scenario
from tests.replay.scenarios.before_dispatch import LONG_WAIT
from tests.workflows.case import Case
from tests.workflows.world import World

RESEND = ResendReplacement(actor="staff", reason="sends the original")
UNDO = UndoReplacement(actor="staff", reason="keeps the original")


async def _came_back(world: World) -> Case:
    case = await world.shipped()
    await case.arrive()
    await case.inspect(serial="SN2")
    await case.decide("replacement_resend", RESEND)
    return case


@scenario(WORKFLOW)
async def replacement_sent_out_again(world: World) -> str:
    """Twice; the second time after the warehouse was overdue."""
    case = await _came_back(world)
    await case.dispatch()
    await case.pass_time(days=2)
    await case.arrive()
    await case.inspect(serial="SN2")
    await case.decide("replacement_resend", RESEND)
    await case.pass_time(days=9)
    await case.dispatch()
    return await good_box(case)


@scenario(WORKFLOW)
async def replacement_sent_out_again_after_the_charge(world: World) -> str:
    case = await world.shipped()
    await case.pass_due()
    await case.arrive()
    await case.inspect(serial="SN2")
    await case.decide("replacement_resend", RESEND)
    await case.pass_time(days=12)
    await case.dispatch()
    await case.pass_time(days=12)
    return await good_box(case)


@scenario(WORKFLOW, hold_days=7, policy=LONG_WAIT)
async def replacement_undone_while_it_waits(world: World) -> str:
    """No card is named after the hold has ended, then one is, and it is requested once more."""
    world.payments.declines.add(("renewal", "pm_card_visa"))
    case = await _came_back(world)
    asked = await case.pass_time(days=8)
    assert asked.deadline is not None
    await case.pass_until(asked.deadline + timedelta(seconds=2))
    await case.decide("payment_method", ChangePaymentMethod(actor="customer", payment_method="pm_card_amex"))
    await case.decide("replacement_resend", RESEND)
    await case.decide("replacement_undo", UNDO)
    return case.id


@scenario(WORKFLOW)
async def cancelled_by_operations_while_it_waits(world: World) -> str:
    return await cancel_in_temporal(await _came_back(world))


@scenario(WORKFLOW, hold_days=7, policy=LONG_WAIT)
async def another_card_before_it_leaves_again(world: World) -> str:
    world.payments.declines.add(("renewal", "pm_card_visa"))
    case = await _came_back(world)
    await case.pass_time(days=8)
    await case.decide("payment_method", ChangePaymentMethod(actor="customer", payment_method="pm_card_amex"))
    await case.dispatch()
    return await good_box(case)
