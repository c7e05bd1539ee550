"""A query that waited while no worker ran must not move the workflow on: its clock would be that of the task before."""

import asyncio
import contextlib
import uuid
from datetime import datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio import workflow
from temporalio.bridge.proto.workflow_activation import (
    FireTimer,
    QueryWorkflow,
    WorkflowActivation,
    WorkflowActivationJob,
)
from temporalio.client import WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from temporal_runtime.task_times import EventsWithoutTaskError, TaskTimes
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


async def woken_early(server: WorkflowEnvironment) -> int:
    """How many workflows saw a time before their timer's, after a query that waited for a worker."""
    queue = f"queries-{uuid.uuid4()}"

    def worker() -> Worker:
        return Worker(server.client, task_queue=queue, workflows=[Wakes], workflow_runner=CheckedRunner())

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
    assert await woken_early(temporal) == 0


def activation(seconds: int, length: int, *jobs: WorkflowActivationJob) -> WorkflowActivation:
    return WorkflowActivation(timestamp=Timestamp(seconds=seconds), history_length=length, jobs=jobs)


def test_events_after_the_last_workflow_task_are_refused() -> None:
    """The activations as the SDK made them, of a timer that fired while a query waited."""
    timer = WorkflowActivationJob(fire_timer=FireTimer(seq=2))
    times = TaskTimes()
    times.check(activation(1, 10, timer))
    times.check(activation(1, 10, timer))
    times.check(activation(1, 15, WorkflowActivationJob(query_workflow=QueryWorkflow(query_id="1"))))
    with pytest.raises(EventsWithoutTaskError, match="Repeat the query"):
        times.check(activation(1, 15, timer))
    times.check(activation(3, 15, timer))
