"""A claim continues as new at any of its waits: nothing is lost, nothing is done twice."""

import asyncio
import inspect
import json
from collections import Counter
from typing import Any

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from api.temporal_client import TemporalClaimCommands
from domain.dates import whole_second
from domain.kinds import Action, ClaimState, Outcome, Tier
from messages.claims import Dispatch, ExtendReturn, Inspect, ParcelScanned
from tests.replay.scenario import Scenario
from tests.replay.scenarios import SCENARIOS
from tests.workflows.case import WITHOUT_BATTERY
from tests.workflows.short_runs import SHORT_RUNS
from tests.workflows.world import World
from workflows.flyaway import Flyaway
from workflows.parts.charged_claim import ChargedClaim
from workflows.parts.claim_workflow import Phase
from workflows.parts.original_return import OriginalReturn
from workflows.parts.secured_dispatch import SecuredDispatch
from workflows.parts.service_job import ServiceJob
from workflows.parts.settlement import Settlement
from workflows.parts.unit_return import UnitReturn
from workflows.premium import CareExpressPremium
from workflows.standard import CareExpressStandard

FEE = 15900
PHASES_OF: dict[str, tuple[type, ...]] = {
    "CareExpressPremium": (CareExpressPremium, SecuredDispatch, OriginalReturn, ChargedClaim, Settlement),
    "CareExpressStandard": (CareExpressStandard, UnitReturn),
    "Flyaway": (Flyaway,),
    "OnlineRepair": (ServiceJob, UnitReturn),
}
SCENARIOS_OF = {
    "CareExpressPremium": [
        "another_card_bears_the_hold",
        "another_card_before_dispatch",
        "cancelled_too_late",
        "cancelled_before_dispatch",
        "deposit_kept",
        "deposit_undone_before_dispatch",
        "fee_declined",
        "good_return",
        "late_return",
        "no_card_before_dispatch",
        "nothing_returned",
        "owed_to_the_end",
        "parts_never_sent",
        "parts_paid",
        "replacement_sent_out_again",
        "replacement_sent_out_again_after_the_charge",
        "replacement_undone_while_it_waits",
        "ship_to_corrected",
        "waived_after_the_charge",
        "wrong_serial_put_right",
    ],
    "CareExpressStandard": [
        "cancelled_with_the_unit_here",
        "cancelled_before_dispatch",
        "nothing_sent",
        "parts_paid",
        "ship_to_corrected_of_the_own_unit",
        "wrong_unit_put_right",
        "replaced",
    ],
    "Flyaway": [
        "cancelled",
        "found_before_dispatch",
        "found_too_late",
        "paid_with_another_card",
        "replaced",
        "ship_to_corrected_before_the_decision",
    ],
    "OnlineRepair": [
        "asked_back",
        "large_quote_approved",
        "quote_revised_and_withdrawn",
        "stopped_in_service",
        "cancelled_before_the_replacement_left",
        "paid_repair",
        "parts_never_came",
        "replaced_complete",
        "replaced_when_parts_were_paid",
        "replaced_when_parts_were_sent",
        "return_address_corrected",
    ],
}


STEPS = {
    "CareExpressPremium": {"submit", "charge_default"},
    "CareExpressStandard": {"lapse"},
    "Flyaway": {"charge_fee"},
    "OnlineRepair": {"pay_choice"},
}
"""Steps that are continued even when no message comes: what was written before them is stored."""


def waits(process: str) -> set[str]:
    """The names of the phases of a workflow that wait for messages or for time."""
    return {
        name
        for owner in PHASES_OF[process]
        for name, method in inspect.getmembers(owner, inspect.iscoroutinefunction)
        if name.startswith(("await_", "watch_")) and inspect.get_annotations(method).get("return") == Phase | None
        if list(inspect.signature(method).parameters) == ["self"]
    }


async def continued_in(client: Client, claim_id: str) -> list[str]:
    """The phases in which the claim continued as new, the latest first."""
    found: list[str] = []
    run_id = ""
    while True:
        history = await client.get_workflow_handle(claim_id, run_id=run_id or None).fetch_history()
        began = history.events[0].workflow_execution_started_event_attributes
        if not began.continued_execution_run_id:
            return found
        _, snapshot = began.input.payloads
        found.append(json.loads(snapshot.data)["claim"]["phase"])
        run_id = began.continued_execution_run_id


def results_of(world: World) -> dict[str, Any]:
    """The results of the claim for customer, warehouse, finance and mail."""
    (claim,) = world.record.claims.values()
    return {
        "claim": (claim.state, claim.outcome, claim.attention, claim.amount_owed),
        "net paid": world.payments.net_paid(),
        "live holds": world.payments.live_holds(),
        "keys": sorted({key.partition(":")[2] for key in world.payments.calls if ":look:" not in key}),
        "uses": world.record.uses,
        "mails": sorted(world.mail.kinds()),
        "timeline": Counter(world.record.kinds()),
    }


