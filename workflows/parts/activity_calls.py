"""Workflow part: activity calls, shielded from cancellation, with a retry policy for each kind.

A cancel of the workflow must not interrupt a step that changes something. It is recorded here, and the inbox raises it
at the next wait, where nothing is in flight.
"""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError
from temporalio.types import MethodAsyncSingleParam

Self_ = TypeVar("Self_")
RequestT = TypeVar("RequestT")
ResultT = TypeVar("ResultT")

# The workflow cannot proceed without the database, so it retries without limit, at short intervals.
_DATABASE_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=30))
_EXTERNAL_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))

INLINE_TIMEOUT = timedelta(seconds=3)
"""How long the workflow task waits for an inline attempt; the caller of an update waits as long."""
HEARTBEAT_TIMEOUT = timedelta(seconds=8)
"""How long a heartbeat may be missing before another worker retries the activity: its worker was killed."""


class ActivityCalls:
    """`cancel_requested` says that a cancel of the workflow came while a call was in flight."""

    def __init__(self) -> None:
        self.cancel_requested = False

    async def shielded(self, step: Awaitable[ResultT]) -> ResultT:
        """The result of `step`, also when the workflow is cancelled meanwhile."""
        task = asyncio.ensure_future(step)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self.cancel_requested = True
            return await task

    async def database(
        self, method: MethodAsyncSingleParam[Self_, RequestT, ResultT], request: RequestT, summary: str
    ) -> ResultT:
        """Call the database in a local activity: it has no external effect."""
        return await self.shielded(
            workflow.execute_local_activity_method(
                method,
                request,
                start_to_close_timeout=timedelta(seconds=20),
                retry_policy=_DATABASE_RETRY,
                summary=summary,
            )
        )

    async def external(
        self, method: MethodAsyncSingleParam[Self_, RequestT, ResultT], request: RequestT, summary: str
    ) -> ResultT:
        """Call an external service in an activity, retried with the same request until there is a result.

        Its retries write no events, so an outage of days costs the history nothing.
        """
        return await self.shielded(
            workflow.execute_activity_method(
                method,
                request,
                start_to_close_timeout=timedelta(seconds=30),
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=_EXTERNAL_RETRY,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                summary=summary,
            )
        )

    async def inline(
        self, method: MethodAsyncSingleParam[Self_, RequestT, ResultT], request: RequestT, summary: str
    ) -> ResultT | None:
        """Try once inside the workflow task: one event instead of six. None when the attempt failed.

        Only for what moves no money. On None the caller uses `external`, which is visible and can be paused.
        """
        try:
            return await self.shielded(
                workflow.execute_local_activity_method(
                    method,
                    request,
                    start_to_close_timeout=INLINE_TIMEOUT,
                    retry_policy=RetryPolicy(maximum_attempts=1),
                    summary=summary,
                )
            )
        except FailureError:  # a local activity's own failure comes as it is, its timeout as an ActivityError
            return None

    async def inline_or_external(
        self, method: MethodAsyncSingleParam[Self_, RequestT, ResultT], request: RequestT, summary: str
    ) -> ResultT:
        result = await self.inline(method, request, summary)
        return await self.external(method, request, summary) if result is None else result
