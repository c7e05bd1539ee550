"""Activities: a sign of life while a far party is asked, so that the work of a killed worker is soon taken up."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity


@asynccontextmanager
async def alive() -> AsyncIterator[None]:
    """While the block lasts Temporal hears that somebody works on it, three times in a heartbeat timeout.

    Does nothing outside an activity, or in one that nobody listens to.
    """
    patience = activity.info().heartbeat_timeout if activity.in_activity() else None
    if not patience:
        yield
        return
    beating = asyncio.create_task(_beat(patience / 3))
    try:
        yield
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating


async def _beat(every: timedelta) -> None:
    while True:
        await asyncio.sleep(every.total_seconds())
        activity.heartbeat()
