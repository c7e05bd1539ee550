"""When a claim is closed, gateway, ledger, claim and outcome are compared, and a difference is flagged once."""

import asyncio
from collections.abc import Callable

from domain.claim import Claim
from domain.kinds import Attention, Outcome, Tier
from messages.claims import CancelClaim, Waive
from tests.workflows.case import WITHOUT_BATTERY
from tests.workflows.world import World

Worlds = Callable[..., World]


async def closed(world: World) -> Claim:
    case = await world.shipped()
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    await case.handle.result()
    return world.record.claims[case.id]


async def test_nothing_is_flagged_when_they_agree(world: World) -> None:
    claim = await closed(world)
    assert (claim.outcome, claim.attention) == (Outcome.HOLD_RELEASED, ())


async def test_a_difference_between_gateway_and_ledger_is_flagged(world: World) -> None:
    world.payments.ledger_differs = -100
    claim = await closed(world)
    assert (claim.outcome, claim.attention) == (Outcome.HOLD_RELEASED, (Attention.PAYMENT_DIFFERS,))
    assert world.record.kinds().count("payments_differ") == 1


async def test_what_the_gateway_took_beside_the_claim_is_flagged(world: World) -> None:
    """Gateway and ledger agree, and the claim knows of less."""
    case = await world.open(world.care_express(Tier.STANDARD))
    world.payments.charges[f"{case.id}:by-hand"] = world.record.claims[case.id].fee
    await case.decide("cancel", CancelClaim(actor="customer"))
    await case.handle.result()
    claim = world.record.claims[case.id]
    assert (claim.outcome, claim.attention) == (Outcome.CANCELLED, (Attention.PAYMENT_DIFFERS,))


async def test_a_claim_is_compared_again_when_it_changes_after_its_end(world: World) -> None:
    case = await world.shipped()
    await case.pass_due()
    await case.pass_time(days=11)
    assert (await case.claim()).outcome is Outcome.DEFAULT_CHARGED
    world.payments.ledger_differs = -100
    await case.decide("waiver", Waive(actor="staff", reason="goodwill"))
    await case.handle.result()
    claim = world.record.claims[case.id]
    assert (claim.outcome, claim.attention) == (Outcome.WAIVED, (Attention.PAYMENT_DIFFERS,))


async def test_a_gateway_without_response_delays_neither_the_answer_nor_a_decision(world: World) -> None:
    case = await world.shipped()
    await case.pass_due()
    world.payments.unresponsive.add("compare")
    world.payments.ledger_differs = -100
    await case.pass_time(days=11)
    assert (await case.claim()).outcome is Outcome.DEFAULT_CHARGED
    async with asyncio.timeout(10):
        waived = await case.decide("waiver", Waive(actor="staff", reason="goodwill"))
    assert (waived.outcome, waived.attention) == (Outcome.WAIVED, ())
    world.payments.unresponsive.clear()
    await case.pass_time(minutes=10)
    await case.handle.result()
    assert world.record.claims[case.id].attention == (Attention.PAYMENT_DIFFERS,)
