"""Fixtures of the workflow tests: a World with a worker, and one without."""

from collections.abc import AsyncIterator, Callable

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
