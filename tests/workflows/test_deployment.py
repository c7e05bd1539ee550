"""Two builds of the worker side by side: claims go to the current one, a share of them to a ramp, and back."""

import contextlib
import uuid
from collections.abc import Callable

import pytest
from temporalio.worker import Worker

from domain.kinds import Outcome, Tier
from temporal_runtime.deployment import (
    DeploymentError,
    deployment_config,
    describe,
    ramp,
    roll_back,
    set_current,
)
from tests.workflows.case import WITHOUT_BATTERY, Case
from tests.workflows.world import World

Worlds = Callable[..., World]
WAIT = 30.0


def worker_of(world: World, build: str, name: str) -> Worker:
    world.deployment = deployment_config(build, name)
    return world.worker()


async def build_of(case: Case) -> str:
    """The build that completed the claim's last workflow task."""
    described = await case.handle.describe()
    return str(described.raw_description.workflow_execution_info.versioning_info.deployment_version.build_id)


async def good_return(case: Case) -> None:
    await case.arrive()
    assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.HOLD_RELEASED


async def test_an_open_claim_goes_on_with_the_new_build_and_back(make_world: Worlds) -> None:
    world, name = make_world(), f"care-{uuid.uuid4().hex[:8]}"
    async with worker_of(world, "b1", name):
        await set_current(world.client, "b1", wait_seconds=WAIT, name=name)
        case = await world.shipped()
        assert await build_of(case) == "b1"
        async with worker_of(world, "b2", name):
            await set_current(world.client, "b2", wait_seconds=WAIT, name=name)
            await case.scan()
            await case.pass_time(days=1)
            assert await build_of(case) == "b2"
            assert await roll_back(world.client, wait_seconds=WAIT, name=name) == "b1"
            await good_return(case)
            assert await build_of(case) == "b1"
        deployment = await describe(world.client, name)
    assert (deployment.current, deployment.previous, deployment.ramping) == ("b1", "b2", None)


async def test_a_ramp_takes_new_and_open_claims_and_a_rollback_takes_them_back(make_world: Worlds) -> None:
    world, other, name = make_world(), make_world(), f"care-{uuid.uuid4().hex[:8]}"
    async with contextlib.AsyncExitStack() as workers:
        for build in ("b1", "b2"):
            await workers.enter_async_context(worker_of(world, build, name))
            await workers.enter_async_context(worker_of(other, build, name))
        await set_current(world.client, "b1", wait_seconds=WAIT, name=name)
        before = await world.shipped()
        await ramp(world.client, "b2", 100, wait_seconds=WAIT, name=name)
        assert (await describe(world.client, name)).ramping == "b2"
        new = await other.open(other.care_express(Tier.PREMIUM))
        assert await build_of(new) == "b2"
        await before.scan()
        await before.pass_time(days=1)
        assert await build_of(before) == "b2"
        assert await roll_back(world.client, wait_seconds=WAIT, name=name) == "b1"
        assert (await describe(world.client, name)).ramping is None
        await new.dispatch()
        assert await build_of(new) == "b1"
        await good_return(before)
        await good_return(new)


async def test_claims_of_unversioned_workers_move_to_the_first_build(make_world: Worlds) -> None:
    world, name = make_world(), f"care-{uuid.uuid4().hex[:8]}"
    async with world.worker():
        case = await world.shipped()
    async with worker_of(world, "b1", name):
        await set_current(world.client, "b1", wait_seconds=WAIT, name=name)
        await good_return(case)
        assert await build_of(case) == "b1"


async def test_a_build_without_a_worker_is_refused_with_what_to_do(make_world: Worlds) -> None:
    world, name = make_world(), f"care-{uuid.uuid4().hex[:8]}"
    with pytest.raises(DeploymentError, match="start one with AFTERCARE_BUILD_ID=<build> aftercare worker"):
        await describe(world.client, name)
    with pytest.raises(DeploymentError, match="Is a worker of that build running"):
        await set_current(world.client, "b1", wait_seconds=0, name=name)
    async with worker_of(world, "b1", name):
        await set_current(world.client, "b1", wait_seconds=WAIT, name=name)
        assert await roll_back(world.client, wait_seconds=WAIT, name=name) == "unversioned"
        with pytest.raises(DeploymentError, match="there is nothing to roll back"):
            await roll_back(world.client, wait_seconds=WAIT, name=name)
