"""Lanes: each kind of work has its task queue; claims from before them go on, and builds with and without them mix."""

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Collection
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.service import RPCError
from temporalio.worker import Worker

from devstack.commands import scratch_settings
from domain.kinds import ClaimState, Outcome, Tier
from messages.claims import CancelClaim
from messages.lanes import Lane
from store.database import Database
from temporal_runtime.deployment import DeploymentError, deployment_config, roll_back, set_current
from temporal_runtime.lanes import lane_of, lane_workers, running
from tests.workflows.case import WITHOUT_BATTERY, Case
from tests.workflows.world import World
from worker import activities, workflow_runner

Worlds = Callable[..., World]
WAIT = 30.0


def lanes_of(
    world: World, home: Path, lanes: Collection[Lane] = tuple(Lane), build: str = "", deployment: str = ""
) -> list[Worker]:
    """The product's workers with the fakes' activities; with `build` they are that version of `deployment`."""
    return lane_workers(
        world.client,
        scratch_settings(home).model_copy(update={"task_queue": world.task_queue}),
        workflows=world.processes,
        activities=world.activities(),
        runner=workflow_runner(),
        lanes=lanes,
        deployment_config=deployment_config(build, deployment),
    )


async def queues_of(case: Case) -> dict[str, str]:
    """The task queue of each activity of the claim that is not local, without the name of the workflows' queue."""
    history = await case.handle.fetch_history()
    scheduled = [event.activity_task_scheduled_event_attributes for event in history.events]
    return {
        each.activity_type.name: each.task_queue.name.removeprefix(case.world.task_queue)
        for each in scheduled
        if each.activity_id
    }


async def until_pending(case: Case) -> None:
    """Until an activity of the claim waits for a worker."""
    async with asyncio.timeout(WAIT):
        while True:
            with contextlib.suppress(RPCError):  # the claim is not there yet
                if (await case.handle.describe()).raw_description.pending_activities:
                    return
            await asyncio.sleep(0.02)


async def test_money_and_what_is_asked_of_the_warehouse_go_to_their_lanes(make_world: Worlds, tmp_path: Path) -> None:
    world = make_world()
    async with running(lanes_of(world, tmp_path)):
        case = await world.open(world.care_express(Tier.PREMIUM))
        await case.decide("cancel", CancelClaim(actor="customer", reason="found a spare"))
    assert await queues_of(case) == {
        "hold_and_charge": "-money",
        "withdraw_dispatch": "-record",
        "release_hold": "-money",
        "refund_payment": "-money",
    }


async def test_a_claim_with_an_activity_on_the_one_queue_of_before_goes_on(make_world: Worlds, tmp_path: Path) -> None:
    world = make_world()
    without_activities = Worker(
        world.client,
        task_queue=world.task_queue,
        workflows=world.processes,
        workflow_runner=workflow_runner(),
        activities=world.activities(),
        no_remote_activities=True,
        graceful_shutdown_timeout=timedelta(seconds=10),
    )
    premium = world.care_express(Tier.PREMIUM)
    case = Case(world, premium.claim_id)
    async with without_activities:
        submission = asyncio.create_task(world.submit(premium))
        await until_pending(case)
    async with running(lanes_of(world, tmp_path)):
        await submission
        await case.dispatch()
        await case.arrive()
        assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.HOLD_RELEASED
    assert await queues_of(case) == {"hold_and_charge": "", "release_hold": "-money"}


async def test_a_worker_without_lanes_goes_on_with_a_claim_of_the_lanes(make_world: Worlds, tmp_path: Path) -> None:
    world = make_world()
    async with running(lanes_of(world, tmp_path)):
        case = await world.shipped()
    async with world.worker():
        await case.arrive()
        assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.HOLD_RELEASED
    assert await queues_of(case) == {"hold_and_charge": "-money", "release_hold": ""}


async def test_a_build_with_lanes_is_rolled_back_to_one_without(make_world: Worlds, tmp_path: Path) -> None:
    world, name = make_world(), f"care-{uuid.uuid4().hex[:8]}"
    world.deployment = deployment_config("before", name)
    async with world.worker():
        await set_current(world.client, "before", wait_seconds=WAIT, name=name)
        case = await world.shipped()
        async with running(lanes_of(world, tmp_path, build="lanes", deployment=name)):
            await set_current(world.client, "lanes", wait_seconds=WAIT, name=name)
            await case.arrive()
        # Of the lanes only the workflows' is served: what the claim asks of the gateway waits in its lane.
        async with running(lanes_of(world, tmp_path, [Lane.WORKFLOWS], build="lanes", deployment=name)):
            inspection = asyncio.create_task(case.inspect(components=WITHOUT_BATTERY))
            await until_pending(case)
        with pytest.raises(DeploymentError, match=r"for every lane\? .* --leave-lanes"):
            await roll_back(world.client, wait_seconds=0, name=name)
        await roll_back(world.client, wait_seconds=WAIT, leave_lanes=True, name=name)
        async with running(lanes_of(world, tmp_path, [Lane.MONEY])):
            assert (await inspection).outcome is Outcome.HOLD_RELEASED
        assert (await case.claim()).state is ClaimState.CLOSED


def test_every_activity_has_its_lane(tmp_path: Path) -> None:
    settings = scratch_settings(tmp_path)
    found: dict[str, set[Lane]] = {}
    for each in activities(settings, Database(settings.database_url)):
        found.setdefault(type(getattr(each, "__self__")).__name__, set()).add(lane_of(each.__name__))  # noqa: B009
    assert {name for name, lanes in found.items() if Lane.MONEY in lanes} == {
        "GatewayPayments",
        "DatabaseReconciliation",
    }
    assert {name for name, lanes in found.items() if Lane.MAIL in lanes} == {"OutgoingMail", "DatabaseRenewals"}
    assert lane_of("copy_payments") is Lane.MONEY
    assert lane_of("compare_subjects") is Lane.RECORD
