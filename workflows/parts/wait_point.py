"""Workflow part: the one place where a claim waits, and continues as new when its history is long."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta

from temporalio import workflow

from workflows.parts.activity_calls import ActivityCalls

_ONE_SECOND = timedelta(seconds=1)


class WaitPoint:
    """`can_continue`: continuing as new loses nothing; `history_is_long`: it is due; `continue_as_new` ends the run."""

    def __init__(
        self,
        calls: ActivityCalls,
        can_continue: Callable[[], bool],
        history_is_long: Callable[[], bool],
        release_handlers: Callable[[], None],
        continue_as_new: Callable[[], None],
    ) -> None:
        self._calls = calls
        self._can_continue = can_continue
        self._history_is_long = history_is_long
        self._release_handlers = release_handlers
        self._continue_as_new = continue_as_new
        self._background: list[asyncio.Task[None]] = []
        self._waiting = False

    @property
    def waiting(self) -> bool:
        return self._waiting

    def background(self, loop: Coroutine[None, None, None]) -> None:
        """Run a part's own loop concurrently; if it fails, the workflow fails at its wait."""
        self._background.append(asyncio.create_task(loop))

    async def wait(self, ready: Callable[[], bool], until: datetime | None, summary: str) -> None:
        """Wait until `ready`, or until the second of `until` has passed. A cancel is recorded and ends the wait."""
        timeout = None if until is None else max(until + _ONE_SECOND - workflow.now(), _ONE_SECOND)
        self._waiting = True
        try:
            await workflow.wait_condition(
                lambda: ready() or self._must_continue() or self._failed() is not None,
                timeout=timeout,
                timeout_summary=summary,
            )
        except TimeoutError:
            return
        except asyncio.CancelledError:
            self._calls.cancel_requested = True
            return
        finally:
            self._waiting = False
        failed = self._failed()
        if failed is not None:
            failed.result()
        if not ready() and self._must_continue():
            await self._continue()

    async def all_handlers_finished(self) -> None:
        """Wait until every update and signal handler has returned."""
        self._waiting = True
        await workflow.wait_condition(workflow.all_handlers_finished)

    def _must_continue(self) -> bool:
        return self._can_continue() and not self._calls.cancel_requested and self._history_is_long()

    async def _continue(self) -> None:
        self._release_handlers()
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._must_continue():
            self._continue_as_new()

    def _failed(self) -> asyncio.Task[None] | None:
        return next((task for task in self._background if task.done() and task.exception() is not None), None)
