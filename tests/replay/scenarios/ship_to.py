"""The delivery address is corrected while a claim waits, before and after the warehouse was asked to ship."""

from domain.kinds import RepairChoice, Tier
from messages.claims import CancelClaim, Complete, CorrectAddress, Decide, ShipTo
from tests.replay.scenario import decide_refused, premium, scenario
from tests.replay.scenarios.service_jobs import choose, quoted
from tests.workflows.case import WITHOUT_BATTERY
from tests.workflows.world import World

NEW = ShipTo(name="Ada Flyer", line1="2 Sky Road", city="Springfield", postal_code="90001", country="US")
CORRECT = CorrectAddress(actor="customer_service", ship_to=NEW)


@scenario("CareExpressPremium")
async def ship_to_corrected(world: World) -> str:
    case = await world.open(premium(world))
    await case.decide("ship_to", CORRECT)
    world.warehouse.too_late = True
    await decide_refused(case, "ship_to", CORRECT)
    await case.dispatch()
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    return case.id


@scenario("CareExpressStandard")
async def ship_to_corrected_of_the_own_unit(world: World) -> str:
    case = await world.open(world.care_express(Tier.STANDARD))
    await case.decide("ship_to", CORRECT)
    await case.arrive()
    await case.decide("cancel", CancelClaim(actor="customer"))
    await case.decide("ship_to", CORRECT)
    await case.decide("completion", Complete(actor="warehouse", tracking_number="1Z"))
    return case.id


@scenario("Flyaway")
async def ship_to_corrected_before_the_decision(world: World) -> str:
    case = await world.open(world.flyaway())
    await case.decide("ship_to", CORRECT)
    await case.decide("decision", Decide(actor="staff", approve=True))
    await case.decide("ship_to", CORRECT)
    await case.dispatch()
    await case.pass_time(days=367)
    return case.id


@scenario("OnlineRepair")
async def return_address_corrected(world: World) -> str:
    case = await quoted(world)
    await case.decide("ship_to", CORRECT)
    await case.decide("repair_choice", choose(RepairChoice.PAID_REPAIR))
    await case.decide("ship_to", CORRECT)
    await case.decide("completion", Complete(actor="warehouse", tracking_number="1Z"))
    return case.id
