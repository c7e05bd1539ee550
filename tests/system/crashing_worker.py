"""`python -m tests.system.crashing_worker FOLDER EFFECT ...`: a worker that exits once after each of these effects.

An effect is an activity that has committed and whose result does not reach Temporal; or POSTED: a mail that was sent
and not marked as sent.
Files in FOLDER record the effects after which it has exited.
"""

import asyncio
import contextlib
import functools
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from temporalio import activity

from activities.mail.transport import FolderTransport
from settings import load_settings
from store.database import Database
from temporal_runtime.client import connect_client
from temporal_runtime.lanes import lane_workers, running
from worker import activities, start_mail_delivery, workflow_runner, workflows

CODE = 9
POSTED = "posted"


def fatal_once(method: Callable[..., Awaitable[Any]], marker: Path) -> Callable[..., Awaitable[Any]]:
    """The method; the process exits after its first execution."""

    @functools.wraps(method)
    async def once(*arguments: Any) -> Any:
        result = await method(*arguments)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
            os._exit(CODE)
        return result

    return once


def crashing(method: Callable[[Any], Awaitable[Any]], marker: Path) -> Callable[..., Any]:
    """The activity; the process exits after its first execution."""
    once = fatal_once(method, marker)
    # `wraps` copied the method's activity definition, which must be made anew.
    vars(once).pop("__temporal_activity_definition", None)
    return activity.defn(once)


async def main(folder: Path, fatal: set[str]) -> None:
    settings = load_settings()
    database = Database(settings.database_url)
    own = {method.__name__: method for method in activities(settings, database)}
    own |= {name: crashing(own[name], folder / name) for name in fatal - {POSTED}}
    if POSTED in fatal:
        setattr(FolderTransport, "deliver", fatal_once(FolderTransport.deliver, folder / POSTED))  # noqa: B010
    client = await connect_client(settings)
    await start_mail_delivery(client, settings.task_queue)
    # Without a cache no queue is bound to the dead, which the server would wait for.
    uncached = settings.model_copy(update={"worker_cached_claims": 0})
    workers = lane_workers(
        client, uncached, workflows=workflows(), activities=list(own.values()), runner=workflow_runner()
    )
    async with running(workers):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), set(sys.argv[2:])))
