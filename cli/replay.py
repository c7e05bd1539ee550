"""CLI: ``aftercare temporal replay``: whether this release can continue the workflows of a namespace."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.common import prepared_settings
from settings import load_settings
from temporal_runtime.client import connect_client, data_converter

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowHistory

_FETCHES: Final = 8
_BATCH: Final = 25
_PAGE: Final = 200

Histories = Sequence[tuple[str, str]]
"""Workflow id and history as JSON."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A history that this release cannot replay: a workflow that would be stuck."""

    workflow_id: str
    error: str


def replay(
    closed_days: Annotated[
        int, typer.Option(min=0, max=3650, help="Also workflows that closed within so many days.")
    ] = 7,
    processes: Annotated[int, typer.Option(min=1, help="How many processes replay.")] = os.cpu_count() or 1,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="List every failure, not the first alone.")] = False,
) -> None:
    """Replay the histories of open and recently closed workflows against this release; changes nothing.

    The gate before a release: ends with 0 when every history replays, 1 at the first that does not, 2 when it could
    not run.
    """
    count, failures = asyncio.run(_replay_namespace(closed_days, processes, keep_going=keep_going))
    for failure in failures:
        typer.secho(f"{failure.workflow_id}: {failure.error}", fg="red", err=True)
    if failures:
        hint = "keep the old way behind workflow.patched (CONTRIBUTING, Changing a running workflow)"
        typer.echo(f"This release would break running workflows; {len(failures)} seen in {count} histories: {hint}")
        raise typer.Exit(1)
    typer.echo(f"{count} histories replay")


async def _replay_namespace(closed_days: int, processes: int, *, keep_going: bool) -> tuple[int, list[Failure]]:
    """How many histories were replayed, and the failures."""
    client = await connect_client(prepared_settings())
    count, failures = 0, list[Failure]()
    loop = asyncio.get_running_loop()
    # A forked process would inherit the SDK's threads and locks.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        running: set[asyncio.Future[list[Failure]]] = set()
        async for batch in _batches(client, _query(closed_days)):
            running.add(loop.run_in_executor(pool, replay_histories, batch))
            count += len(batch)
            if len(running) > processes:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                failures += [failure for future in done for failure in future.result()]
            if failures and not keep_going:
                break
        for future in running:
            failures += await future
    return count, failures if keep_going else failures[:1]


def _query(closed_days: int) -> str:
    from worker import workflows

    names = ", ".join(f"'{found.__name__}'" for found in workflows())
    since = datetime.now(UTC) - timedelta(days=closed_days)
    return f"WorkflowType IN ({names}) AND (ExecutionStatus = 'Running' OR CloseTime > '{since:%Y-%m-%dT%H:%M:%SZ}')"


async def _batches(client: Client, query: str) -> AsyncIterator[Histories]:
    """The histories, fetched some at a time."""
    limit = asyncio.Semaphore(_FETCHES)

    async def fetch(workflow_id: str, run_id: str) -> tuple[str, str]:
        async with limit:
            history: WorkflowHistory = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
            return workflow_id, history.to_json()

    batch: list[asyncio.Task[tuple[str, str]]] = []
    async for found in client.list_workflows(query, page_size=_PAGE):
        batch.append(asyncio.create_task(fetch(found.id, found.run_id)))
        if len(batch) == _BATCH:
            yield await asyncio.gather(*batch)
            batch = []
    if batch:
        yield await asyncio.gather(*batch)


def replay_histories(batch: Histories) -> list[Failure]:
    """Replay the histories in this process, with the settings of its environment."""
    return asyncio.run(_replay_histories(batch))


async def _replay_histories(batch: Histories) -> list[Failure]:
    from temporalio.client import WorkflowHistory
    from temporalio.worker import Replayer

    from worker import workflow_runner, workflows

    replayer = Replayer(
        workflows=workflows(), data_converter=data_converter(load_settings()), workflow_runner=workflow_runner()
    )

    async def histories() -> AsyncIterator[WorkflowHistory]:
        for workflow_id, text in batch:
            yield WorkflowHistory.from_json(workflow_id, text)

    async with replayer.workflow_replay_iterator(histories()) as results:
        return [
            Failure(result.history.workflow_id, str(result.replay_failure))
            async for result in results
            if result.replay_failure is not None
        ]
