"""A scenario: one way a process can go, written with the verbs of the workflow tests. `record` plays and keeps it."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowUpdateFailedError

from domain.kinds import ClaimState, Tier
from domain.policy import Policy
from messages.claims import ClaimAccepted, ClaimRefused, Complete, Decision
from tests.workflows.case import Case
from tests.workflows.world import World


@dataclass(frozen=True)
class Scenario:
    """One run of one workflow. `play` returns the workflow's id; with `closes` its end is awaited."""

    workflow: str
    name: str
    play: Callable[[World], Awaitable[str]]
    policy: Policy = field(default_factory=Policy)
    hold_days: int = 30
    worker: bool = True
    closes: bool = True

    @property
    def file(self) -> str:
        return f"{self.workflow}.{self.name}.json"

    def world(self, client: Client, **changes: Any) -> World:
        """The world in which the scenario is played."""
        world = World(client, self.policy, **changes)
        world.payments.hold_life = timedelta(days=self.hold_days)
        return world

    @asynccontextmanager
    async def played(self, client: Client) -> AsyncIterator[str]:
        """The id of the workflow that has gone through the scenario; its history can be fetched meanwhile."""
        async with self.played_in(self.world(client)) as workflow_id:
            yield workflow_id

    @asynccontextmanager
    async def played_in(self, world: World) -> AsyncIterator[str]:
        """The same in the caller's world."""
        async with world.worker() if self.worker else contextlib.nullcontext():
            workflow_id = await self.play(world)
            if self.closes:
                await report_shipped_back(Case(world, workflow_id))
                with contextlib.suppress(WorkflowFailureError):  # a cancelled one ends so
                    await world.handle(workflow_id).result()
            else:
                await Case(world, workflow_id).claim()
            yield workflow_id


SCENARIOS: list[Scenario] = []


def scenario(workflow: str, **options: Any) -> Callable[[Callable[[World], Awaitable[str]]], None]:
    """Adds the function to SCENARIOS under its own name."""

    def add(play: Callable[[World], Awaitable[str]]) -> None:
        SCENARIOS.append(Scenario(workflow, getattr(play, "__name__").strip("_"), play, **options))  # noqa: B009

    return add


async def report_shipped_back(case: Case) -> None:
    """Report the unit of a closed claim as shipped back, if one is to go back."""
    while (claim := case.world.record.claims.get(case.id)) is not None and claim.state is not ClaimState.CLOSED:
        if (await case.handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
            return
        await asyncio.sleep(0.05)
    if claim is not None and claim.goes_back:
        await case.decide("completion", Complete(actor="warehouse", tracking_number="1Z"))


async def submit_refused(world: World, request: Any) -> str:
    """Submit what must be refused."""
    assert isinstance(await world.submit(request), ClaimRefused)
    claim_id: str = request.claim_id
    return claim_id


async def submit_declined(world: World, request: Any) -> str:
    """Submit what the card will not pay for."""
    result = await world.submit(request)
    assert isinstance(result, ClaimAccepted)
    return result.claim.id


async def decide_refused(case: Case, name: str, decision: Decision) -> None:
    """Send an update that is accepted and whose handler refuses it."""
    with contextlib.suppress(WorkflowUpdateFailedError):
        await case.decide(name, decision)
        raise AssertionError(f"{name} was not refused")


async def cancel_in_temporal(case: Case) -> str:
    """Cancel it in the Temporal UI."""
    await case.claim()
    await case.handle.cancel()
    return case.id


async def pass_time_without_worker(case: Case, until: timedelta) -> None:
    """Let time pass while no worker runs: the server's clock stops at the first timer without a worker."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            await case.world.skipper.fast_forward(case.handle, until)


def new_event_id() -> str:
    return str(uuid.uuid4())


def premium(world: World, **changes: object) -> Any:
    return world.care_express(Tier.PREMIUM, **changes)


def standard(world: World, **changes: object) -> Any:
    return world.care_express(Tier.STANDARD, **changes)
