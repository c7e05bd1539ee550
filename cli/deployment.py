"""CLI: ``aftercare temporal deploy``, ``rollback`` and ``status``: which build of the worker claims go to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from temporalio.client import Client
from temporalio.service import RPCError

from cli.common import CommandError, prepared_settings
from temporal_runtime.client import connect_client
from temporal_runtime.deployment import Deployment, DeploymentError, describe, ramp, roll_back, set_current

ResultT = TypeVar("ResultT")
Wait = Annotated[float, typer.Option(min=0, max=600, help="How many seconds to wait for a worker of the build.")]


def deploy(
    build: Annotated[str, typer.Argument(help="AFTERCARE_BUILD_ID of the workers that take over.")],
    share: Annotated[
        float | None, typer.Option("--ramp", min=0, max=100, help="Send so many percent of the workflows there.")
    ] = None,
    wait: Wait = 30,
) -> None:
    """Send new workflows, and the open ones from their next task on, to a build; or a share of both."""

    async def change(client: Client) -> Deployment:
        if share is None:
            await set_current(client, build, wait_seconds=wait)
        else:
            await ramp(client, build, share, wait_seconds=wait)
        return await describe(client)

    _show(_run(change))


def rollback(
    wait: Wait = 30,
    leave_lanes: Annotated[
        bool,
        typer.Option(
            "--leave-lanes",
            help="The build before has no lanes (release 0.3.0): workers of this release without AFTERCARE_BUILD_ID, "
            "started with --queues money,mail,record, complete what waits in them.",
        ),
    ] = False,
) -> None:
    """End a ramp; without one, make the build before the current one current again, or workers without a build."""

    async def change(client: Client) -> Deployment:
        await roll_back(client, wait_seconds=wait, leave_lanes=leave_lanes)
        return await describe(client)

    _show(_run(change))


def status() -> None:
    """Show the builds: which one is current, which one ramps, and which are drained and may be stopped."""
    _show(_run(describe))


def _run(work: Callable[[Client], Awaitable[ResultT]]) -> ResultT:
    async def run() -> ResultT:
        client = await connect_client(prepared_settings())
        try:
            return await work(client)
        except DeploymentError as error:
            raise CommandError(str(error)) from error
        except RPCError as error:
            raise CommandError(f"Temporal refuses: {error.message}") from error

    return asyncio.run(run())


def _show(deployment: Deployment) -> None:
    typer.echo(f"current: {deployment.current or 'unversioned workers'}")
    if deployment.ramping:
        typer.echo(f"ramping: {deployment.ramping}, {deployment.ramp_percent:g} % of the workflows")
    for version in deployment.versions:
        if version.build_id not in (deployment.current, deployment.ramping):
            state = "drained, its workers may be stopped" if version.drained else "may have open workflows"
            typer.echo(f"{version.build_id}: {state}")
