"""A unit that is here when its claim ends is asked of who has it, and the claim is watched until it has left."""

from datetime import timedelta

import pytest

from domain.claim import Claim
from domain.kinds import Action, ClaimState, Component, Outcome, RepairChoice, Tier
from domain.lifecycle import allowed_actions
from domain.money import Money
from messages.claims import CancelClaim, ChooseRepair, Complete, QuoteRepair
from tests.workflows.case import ALL_COMPONENTS, WITHOUT_BATTERY, Case
from tests.workflows.world import World

CANCEL = CancelClaim(actor="customer")
DONE = Complete(actor="warehouse", tracking_number="1Z77")
NO_PROPELLERS = (Component.AIRCRAFT, Component.GIMBAL_CAMERA)
QUOTE = QuoteRepair(actor="staff", findings="cracked arm", amount=Money(32000, "USD"), warranty=False)


async def after_the_deadline(case: Case) -> Claim:
    deadline = (await case.claim()).deadline
    assert deadline
    return await case.pass_until(deadline + timedelta(seconds=2))


async def standard_lapses_with_a_wrong_unit(world: World) -> tuple[Case, Claim]:
    case = await world.open(world.care_express(Tier.STANDARD))
    await case.arrive()
    await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    return case, await after_the_deadline(case)


async def standard_lapses_without_its_parts(world: World) -> tuple[Case, Claim]:
    case = await world.open(world.care_express(Tier.STANDARD))
    await case.arrive()
    await case.inspect(components=NO_PROPELLERS)
    return case, await after_the_deadline(case)


async def standard_is_cancelled(world: World) -> tuple[Case, Claim]:
    case = await world.open(world.care_express(Tier.STANDARD))
    await case.arrive()
    return case, await case.decide("cancel", CANCEL)


async def standard_is_cancelled_before_it_ships(world: World) -> tuple[Case, Claim]:
    case = await world.open(world.care_express(Tier.STANDARD))
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    return case, await case.decide("cancel", CANCEL)


async def quoted(world: World) -> Case:
    case = await world.open(world.online_repair())
    await case.arrive()
    await case.inspect(components=ALL_COMPONENTS)
    await case.decide("repair_quote", QUOTE)
    return case


async def repair_quote_is_not_answered(world: World) -> tuple[Case, Claim]:
    case = await quoted(world)
    return case, await case.pass_time(days=32)


async def repair_is_cancelled_before_the_replacement_ships(world: World) -> tuple[Case, Claim]:
    case = await quoted(world)
    choice = ChooseRepair(actor="customer", choice=RepairChoice.REPLACEMENT, payment_method="pm_card_visa")
    await case.decide("repair_choice", choice)
    return case, await case.decide("cancel", CANCEL)


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (standard_lapses_with_a_wrong_unit, Outcome.LAPSED),
        (standard_lapses_without_its_parts, Outcome.LAPSED),
        (standard_is_cancelled, Outcome.CANCELLED),
        (standard_is_cancelled_before_it_ships, Outcome.CANCELLED),
        (repair_quote_is_not_answered, Outcome.RETURNED_UNREPAIRED),
        (repair_is_cancelled_before_the_replacement_ships, Outcome.CANCELLED),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
async def test_a_unit_that_is_here_goes_back_and_is_reported_as_shipped(
    world: World, end: object, outcome: Outcome
) -> None:
    """R-EXP-2, R-REP-2."""
    assert callable(end)
    case, claim = await end(world)
    assert (claim.state, claim.outcome, claim.goes_back) == (ClaimState.CLOSED, outcome, True)
    assert allowed_actions(claim) == (Action.COMPLETION, Action.SHIP_TO)
    assert list(world.workshop.returns) == [case.id]
    assert world.payments.net_paid() == 0
    claim = await case.decide("completion", DONE)
    assert (claim.outcome, claim.goes_back, allowed_actions(claim)) == (outcome, False, ())
    assert claim.shipment
    assert claim.shipment.tracking_number == "1Z77"
    assert await case.handle.result() == outcome


async def test_nothing_goes_back_when_nothing_has_come(world: World) -> None:
    case = await world.open(world.care_express(Tier.STANDARD))
    claim = await case.decide("cancel", CANCEL)
    assert (claim.goes_back, world.workshop.returns) == (False, {})
    assert await case.handle.result() == "cancelled"
