"""The delivery address is corrected until the unit has left, whatever the claim waits for (R-CLM-12)."""

import pytest
from temporalio.client import WorkflowUpdateStage

from domain.kinds import Action, ClaimState, Outcome, Tier
from domain.lifecycle import allowed_actions
from messages.claims import CancelClaim, Complete, CorrectAddress, Decide, ShipTo
from tests.workflows.case import ALL_COMPONENTS, Case
from tests.workflows.test_withdrawal import SERVICES, premium
from tests.workflows.world import World

NEW = ShipTo(name="Ada Flyer", line1="2 Sky Road", city="Springfield", postal_code="90001", country="US")
NEWER = NEW.model_copy(update={"line1": "3 Sky Road"})
CORRECT = CorrectAddress(actor="customer_service", ship_to=NEW)


async def timeline(world: World, case: Case) -> list[tuple[str, str]]:
    await case.claim()
    return [(event.kind, event.actor) for event in world.record.events if event.kind == "ship_to_corrected"]


@pytest.mark.parametrize("service", SERVICES)
async def test_what_the_warehouse_was_asked_to_ship_goes_to_the_new_address(world: World, service: str) -> None:
    case = await SERVICES[service](world)
    assert Action.SHIP_TO in allowed_actions(await case.claim())
    claim = await case.decide("ship_to", CORRECT)
    assert claim.state is ClaimState.AWAITING_DISPATCH
    assert world.warehouse.addresses == {case.id: NEW}
    assert await timeline(world, case) == [("ship_to_corrected", "customer_service")]
    await case.decide("ship_to", CORRECT.model_copy(update={"ship_to": NEWER}))
    assert world.warehouse.addresses == {case.id: NEWER}
    claim = await case.dispatch()
    assert claim.replacement_serial_number == "SN2"
    assert Action.SHIP_TO not in allowed_actions(claim)


@pytest.mark.parametrize("service", ["standard", "flyaway"])
async def test_an_address_corrected_before_the_request_is_the_one_requested(world: World, service: str) -> None:
    case = await world.open(world.care_express(Tier.STANDARD) if service == "standard" else world.flyaway())
    await case.decide("ship_to", CORRECT)
    if service == "standard":
        await case.arrive()
        await case.inspect(components=ALL_COMPONENTS[:3])
    else:
        await case.decide("decision", Decide(actor="staff", approve=True))
    assert (await case.claim()).state is ClaimState.AWAITING_DISPATCH
    assert world.warehouse.requested[case.id].ship_to == NEW


async def test_the_customers_own_unit_goes_back_to_the_new_address(world: World) -> None:
    case = await world.open(world.care_express(Tier.STANDARD))
    await case.arrive()
    await case.decide("ship_to", CORRECT)
    await case.decide("cancel", CancelClaim(actor="customer"))
    assert world.workshop.returns[case.id].ship_to == NEW
    claim = await case.decide("ship_to", CORRECT.model_copy(update={"ship_to": NEWER}))
    assert (claim.state, claim.goes_back, world.warehouse.addresses[case.id]) == (ClaimState.CLOSED, True, NEWER)
    claim = await case.decide("completion", Complete(actor="warehouse", tracking_number="1Z"))
    assert (claim.outcome, allowed_actions(claim)) == (Outcome.CANCELLED, ())


async def test_what_the_warehouse_has_shipped_already_keeps_its_address(world: World) -> None:
    case = await premium(world)
    world.warehouse.too_late = True
    error = await case.refused("ship_to", CORRECT)
    assert (error.type, error.details[0]["rule"]) == ("action_not_allowed", "R-CLM-12")
    assert await timeline(world, case) == []
    assert (await case.dispatch()).replacement_serial_number == "SN2"
    error = await case.refused("ship_to", CORRECT)
    assert (error.type, error.details[0]["rule"]) == ("action_not_allowed", "R-CLM-12")


async def test_a_warehouse_that_does_not_answer_is_asked_until_it_does(world: World) -> None:
    case = await premium(world)
    world.warehouse.unresponsive = True
    await case.handle.start_update("ship_to", CORRECT, wait_for_stage=WorkflowUpdateStage.ACCEPTED)
    await case.until_in_step()
    world.warehouse.unresponsive = False
    assert (await case.pass_time(minutes=10)).state is ClaimState.AWAITING_DISPATCH
    assert world.warehouse.addresses == {case.id: NEW}