async def played_twice(client: Client, scenario: Scenario) -> list[str]:
    """Play the scenario in long and in short runs, which end the same; the phases in which the short ones continued."""
    whole, short = scenario.world(client), scenario.world(client, processes=SHORT_RUNS, retries_decisions=True)
    async with scenario.played_in(whole), scenario.played_in(short) as claim_id:
        again = await continued_in(client, claim_id)
    assert results_of(short) == results_of(whole), scenario.file
    return again


@pytest.mark.parametrize("process", PHASES_OF)
async def test_scenarios_end_the_same_with_a_run_in_every_phase(temporal: WorkflowEnvironment, process: str) -> None:
    scenarios = [
        scenario for scenario in SCENARIOS if scenario.workflow == process and scenario.name in SCENARIOS_OF[process]
    ]
    assert {scenario.name for scenario in scenarios} == set(SCENARIOS_OF[process])
    again = await asyncio.gather(*(played_twice(temporal.client, scenario) for scenario in scenarios))
    assert {phase for found in again for phase in found} >= waits(process) | STEPS[process]


async def test_messages_that_race_a_new_run_count_once_each(temporal: WorkflowEnvironment) -> None:
    """The server carries signals over; an update that met the end of a run is repeated under its id."""
    world = World(temporal.client, processes=SHORT_RUNS, retries_decisions=True)
    async with world.worker():
        case = await world.open(world.care_express(Tier.PREMIUM))
        at = whole_second(await case.now())
        scans = [
            ParcelScanned(event_id=f"s-{n}", actor="carrier", scanned_at=at, carrier="UPS", tracking_number=f"1Z{n}")
            for n in range(60)
        ]
        dispatched = asyncio.create_task(case.dispatch())
        await asyncio.gather(*(case.handle.signal("return_scan", scan) for scan in [*scans, *scans[:10]]))
        await dispatched
        extend = ExtendReturn(actor="staff", days=2, reason="ill")
        more = [scan.model_copy(update={"event_id": f"{scan.event_id}-again"}) for scan in scans[:20]]
        deciding = asyncio.create_task(case.decide("extension", extend, update_id="one"))
        await asyncio.gather(*(case.handle.signal("return_scan", scan) for scan in more))
        extended = await deciding
        assert extended.returning is not None
        assert extended.returning.extended_days == 2
        assert (await case.refused("extension", extend)).type == "action_not_allowed"
        claim = await case.claim()
        assert claim.state is ClaimState.AWAITING_RETURN
        lines = Counter(event.details for event in world.record.events if event.kind == "return_scanned")
        assert lines == Counter({f"UPS 1Z{n}": 2 if n < 20 else 1 for n in range(60)})
        repeated = await case.decide("extension", extend, update_id="one")
        assert repeated.returning
        assert repeated.returning.extended_days == 2
        await case.arrive()
        assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.HOLD_RELEASED
        assert world.payments.net_paid() == FEE
        assert world.record.kinds().count("extended") == 1
        assert len(await continued_in(temporal.client, case.id)) > 3


async def test_an_update_whose_step_continues_in_the_next_run_completes_there(temporal: WorkflowEnvironment) -> None:
    """Its first caller gets `payment_in_progress`; a repetition under its id gets the result."""
    world = World(temporal.client, processes=SHORT_RUNS)
    async with world.worker():
        case = await world.open(world.care_express(Tier.PREMIUM))
        await case.dispatch()
        await case.arrive()
        world.payments.unresponsive.add("release")
        verdict = Inspect(actor="warehouse", serial_number="SN1", genuine=True, components=WITHOUT_BATTERY)
        first = asyncio.create_task(case.decide("inspection", verdict, update_id="verdict"))
        await case.until_in_step()
        await case.signal_arrival()  # what is written for it is stored, so that the step can go on in a new run
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await first
        assert isinstance(caught.value.cause, ApplicationError)
        assert caught.value.cause.type == "payment_in_progress"
        again = asyncio.create_task(case.decide("inspection", verdict, update_id="verdict"))
        await asyncio.sleep(3)
        assert not again.done()
        world.payments.unresponsive.clear()
        assert (await again).outcome is Outcome.HOLD_RELEASED
        assert world.record.kinds().count("inspected") == 1
        assert (world.payments.net_paid(), world.payments.live_holds()) == (FEE, 0)


async def test_the_api_repeats_a_decision_that_met_the_end_of_a_run(temporal: WorkflowEnvironment) -> None:
    world = World(temporal.client, processes=SHORT_RUNS)

    async def connected() -> Client:
        return temporal.client

    claim_commands = TemporalClaimCommands(connected, world.task_queue)
    await claim_commands.open()
    async with world.worker():
        case = await world.open(world.care_express(Tier.PREMIUM))
        decisions = {
            Action.DISPATCH: Dispatch(actor="warehouse", replacement_serial_number="SN2"),
            Action.EXTENSION: ExtendReturn(actor="staff", days=2, reason="ill"),
        }
        for action, decision in decisions.items():  # at once: the run that follows the one before has not begun yet
            claim = await claim_commands.decide(case.id, action, decision, f"key-{action}")
        assert claim.returning is not None
        assert (claim.state, claim.returning.extended_days) == (ClaimState.AWAITING_RETURN, 2)
        assert world.record.kinds().count("extended") == 1
    await claim_commands.close()
