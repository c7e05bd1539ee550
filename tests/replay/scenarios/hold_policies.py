"""What becomes of a hold that cannot be renewed (decision 13), or that the gateway has news of."""

from dataclasses import replace
from datetime import timedelta

from domain.kinds import Component, HoldPolicy, HoldState, PartsChoice, Tier
from domain.policy import Policy
from messages.claims import CancelClaim, ChooseParts, Decide, PaymentChanged, Waive
from tests.replay.scenario import scenario
from tests.workflows.case import WITHOUT_BATTERY, Case
from tests.workflows.world import World

WORKFLOW = "CareExpressPremium"
NO_RENEWAL = ("renewal", "pm_card_visa")
DEPOSIT = Policy(hold_policy=HoldPolicy.CAPTURE_AND_REFUND)
MANUAL = Policy(hold_policy=HoldPolicy.MANUAL)
HALF = (Component.AIRCRAFT, Component.GIMBAL_CAMERA)


async def with_a_failing_card(world: World) -> Case:
    """A shipped claim, a week and a day on: its hold could not be renewed."""
    world.payments.declines.add(NO_RENEWAL)
    case = await world.shipped()
    await case.pass_time(days=8)
    return case


async def inspected(case: Case, components: tuple[Component, ...] = WITHOUT_BATTERY) -> None:
    await case.arrive()
    await case.inspect(components=components)


async def over(case: Case) -> str:
    """Past every day on which something could still happen."""
    await case.pass_time(days=25)
    await case.pass_time(days=31)
    return case.id


@scenario(WORKFLOW, hold_days=7)
async def lapse_looked_at(world: World) -> str:
    case = await with_a_failing_card(world)
    await case.pass_due()
    return await over(case)


@scenario(WORKFLOW, hold_days=7, policy=DEPOSIT)
async def deposit_given_back(world: World) -> str:
    case = await with_a_failing_card(world)
    await inspected(case)
    return case.id


@scenario(WORKFLOW, hold_days=7, policy=DEPOSIT)
async def deposit_kept(world: World) -> str:
    case = await with_a_failing_card(world)
    await case.pass_due()
    return await over(case)


@scenario(WORKFLOW, hold_days=7, policy=DEPOSIT)
async def parts_kept_of_a_deposit(world: World) -> str:
    case = await with_a_failing_card(world)
    await inspected(case, HALF)
    await case.decide("parts_choice", ChooseParts(actor="customer", choice=PartsChoice.PAY))
    return await over(case)


@scenario(WORKFLOW, hold_days=7, policy=DEPOSIT)
async def deposit_waived(world: World) -> str:
    case = await with_a_failing_card(world)
    await case.decide("waiver", Waive(actor="staff", reason="lost by the carrier"))
    return case.id


@scenario(WORKFLOW, hold_days=7, policy=DEPOSIT)
async def deposit_undone_before_dispatch(world: World) -> str:
    world.payments.declines.add(NO_RENEWAL)
    case = await world.open(world.care_express(Tier.PREMIUM))
    await case.pass_time(days=8)
    await case.decide("cancel", CancelClaim(actor="customer"))
    return case.id


@scenario(WORKFLOW, hold_days=7, policy=MANUAL)
async def default_approved_by_staff(world: World) -> str:
    case = await with_a_failing_card(world)
    await case.pass_due()
    await case.decide("decision", Decide(actor="staff", approve=True))
    return await over(case)


@scenario(WORKFLOW, hold_days=7, policy=MANUAL)
async def default_let_go_by_staff(world: World) -> str:
    case = await with_a_failing_card(world)
    await case.pass_due()
    await case.decide("decision", Decide(actor="staff", approve=False, reason="not worth it"))
    return case.id


@scenario(WORKFLOW, hold_days=7, policy=MANUAL)
async def parts_approved_by_staff(world: World) -> str:
    case = await with_a_failing_card(world)
    await inspected(case, HALF)
    await case.pass_time(days=9)
    await case.decide("decision", Decide(actor="staff", approve=True))
    return await over(case)


@scenario(WORKFLOW, hold_days=7, policy=MANUAL, closes=False)
async def default_held_back(world: World) -> str:
    case = await with_a_failing_card(world)
    await case.pass_due()
    return case.id


@scenario(WORKFLOW)
async def hold_ended_by_the_gateway(world: World) -> str:
    case = await world.shipped()
    (hold_id,) = world.payments.holds
    world.payments.holds[hold_id] = replace(world.payments.holds[hold_id], state=HoldState.RELEASED)
    await news(case, hold_id)
    await case.pass_time(hours=1)
    await inspected(case)
    return case.id


@scenario(WORKFLOW)
async def hold_shortened_by_the_gateway(world: World) -> str:
    case = await world.shipped()
    (hold_id,) = world.payments.holds
    shorter = replace(world.payments.holds[hold_id], expires_at=await case.now() + timedelta(days=3))
    world.payments.holds[hold_id] = shorter
    await news(case, hold_id)
    await case.pass_time(days=2)
    await inspected(case)
    return case.id


async def news(case: Case, payment_id: str, event_id: str = "evt_1") -> None:
    event = PaymentChanged(event_id=event_id, actor="simulated", payment_id=payment_id)
    await case.handle.signal("payment_changed", event)
    await case.claim()
