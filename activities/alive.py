"""Activities: a sign of life while a far party is asked, so that the work of a killed worker is soon taken up."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity

from messages.base import Message


@asynccontextmanager
async def alive(tell: Callable[[], Awaitable[Message]] | None = None) -> AsyncIterator[None]:
    """While the block lasts Temporal hears that somebody works on it, three times in a heartbeat timeout.

    With `tell` each sign, and a first one at once, carries what it returns, for people to see. Does nothing outside an
    activity, or in one that nobody listens to.
    """
    patience = activity.info().heartbeat_timeout if activity.in_activity() else None
    if not patience:
        yield
        return
    beating = asyncio.create_task(_beat(patience / 3, tell))
    try:
        yield
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating


async def _beat(every: timedelta, tell: Callable[[], Awaitable[Message]] | None) -> None:
    if tell is not None:
        activity.heartbeat(await tell())
    while True:
        await asyncio.sleep(every.total_seconds())
        if tell is None:
            activity.heartbeat()
        else:
            activity.heartbeat(await tell())
