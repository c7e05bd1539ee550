"""CLI: ``aftercare worker``."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from cli.common import CommandError, EndWithStdin, prepared_settings, require_schema
from devstack.exit_with_parent import exit_when_stdin_closes
from messages.lanes import Lane
from temporal_runtime.traces import traces

Queues = Annotated[
    str, typer.Option(help=f"Serve these lanes alone: {', '.join(Lane)}, separated by commas. Without it, all.")
]


def worker(queues: Queues = "", end_with_stdin: EndWithStdin = False) -> None:
    """Run one worker. Several share the load; TEMPORAL_ADDRESS names the server."""
    if end_with_stdin:
        exit_when_stdin_closes()
    lanes = _lanes(queues)
    settings = prepared_settings()
    require_schema(settings.database_url)
    from worker import run_worker

    with traces("aftercare-worker") as interceptors:
        asyncio.run(run_worker(settings, lanes, interceptors))


def _lanes(queues: str) -> list[Lane]:
    """The lanes that `queues` names, all when it names none. Raises CommandError."""
    names = [name.strip() for name in queues.split(",") if name.strip()]
    unknown = [name for name in names if name not in set(Lane)]
    if unknown:
        raise CommandError(f"--queues: {', '.join(unknown)}: no such lane; there are {', '.join(Lane)}")
    return [lane for lane in Lane if lane in names] or list(Lane)
