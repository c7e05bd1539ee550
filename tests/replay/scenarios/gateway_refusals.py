"""What a Premium claim does when the gateway refuses what it should not."""

from messages.claims import Decide
from tests.replay.premium_claims import WORKFLOW, good_box
from tests.replay.scenario import scenario
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
