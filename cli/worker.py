"""CLI: ``aftercare worker``."""

from __future__ import annotations

import asyncio

from cli.common import EndWithStdin, prepared_settings, require_schema
from devstack.exit_with_parent import exit_when_stdin_closes


def worker(end_with_stdin: EndWithStdin = False) -> None:
    """Run one worker. Several share the load; TEMPORAL_ADDRESS names the server."""
    if end_with_stdin:
        exit_when_stdin_closes()
    settings = prepared_settings()
    require_schema(settings.database_url)
    from worker import run_worker

    asyncio.run(run_worker(settings))
