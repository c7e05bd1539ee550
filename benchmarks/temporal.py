"""Benchmarks: the API's client of Temporal, and whether a worker process polls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.client import Client

from api.temporal_client import TemporalClaimCommands
from messages.lanes import Lane
from settings import Settings
from temporal_runtime.client import connect_client
from temporal_runtime.connection import pollers


@asynccontextmanager
async def claim_commands(settings: Settings, address: str) -> AsyncIterator[TemporalClaimCommands]:
    """The API's client, connected to the server at `address`."""
    commands = TemporalClaimCommands(
        lambda: connect_client(settings, wait_seconds=5, address=address), settings.task_queue
    )
    await commands.open()
    try:
        yield commands
    finally:
        await commands.close()


async def polls(client: Client, queue: str, pid: int | None) -> bool:
    """Whether the process `pid` polls `queue` for workflow tasks, and not one that has ended."""
    return any(identity.startswith(f"{pid}@") for identity in await pollers(client, Lane.WORKFLOWS, queue))
