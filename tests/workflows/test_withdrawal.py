"""A cancel asks the warehouse first; what it can no longer stop goes on as dispatched (R-EXP-9, edge case 27)."""

import asyncio

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateStage

from domain.kinds import Action, Attention, ClaimState, Outcome, RepairChoice, Tier, UseKind
from domain.lifecycle import allowed_actions
from domain.money import Money
from messages.claims import CancelClaim, ChooseRepair, Decide, QuoteRepair, ReportFound
from tests.workflows.case import ALL_COMPONENTS, WITHOUT_BATTERY, Case
from tests.workflows.world import World

FEE, HOLD, FLYAWAY_FEE = 15900, 164000, 73900
CANCEL = CancelClaim(actor="customer")
QUOTE = QuoteRepair(actor="staff", findings="cracked arm", amount=Money(32000, "USD"), warranty=False)
REPLACE = ChooseRepair(actor="customer", choice=RepairChoice.REPLACEMENT, payment_method="pm_card_visa")


async def premium(world: World) -> Case:
    return await world.open(world.care_express(Tier.PREMIUM))


async def standard(world: World) -> Case:
    case = await world.open(world.care_express(Tier.STANDARD))
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    return case


async def flyaway(world: World) -> Case:
    case = await world.open(world.flyaway())
    await case.decide("decision", Decide(actor="staff", approve=True))
    return case


async def repair(world: World) -> Case:
    case = await world.open(world.online_repair())
    await case.arrive()
    await case.inspect(components=ALL_COMPONENTS)
    await case.decide("repair_quote", QUOTE)
    await case.decide("repair_choice", REPLACE)
    return case


SERVICES = {"premium": premium, "standard": standard, "flyaway": flyaway, "repair": repair}


@pytest.mark.parametrize("service", SERVICES)
async def test_a_cancel_that_is_too_late_moves_no_money_and_the_dispatch_is_still_reported(
    world: World, service: str
) -> None:
    case = await SERVICES[service](world)
    paid, held = world.payments.net_paid(), world.payments.live_holds()
    world.warehouse.too_late = True
    error = await case.refused("cancel", CANCEL)
    assert (error.type, error.details[0]["rule"]) == ("action_not_allowed", "R-EXP-9")
    claim = await case.claim()
    assert (claim.state, claim.leaving) == (ClaimState.AWAITING_DISPATCH, True)
    assert Action.DISPATCH in allowed_actions(claim)
    assert Action.CANCEL not in allowed_actions(claim)
    assert (world.payments.net_paid(), world.payments.live_holds()) == (paid, held)
    claim = await case.dispatch()
    assert (claim.replacement_serial_number, claim.leaving) == ("SN2", False)
    assert UseKind.CONSUMED in world.record.uses


@pytest.mark.parametrize("service", SERVICES)
async def test_the_warehouse_is_asked_before_any_money_goes_back(world: World, service: str) -> None:
    """While it does not answer, hold and fee stay as they are."""
    case = await SERVICES[service](world)
    paid, held = world.payments.net_paid(), world.payments.live_holds()
    world.payments.unresponsive.add("all")
    world.warehouse.unresponsive = True
    await case.handle.start_update("cancel", CANCEL, wait_for_stage=WorkflowUpdateStage.ACCEPTED)
    await case.until_in_step()
    assert (world.payments.net_paid(), world.payments.live_holds()) == (paid, held)
    assert world.warehouse.withdrawn == set()
    world.warehouse.unresponsive = False
    world.payments.unresponsive.clear()
    claim = await case.pass_time(minutes=10)
    assert claim.outcome is Outcome.CANCELLED
    assert (world.warehouse.withdrawn, world.payments.net_paid(), world.payments.live_holds()) == ({case.id}, 0, 0)


async def test_a_drone_found_too_late_is_one_found_after_the_dispatch(world: World) -> None:
    """R-FLY-6."""
    case = await flyaway(world)
    world.warehouse.too_late = True
    claim = await case.decide("found", ReportFound(actor="customer"))
    assert claim.state is ClaimState.AWAITING_DISPATCH
    await case.dispatch()
    claim = await case.claim()
    assert (claim.outcome, claim.attention) == (Outcome.REPLACED, (Attention.FOUND_AFTER_DISPATCH,))
    assert world.payments.net_paid() == FLYAWAY_FEE


async def test_a_claim_cancelled_in_temporal_too_late_goes_on_to_its_end(world: World) -> None:
    """The unit has left, so its return is still awaited."""
    case = await premium(world)
    world.warehouse.too_late = True
    await case.handle.cancel()
    async with asyncio.timeout(10):
        while not (await case.claim()).leaving:
            await asyncio.sleep(0.05)
    await case.dispatch()
    await case.arrive()
    assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.HOLD_RELEASED
    with pytest.raises(WorkflowFailureError):
        await case.handle.result()
    assert (world.payments.net_paid(), world.payments.live_holds()) == (FEE, 0)
