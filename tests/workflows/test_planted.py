"""Each bug planted into the parts of claims is caught by a check that the real workflow passes."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.testing import WorkflowEnvironment

from domain.kinds import ClaimState, Outcome, Tier
from domain.policy import Policy
from messages.claims import Dispatch, Waive
from tests.workflows import planted
from tests.workflows.case import WITHOUT_BATTERY
from tests.workflows.short_runs import SHORT_RUNS, ShortPremium
from tests.workflows.world import PROCESSES, World

Check = Callable[[World], Awaitable[None]]
CAUGHT = (AssertionError, TimeoutError, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError)
DISPATCH = Dispatch(actor="warehouse", replacement_serial_number="SN2")


async def takes_messages_in_a_step(world: World) -> None:
    case = await world.shipped()
    world.payments.unresponsive.add("all")
    returning = (await case.claim()).returning
    assert returning
    await world.skipper.fast_forward(case.handle, returning.due_at - await case.now())
    await case.until_in_step()
    await case.signal_arrival()
    async with asyncio.timeout(2):
        while "parcel_arrived" not in world.record.kinds():
            await asyncio.sleep(0.02)
    await case.payment_in_progress("waiver", Waive(actor="staff", reason="goodwill"))


async def handles_an_event_of_a_step_in_the_next_run(world: World) -> None:
    """The wrong unit is charged for, without time to put it right; the right one arrives while it is."""
    case = await world.shipped()
    await case.arrive()
    world.payments.unresponsive.add("capture")
    inspected = asyncio.create_task(case.inspect(genuine=False))
    await case.until_in_step()
    await case.signal_arrival()
    await asyncio.sleep(3)  # what was written is stored, so the step goes on in a new run
    world.payments.unresponsive.clear()
    await inspected
    assert (await case.claim()).state is ClaimState.INSPECTING
    assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.LATE_RETURN_REFUNDED


async def returns_the_same_update_result_in_the_next_run(world: World) -> None:
    case = await world.open(world.care_express(Tier.PREMIUM))
    shipped = await case.decide("dispatch", DISPATCH, update_id="one")
    await case.claim()
    await asyncio.sleep(1.5)
    assert await case.decide("dispatch", DISPATCH, update_id="one") == shipped


async def charges_nobody_it_could_not_reach(world: World) -> None:
    case = await world.shipped()
    for kind in ("settlement", "shipped"):
        await case.mail_failed(kind)
    paid = world.payments.net_paid()
    await case.pass_due()
    assert world.payments.net_paid() == paid


PLANTS: list[tuple[type, Check]] = [
    (planted.TakesNoMessageInAStep, takes_messages_in_a_step),
    (planted.LetsDecisionsWaitForThePayment, takes_messages_in_a_step),
    (planted.ChargesACustomerNobodyReached, charges_nobody_it_could_not_reach),
    (planted.LosesEventsInANewRun, handles_an_event_of_a_step_in_the_next_run),
    (planted.LosesUpdateResultsInANewRun, returns_the_same_update_result_in_the_next_run),
]


@pytest.mark.parametrize(("bug", "check"), PLANTS, ids=lambda value: getattr(value, "__name__", ""))
async def test_a_planted_bug_is_caught(temporal: WorkflowEnvironment, bug: type, check: Check) -> None:
    world = World(
        temporal.client, Policy(cure_days=0), processes=(bug,), retries_decisions=issubclass(bug, ShortPremium)
    )
    async with world.worker():
        with pytest.raises(CAUGHT):
            await check(world)
        world.payments.unresponsive.clear()


@pytest.mark.parametrize("processes", [PROCESSES, SHORT_RUNS], ids=["long runs", "short runs"])
async def test_the_real_process_passes(temporal: WorkflowEnvironment, processes: tuple[type, ...]) -> None:
    checks = (
        (takes_messages_in_a_step,)
        if processes is PROCESSES
        else (
            handles_an_event_of_a_step_in_the_next_run,
            returns_the_same_update_result_in_the_next_run,
        )
    )
    for check in checks:
        world = World(
            temporal.client, Policy(cure_days=0), processes=processes, retries_decisions=processes is SHORT_RUNS
        )
        async with world.worker():
            await check(world)
            world.payments.unresponsive.clear()
