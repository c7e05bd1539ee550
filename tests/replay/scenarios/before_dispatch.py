"""What happens while a Premium replacement waits to leave: the hold ends, or the warehouse can no longer stop it."""

from datetime import timedelta

from domain.kinds import HoldPolicy
from domain.policy import Policy
from messages.claims import CancelClaim, ChangePaymentMethod
from tests.replay.scenario import decide_refused, premium, scenario
from tests.workflows.case import WITHOUT_BATTERY, Case
from tests.workflows.world import World

WORKFLOW = "CareExpressPremium"
CANCEL = CancelClaim(actor="customer")
# The dispatch is not overdue in the very moment in which the hold ends.
LONG_WAIT = Policy(dispatch_days=30)


async def without_hold(world: World) -> Case:
    """A claim that waits for stock, and whose hold could not be renewed."""
    world.payments.declines.add(("renewal", "pm_card_visa"))
    case = await world.open(premium(world))
    await case.pass_time(days=8)
    return case


@scenario(WORKFLOW, hold_days=7, policy=LONG_WAIT)
async def another_card_before_dispatch(world: World) -> str:
    case = await without_hold(world)
    await case.decide("payment_method", ChangePaymentMethod(actor="customer", payment_method="pm_card_amex"))
    await case.dispatch()
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    return case.id


@scenario(WORKFLOW, hold_days=7, policy=LONG_WAIT)
async def no_card_before_dispatch(world: World) -> str:
    case = await without_hold(world)
    deadline = (await case.claim()).deadline
    assert deadline
    await case.pass_until(deadline + timedelta(seconds=2))
    return case.id


@scenario(WORKFLOW, hold_days=7, policy=LONG_WAIT)
async def left_before_the_hold_ended(world: World) -> str:
    world.warehouse.too_late = True
    case = await without_hold(world)
    await case.dispatch()
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    return case.id


@scenario(WORKFLOW)
async def cancelled_too_late(world: World) -> str:
    world.warehouse.too_late = True
    case = await world.open(premium(world))
    await decide_refused(case, "cancel", CANCEL)
    await case.dispatch()
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    return case.id


@scenario(WORKFLOW, hold_days=7)
async def never_shipped(world: World) -> str:
    case = await world.open(premium(world))
    for _ in range(4):
        await case.pass_time(days=10)
    await case.pass_time(days=20)
    return case.id


@scenario(WORKFLOW, hold_days=7, policy=Policy(hold_policy=HoldPolicy.CAPTURE_AND_REFUND))
async def never_shipped_against_a_deposit(world: World) -> str:
    world.payments.declines.add(("renewal", "pm_card_visa"))
    case = await world.open(premium(world))
    await case.pass_time(days=20)
    await case.pass_time(days=11)
    return case.id


@scenario(WORKFLOW, hold_days=1)
async def renewed_by_halves(world: World) -> str:
    case = await world.shipped()
    await case.pass_time(days=2)
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    return case.id
