"""Temporal: the workers of one process, one for each lane, and which lane an activity of a workflow goes to.

Workflows name no task queue: an interceptor of their worker chooses it. A replay compares an activity's id and type,
never its queue, so claims of releases before the lanes go on without a patch (decision 0059).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import (
    Interceptor,
    StartActivityInput,
    Worker,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
    WorkflowRunner,
)

from messages.lanes import Lane, queue_of
from messages.mail import Outbox
from messages.payments import Payments
from messages.reconciliation import Reconciliation
from messages.renewals import Renewals
from settings import Settings
from temporal_runtime.deployment import deployment_config

# How long a workflow task waits for the worker that has the claim in its cache. After a worker was killed, a message
# to one of its claims waits that long before another worker takes it and replays the claim.
_STICKY_QUEUE_TIMEOUT: Final = timedelta(seconds=1)
_LANES: Final = {
    **dict.fromkeys(Payments.__abstractmethods__, Lane.MONEY),
    Reconciliation.copy_payments.__name__: Lane.MONEY,  # it reads the gateway's list
    **dict.fromkeys(Outbox.__abstractmethods__, Lane.MAIL),
    **dict.fromkeys(Renewals.__abstractmethods__, Lane.MAIL),
}


def lane_of(activity: str) -> Lane:
    """The lane of the activity with this name: money asks the gateway, mail the mail server, all others our record."""
    return _LANES.get(activity, Lane.RECORD)


class LaneInterceptor(Interceptor):
    """Sends each activity that a workflow starts to its lane."""

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        return _Inbound


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))


class _Outbound(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:
        if input.task_queue is None:
            input.task_queue = queue_of(lane_of(input.activity), workflow.info().task_queue)
        return super().start_activity(input)


def lane_workers(
    client: Client,
    settings: Settings,
    *,
    workflows: Sequence[type],
    activities: Sequence[Callable[..., Any]],
    runner: WorkflowRunner,
    lanes: Collection[Lane] = tuple(Lane),
    **options: Any,
) -> list[Worker]:
    """A worker for each of `lanes`; `options` of `Worker` replace the settings' own.

    Each has all activities: the workflows' lane has local ones, and those that a claim started before the lanes.
    """
    shared: dict[str, Any] = {
        "workflow_runner": runner,
        "graceful_shutdown_timeout": timedelta(seconds=settings.worker_grace_seconds),
        "max_cached_workflows": settings.worker_cached_claims,
        "sticky_queue_schedule_to_start_timeout": _STICKY_QUEUE_TIMEOUT,
        "deployment_config": deployment_config(settings.build_id),
        **options,
    }
    return [
        Worker(
            client,
            task_queue=queue_of(lane, settings.task_queue),
            workflows=workflows if lane is Lane.WORKFLOWS else (),
            activities=activities,
            interceptors=[LaneInterceptor()] if lane is Lane.WORKFLOWS else (),
            max_concurrent_workflow_tasks=settings.concurrency(lane) if lane is Lane.WORKFLOWS else None,
            max_concurrent_activities=settings.concurrency(lane),
            max_task_queue_activities_per_second=settings.gateway_per_second if lane is Lane.MONEY else None,
            **shared,
        )
        for lane in Lane
        if lane in lanes
    ]


@asynccontextmanager
async def running(workers: Sequence[Worker]) -> AsyncIterator[None]:
    """Run the workers during the block, and stop them together: their grace is the same time."""
    async with AsyncExitStack() as stack:
        for worker in workers:
            await stack.enter_async_context(worker)
        try:
            yield
        finally:
            await asyncio.gather(*(worker.shutdown() for worker in workers))
