"""CLI: ``aftercare temporal``: what this release needs on a Temporal server, and the gate before a release."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from cli.common import prepared_settings
from cli.deployment import deploy, rollback, status
from cli.replay import replay
from settings import SettingsError
from temporal_runtime.client import connect_client
from temporal_runtime.connection import configured_namespace
from temporal_runtime.namespace import RETENTION, register_search_attributes, set_up_retention
from temporal_runtime.views import link
from temporal_runtime.views import views as named_views

temporal_app = typer.Typer(no_args_is_help=True, help="Prepare a Temporal server, and a release.")
temporal_app.command("replay")(replay)
temporal_app.command("deploy")(deploy)
temporal_app.command("rollback")(rollback)
temporal_app.command("status")(status)


@temporal_app.command("views")
def views(
    queries: Annotated[bool, typer.Option("--queries", help="Print each view's query instead of its link.")] = False,
) -> None:
    """Print a link to each list of claims in Temporal's UI: by what needs attention, by what is due, by state."""
    settings = prepared_settings()
    for name, query in named_views(datetime.now(UTC)):
        shown = query if queries else link(settings.temporal_ui_url, configured_namespace(), query)
        typer.echo(f"{name}\t{shown}")


@temporal_app.command("setup")
def setup(
    retention_days: Annotated[
        int, typer.Option(min=RETENTION.days, max=3650, help="Keep closed claims for so many days; never shortens.")
    ] = RETENTION.days,
) -> None:
    """Register search attributes, retention and schedules on the server TEMPORAL_ADDRESS names; may be repeated.

    The schedules need the catalogue: load it first, and run this again when a region is added.
    """
    from messages.search import SEARCH_ATTRIBUTES
    from temporal_runtime.schedules import known_regions, set_up_schedules

    async def run() -> None:
        settings = prepared_settings()
        client = await connect_client(settings)
        try:
            added = await register_search_attributes(client, SEARCH_ATTRIBUTES)
        except TypeError as error:
            raise SettingsError(str(error)) from error
        for key in SEARCH_ATTRIBUTES:
            typer.echo(f"{key.name}: {'added' if key.name in added else 'already there'}")
        typer.echo(f"retention: {await set_up_retention(client, timedelta(days=retention_days))}")
        schedules = await set_up_schedules(client, await known_regions(settings), settings.task_queue)
        for name, result in schedules.items():
            typer.echo(f"{name}: {result}")

    asyncio.run(run())
