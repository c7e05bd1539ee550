"""Every way a process can go, told with the verbs of the workflow tests: what `record` plays and `histories/` keeps."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowUpdateFailedError

from domain.kinds import Tier
from domain.policy import Policy
from messages.claims import ClaimAccepted, ClaimRefused, Decision
from tests.workflows.conftest import Case, World


@dataclass(frozen=True)
class Story:
    """One run of one workflow. `tell` returns the workflow's id; with `closes` it is waited for until its end."""

    workflow: str
    name: str
    tell: Callable[[World], Awaitable[str]]
    policy: Policy = field(default_factory=Policy)
    hold_days: int = 30
    worker: bool = True
    closes: bool = True

    @property
    def file(self) -> str:
        return f"{self.workflow}.{self.name}.json"

    def world(self, client: Client, **changes: Any) -> World:
        """The world in which the story is told."""
        world = World(client, self.policy, **changes)
        world.payments.hold_life = timedelta(days=self.hold_days)
        return world

    @asynccontextmanager
    async def told(self, client: Client) -> AsyncIterator[str]:
        """The id of the workflow that has lived the story; its history can be fetched meanwhile."""
        async with self.told_in(self.world(client)) as workflow_id:
            yield workflow_id

    @asynccontextmanager
    async def told_in(self, world: World) -> AsyncIterator[str]:
        """The same in a world of the caller's."""
        async with world.worker() if self.worker else contextlib.nullcontext():
            workflow_id = await self.tell(world)
            if self.closes:
                with contextlib.suppress(WorkflowFailureError):  # a cancelled one ends so
                    await world.handle(workflow_id).result()
            else:
                await Case(world, workflow_id).claim()
            yield workflow_id


STORIES: list[Story] = []


def story(workflow: str, **told_with: Any) -> Callable[[Callable[[World], Awaitable[str]]], None]:
    """Adds the function to STORIES under its own name."""

    def add(tell: Callable[[World], Awaitable[str]]) -> None:
        STORIES.append(Story(workflow, getattr(tell, "__name__").strip("_"), tell, **told_with))  # noqa: B009

    return add


async def refused(world: World, ask: Any) -> str:
    """Submit what must be refused."""
    assert isinstance(await world.submit(ask), ClaimRefused)
    claim_id: str = ask.claim_id
    return claim_id


async def declined(world: World, ask: Any) -> str:
    """Submit what the card will not pay for."""
    answer = await world.submit(ask)
    assert isinstance(answer, ClaimAccepted)
    return answer.claim.id


async def in_vain(case: Case, name: str, decision: Decision) -> None:
    """Ask for what is accepted as a question and refused by the story."""
    with contextlib.suppress(WorkflowUpdateFailedError):
        await case.decide(name, decision)
        raise AssertionError(f"{name} was not refused")


async def by_operations(case: Case) -> str:
    """Cancel it in the Temporal UI."""
    await case.claim()
    await case.handle.cancel()
    return case.id


async def nobody_home(case: Case, until: timedelta) -> None:
    """Let time pass while no worker runs: the server's clock stops at the first timer that nobody handles."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            await case.world.skipper.fast_forward(case.handle, until)


def fresh_event() -> str:
    return str(uuid.uuid4())


def premium(world: World, **changes: object) -> Any:
    return world.express(Tier.PREMIUM, **changes)


def standard(world: World, **changes: object) -> Any:
    return world.express(Tier.STANDARD, **changes)
