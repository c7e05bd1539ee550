"""`python -m tests.system.dying_worker FOLDER EFFECT ...`: a worker that dies once after each of these took effect.

An effect is an activity's, committed, whose answer never reaches Temporal; or POSTED: a mail that is out and not noted.
FOLDER remembers what it has died of already.
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
from temporalio.worker import Worker

from activities.post import FolderPost
from connect import connect
from settings import load_settings
from store.database import Database
from worker import activities, start_mail_delivery, workflow_runner, workflows

CODE = 9
POSTED = "posted"


def fatal_once(method: Callable[..., Awaitable[Any]], remembered: Path) -> Callable[..., Awaitable[Any]]:
    """The same method, fatal the first time."""

    @functools.wraps(method)
    async def once(*asked: Any) -> Any:
        answer = await method(*asked)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(remembered, os.O_CREAT | os.O_EXCL))
            os._exit(CODE)
        return answer

    return once


def dying(method: Callable[[Any], Awaitable[Any]], remembered: Path) -> Callable[..., Any]:
    """The same activity, fatal the first time."""
    once = fatal_once(method, remembered)
    # The definition that came along with the wrapped method is the method's own.
    vars(once).pop("__temporal_activity_definition", None)
    return activity.defn(once)


async def main(folder: Path, fatal: set[str]) -> None:
    settings = load_settings()
    database = Database(settings.database_url)
    own = {method.__name__: method for method in activities(settings, database)}
    own |= {name: dying(own[name], folder / name) for name in fatal - {POSTED}}
    if POSTED in fatal:
        setattr(FolderPost, "deliver", fatal_once(FolderPost.deliver, folder / POSTED))  # noqa: B010
    client = await connect(wait_seconds=20)
    await start_mail_delivery(client, settings.task_queue)
    worker = Worker(
        client,
        task_queue=settings.task_queue,
        workflows=workflows(),
        activities=list(own.values()),
        workflow_runner=workflow_runner(),
        # Without a cache no queue is bound to the dead, which the server would wait for.
        max_cached_workflows=0,
    )
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), set(sys.argv[2:])))
