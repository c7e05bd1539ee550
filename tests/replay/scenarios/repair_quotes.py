"""Repair quotes that are revised, withdrawn and approved, and work that is stopped."""

from domain.kinds import RepairChoice
from domain.money import Money
from messages.claims import Decide, StopRepair, WithdrawQuote
from tests.replay.scenario import decide_refused, scenario
from tests.replay.scenarios.service_jobs import DONE, MAINTENANCE, QUOTE, REPAIR, choose, quoted
from tests.workflows.world import World

LARGE = QUOTE.model_copy(update={"amount": Money(980_000, "USD"), "by": "ada"})
APPROVE = Decide(actor="staff", approve=True, by="bob")
WITHDRAW = WithdrawQuote(actor="staff", reason="a digit too many")


@scenario(REPAIR)
async def quote_revised_and_withdrawn(world: World) -> str:
    case = await quoted(world)
    await case.pass_time(days=8)
    await case.decide("repair_quote", QUOTE)
    await decide_refused(case, "repair_choice", choose(RepairChoice.PAID_REPAIR))
    await case.decide("repair_quote_withdrawal", WITHDRAW)
    await case.pass_time(days=4)
    await case.decide("repair_quote", QUOTE)
    third = choose(RepairChoice.PAID_REPAIR).model_copy(update={"quote_version": 3})
    await case.decide("repair_choice", third)
    await case.decide("completion", DONE)
    return case.id


@scenario(REPAIR)
async def large_quote_approved(world: World) -> str:
    case = await quoted(world)
    await case.decide("repair_quote", LARGE)
    await decide_refused(case, "decision", APPROVE.model_copy(update={"by": "ada"}))
    await case.decide("decision", APPROVE.model_copy(update={"approve": False, "reason": "no"}))
    await case.decide("repair_quote", LARGE)
    await case.decide("decision", APPROVE)
    await case.pass_time(days=32)
    return case.id


@scenario(REPAIR)
async def stopped_in_service(world: World) -> str:
    case = await quoted(world)
    await case.decide("repair_choice", choose(RepairChoice.PAID_REPAIR))
    await case.decide("repair_stop", StopRepair(actor="staff", reason="no such part"))
    return case.id


@scenario(MAINTENANCE)
async def large_quote_withdrawn_and_stopped(world: World) -> str:
    case = await world.open(world.maintenance())
    await case.arrive()
    await case.decide("repair_quote", LARGE)
    await case.decide("decision", APPROVE)
    await case.decide("repair_quote_withdrawal", WITHDRAW)
    await case.decide("repair_stop", StopRepair(actor="staff", reason="no such part"))
    return case.id
