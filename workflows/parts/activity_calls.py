"""Workflows, a part: how a process calls its activities: shielded from cancellation, with a stated retry.

A cancel from the Temporal UI must never land inside a step that changes something. It is remembered here, and the
inbox raises it at the next wait, where nothing is in flight.
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

# The database is ours and near: short waits, for as long as it takes. Nothing sensible can be done without it.
_DATABASE_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=30))
_EXTERNAL_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))

INLINE_PATIENCE = timedelta(seconds=3)
"""How long the workflow task waits for what is tried inside it; whoever sent the message waits as long."""
MISSED_AFTER = timedelta(seconds=8)
"""How long an activity gives no heartbeat before another worker repeats it: its own was killed."""


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
        """Call our own database: a local activity, since nothing outside is touched."""
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
        """Call an outside party: one activity, visible, retried with the same request until there is a result.

        Its retries write no events, so an outage of days costs the history nothing.
        """
        return await self.shielded(
            workflow.execute_activity_method(
                method,
                request,
                start_to_close_timeout=timedelta(seconds=30),
                heartbeat_timeout=MISSED_AFTER,
                retry_policy=_EXTERNAL_RETRY,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                summary=summary,
            )
        )

    async def inline(
        self, method: MethodAsyncSingleParam[Self_, RequestT, ResultT], request: RequestT, summary: str
    ) -> ResultT | None:
        """Try once inside the workflow task: one event instead of six. None when it did not work at once.

        For what moves no money; whoever gets None calls it as `external`, which people see and can pause.
        """
        try:
            return await self.shielded(
                workflow.execute_local_activity_method(
                    method,
                    request,
                    start_to_close_timeout=INLINE_PATIENCE,
                    retry_policy=RetryPolicy(maximum_attempts=1),
                    summary=summary,
                )
            )
        except FailureError:  # a local activity's own failure comes as it is, its timeout as an ActivityError
            return None

    async def inline_or_external(
        self, method: MethodAsyncSingleParam[Self_, RequestT, ResultT], request: RequestT, summary: str
    ) -> ResultT:
        answer = await self.inline(method, request, summary)
        return await self.external(method, request, summary) if answer is None else answer
