"""Benchmarks: the API's client of Temporal, and whether a worker process polls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from api.temporal_client import TemporalClaimCommands
from settings import Settings
from temporal_runtime.client import connect_client


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
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    response = await client.workflow_service.describe_task_queue(request)
    return any(poller.identity.startswith(f"{pid}@") for poller in response.pollers)
