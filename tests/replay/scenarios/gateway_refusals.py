"""What a Premium claim does when the gateway refuses what it should not, or somebody else acts there."""

from messages.claims import Decide
from tests.replay.premium_claims import WORKFLOW, default_over, good_box
from tests.replay.scenario import scenario
from tests.replay.scenarios.hold_policies import news
from tests.workflows.world import World

APPROVE = Decide(actor="staff", approve=True, reason="nothing was captured")


@scenario(WORKFLOW)
async def capture_and_refund_refused(world: World) -> str:
    case = await world.shipped()
    world.payments.refuses["capture"] = "captured"
    await case.pass_due()
    await case.decide("decision", APPROVE)
    world.payments.refuses["refund"] = "captured"
    return await good_box(case)


@scenario(WORKFLOW)
async def release_refused(world: World) -> str:
    case = await world.shipped()
    world.payments.refuses["release"] = "authorized"
    return await good_box(case)


@scenario(WORKFLOW)
async def captured_elsewhere_and_kept(world: World) -> str:
    case = await world.shipped()
    (hold_id,) = world.payments.holds
    world.payments.capture_by_hand(hold_id)
    await news(case, hold_id)
    await news(case, hold_id, "evt_2")
    return await default_over(case)


@scenario(WORKFLOW)
async def captured_elsewhere_and_refunded(world: World) -> str:
    """Found by the refusal of the release."""
    case = await world.shipped()
    (hold_id,) = world.payments.holds
    world.payments.capture_by_hand(hold_id)
    return await good_box(case)


@scenario(WORKFLOW, hold_days=7)
async def captured_elsewhere_before_the_renewal(world: World) -> str:
    case = await world.shipped()
    (hold_id,) = world.payments.holds
    world.payments.capture_by_hand(hold_id)
    await case.pass_time(days=6)
    return await good_box(case)


@scenario(WORKFLOW)
async def capture_refused_and_found_captured(world: World) -> str:
    """The gateway does not say what it refuses; the look before the card is charged finds the capture."""
    case = await world.shipped()
    (hold_id,) = world.payments.holds
    world.payments.refuses["capture"] = "unknown"
    await case.pass_due()
    world.payments.capture_by_hand(hold_id)
    await case.decide("decision", APPROVE)
    await case.pass_time(days=25)
    await case.pass_time(days=31)
    return case.id


@scenario(WORKFLOW)
async def compared_when_the_gateway_is_back(world: World) -> str:
    case = await world.shipped()
    world.payments.unresponsive.add("compare")
    await good_box(case)
    world.payments.ledger_differs = -100
    world.payments.unresponsive.clear()
    return case.id
