"""A query that waited while no worker ran must not move the workflow on: its clock would be that of the task before."""

import asyncio
import contextlib
import uuid
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.client import WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker

from tests.workflows.checked_runner import CheckedRunner

WORKFLOWS = 8


@workflow.defn
class Wakes:
    """Ends with its due time and the time it woke at."""

    @workflow.query
    def awake(self) -> bool:
        return False

    @workflow.run
    async def run(self) -> list[datetime]:
        await workflow.sleep(timedelta(milliseconds=10))
        due = workflow.now() + timedelta(seconds=1)
        await workflow.sleep(timedelta(seconds=1))
        return [due, workflow.now()]


async def woken_early(server: WorkflowEnvironment, runner: UnsandboxedWorkflowRunner) -> int:
    """How many workflows saw a time before their timer's, after a query that waited for a worker."""
    queue = f"queries-{uuid.uuid4()}"

    def worker() -> Worker:
        return Worker(server.client, task_queue=queue, workflows=[Wakes], workflow_runner=runner)

    async with worker():
        handles = [
            await server.client.start_workflow(Wakes.run, id=str(uuid.uuid4()), task_queue=queue)
            for _ in range(WORKFLOWS)
        ]
        await asyncio.sleep(0.4)  # the second timer has begun in all of them

    async def query(handle: WorkflowHandle[Wakes, list[datetime]]) -> None:
        with contextlib.suppress(WorkflowQueryFailedError, RPCError):
            await handle.query(Wakes.awake, rpc_timeout=timedelta(seconds=8))

    queries = [asyncio.create_task(query(handle)) for handle in handles]
    await asyncio.sleep(1.5)  # the timers have fired, and no worker runs
    unfinished = await handles[0].fetch_history()
    async with worker():
        await asyncio.gather(*queries)
        results = await asyncio.gather(*(handle.result() for handle in handles))
    # The gate of a release replays with the worker's runner, also histories that end with events of no task.
    for history in [unfinished, *[await handle.fetch_history() for handle in handles]]:
        await Replayer(workflows=[Wakes], workflow_runner=CheckedRunner()).replay_workflow(history)
    return sum(woke < due for due, woke in results)


async def test_a_query_that_waited_for_a_worker_does_not_turn_the_workflow_s_clock_back(
    temporal: WorkflowEnvironment,
) -> None:
    assert await woken_early(temporal, CheckedRunner()) == 0


async def test_the_sdk_alone_turns_it_back(temporal: WorkflowEnvironment) -> None:
    """When this fails, the SDK is mended and `temporal_runtime.task_times` can go."""
    assert await woken_early(temporal, UnsandboxedWorkflowRunner()) > 0
