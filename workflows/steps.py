"""Workflows: how a claim calls its activities: always shielded from cancellation, always with a stated retry.

A cancel asked for in the Temporal UI must never land inside a step that moves money. It is noted here and raised by
the desk at the next wait, where nothing is in flight.
"""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Final, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError
from temporalio.types import MethodAsyncSingleParam

Self_ = TypeVar("Self_")
Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

FEWER_EVENTS: Final = "fewer-events"
"""Claims begun since then try what moves no money at once, and place hold and fee in one step (decision 0026)."""

# The record is ours and near: short waits, for as long as it takes. Nothing sensible can be done without it.
_RECORD_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=30))
_EFFECT_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=2))

AT_ONCE = timedelta(seconds=3)
"""How long the workflow task waits for what is tried inside it; whoever asked the claim waits as long."""
MISSED_AFTER = timedelta(seconds=8)
"""How long an effect gives no sign of life before another worker repeats it: its own was killed."""
EFFECT_PATIENCE = timedelta(minutes=15)
"""How long one effect is retried before people are told that its answer is unknown. The retries then go on."""
MAIL_PATIENCE = timedelta(days=3)


class Steps:
    """The calls a claim makes. `_cancel_requested` remembers a cancel that came during one of them."""

    def __init__(self) -> None:
        self._cancel_requested = False

    async def _shielded(self, step: Awaitable[Answer]) -> Answer:
        task = asyncio.ensure_future(step)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._cancel_requested = True
            return await task

    async def _recorded(self, method: MethodAsyncSingleParam[Self_, Ask, Answer], ask: Ask, summary: str) -> Answer:
        """Ask the record; a local activity, since nothing outside is touched."""
        return await self._shielded(
            workflow.execute_local_activity_method(
                method,
                ask,
                start_to_close_timeout=timedelta(seconds=20),
                retry_policy=_RECORD_RETRY,
                summary=summary,
            )
        )

    async def _effect(self, method: MethodAsyncSingleParam[Self_, Ask, Answer], ask: Ask, summary: str) -> Answer:
        """Touch the world: visible, retried with the same message (and so the same key) until the answer is known.

        After EFFECT_PATIENCE `_answer_unknown` is told; the question is then asked again, never a new one.
        """
        while True:
            try:
                answer = await self._shielded(
                    workflow.execute_activity_method(
                        method,
                        ask,
                        start_to_close_timeout=timedelta(seconds=30),
                        schedule_to_close_timeout=EFFECT_PATIENCE,
                        heartbeat_timeout=MISSED_AFTER,
                        retry_policy=_EFFECT_RETRY,
                        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                        summary=summary,
                    )
                )
            except ActivityError as error:
                await self._answer_unknown(summary, error)
            else:
                await self._answer_known(summary)
                return answer

    async def _at_once(
        self, method: MethodAsyncSingleParam[Self_, Ask, Answer], ask: Ask, summary: str
    ) -> Answer | None:
        """Try once, inside the workflow task: one event instead of six. None when it did not work at once.

        For what moves no money; whoever gets None asks again by a regular activity, which people see and can pause.
        """
        if not workflow.patched(FEWER_EVENTS):
            return None
        try:
            return await self._shielded(
                workflow.execute_local_activity_method(
                    method,
                    ask,
                    start_to_close_timeout=AT_ONCE,
                    retry_policy=RetryPolicy(maximum_attempts=1),
                    summary=summary,
                )
            )
        except FailureError:  # a local activity's own failure comes as it is, its timeout as an ActivityError
            return None

    async def _delivered(self, method: MethodAsyncSingleParam[Self_, Ask, Answer], ask: Ask, summary: str) -> bool:
        """Send something that may be given up after MAIL_PATIENCE. True when it went out."""
        try:
            await self._shielded(
                workflow.execute_activity_method(
                    method,
                    ask,
                    start_to_close_timeout=timedelta(seconds=60),
                    schedule_to_close_timeout=MAIL_PATIENCE,
                    retry_policy=_EFFECT_RETRY,
                    summary=summary,
                )
            )
        except ActivityError:
            return False
        return True

    async def _answer_unknown(self, summary: str, error: ActivityError) -> None:
        """A step's answer stays unknown. Overridden to tell people; waits before the question is asked again."""
        cause = error.cause
        hopeless = isinstance(cause, ApplicationError) and cause.non_retryable
        await self._shielded(workflow.sleep(timedelta(hours=1 if hopeless else 5 / 60), summary=f"again: {summary}"))

    async def _answer_known(self, summary: str) -> None:
        """The step is answered."""
