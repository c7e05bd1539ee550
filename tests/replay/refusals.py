"""What a Premium claim does when the gateway refuses what it should not."""

from messages.claims import Decide
from tests.replay.premium import KIND, good_box
from tests.replay.stories import story
from tests.workflows.conftest import World

APPROVE = Decide(actor="staff", approve=True, reason="nothing was captured")


@story(KIND)
async def capture_and_refund_refused(world: World) -> str:
    case = await world.shipped()
    world.payments.refuses["capture"] = "captured"
    await case.pass_due()
    await case.decide("decision", APPROVE)
    world.payments.refuses["refund"] = "captured"
    return await good_box(case)


@story(KIND)
async def release_refused(world: World) -> str:
    case = await world.shipped()
    world.payments.refuses["release"] = "authorized"
    return await good_box(case)
