"""Activities: heartbeats during a remote request, so that another worker soon retries the attempt of a killed one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity

from messages.base import Message


@asynccontextmanager
async def heartbeating(details: Callable[[], Awaitable[Message]] | None = None) -> AsyncIterator[None]:
    """Heartbeat three times in a heartbeat timeout while the block lasts.

    With `details` each heartbeat, and a first one at once, carries what it returns, for people to see. Does nothing
    outside an activity, or in one without a heartbeat timeout.
    """
    timeout = activity.info().heartbeat_timeout if activity.in_activity() else None
    if not timeout:
        yield
        return
    heartbeats = asyncio.create_task(_heartbeat(timeout / 3, details))
    try:
        yield
    finally:
        heartbeats.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await heartbeats


async def _heartbeat(interval: timedelta, details: Callable[[], Awaitable[Message]] | None) -> None:
    if details is not None:
        activity.heartbeat(await details())
    while True:
        await asyncio.sleep(interval.total_seconds())
        if details is None:
            activity.heartbeat()
        else:
            activity.heartbeat(await details())
