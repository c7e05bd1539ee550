"""Fixtures of the workflow tests: a World with a worker, and others without."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.workflows.world import World


@pytest.fixture
async def world(temporal: WorkflowEnvironment) -> AsyncIterator[World]:
    world = World(temporal.client)
    async with world.worker():
        yield world


@pytest.fixture
def make_world(temporal: WorkflowEnvironment) -> Callable[..., World]:
    """A world without a worker, for tests that start and stop their own."""
    return lambda **changes: World(temporal.client, **changes)


@pytest.fixture
def failing(make_world: Callable[..., World]) -> World:
    """Holds of a week, and a card that accepts the first alone."""
    world = make_world()
    world.payments.hold_life = timedelta(days=7)
    world.payments.declines.add(("renewal", "pm_card_visa"))
    return world
