"""CLI: ``aftercare dev`` and ``aftercare demo``: the local stack, and the demo on one."""

from __future__ import annotations

import asyncio

import typer
from rich.console import Console

from cli.common import prepared_settings


def dev() -> None:
    """Run Temporal with its pages, worker and API on this machine, until Ctrl-C."""
    from devstack.foreground import run_dev

    asyncio.run(run_dev(prepared_settings(), Console()))


def demo() -> None:
    """Play whole claims and plans on a stack of their own, then say whether each ended as expected."""
    from demo.runner import main as run_demo

    raise typer.Exit(run_demo())
