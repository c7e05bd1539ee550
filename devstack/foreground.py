"""Local stack: ``aftercare dev``, the stack in the foreground with its output on the console."""

from __future__ import annotations

import asyncio
import contextlib
import signal

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from devstack.preflight import StackError
from devstack.stack import PARTS_WITH_CODEC, Part, Stack
from settings import Settings
from settings.constants import DEVELOPMENT_KEY

_STYLES: dict[Part, str] = {"temporal": "magenta", "worker": "green", "api": "cyan", "codec": "blue"}


async def run_dev(settings: Settings, console: Console) -> None:
    """Run the stack until Ctrl-C, SIGTERM or a closed terminal; a second signal kills it at once.

    Raises:
        StackError: it cannot start; nothing is left running.
    """
    if not settings.development:
        raise StackError("`aftercare dev` is for development; run `aftercare worker` and `aftercare api` in production")

    stopping = False

    def show_line(part: Part, line: str) -> None:
        if stopping and part == "temporal":  # while stopping it only reports dropped requests
            return
        # The SDK's log lines contain ANSI colours.
        console.print(Text.assemble((f"{part:>8} │ ", _STYLES[part]), Text.from_ansi(line)), soft_wrap=True)

    def show_note(sentence: str) -> None:
        console.print(Text(f"         ! {sentence}", style="bold yellow"), soft_wrap=True)

    stack = Stack(settings, parts=PARTS_WITH_CODEC, on_line=show_line, on_note=show_note)
    task = asyncio.current_task()
    assert task is not None

    def stop() -> None:
        nonlocal stopping
        if stopping:
            stack.kill_all_now()
            return
        stopping = True
        console.print("Stopping; once more to stop at once...")
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    console.print("Starting Temporal, worker, API and codec server...")
    # The cancellation comes from `stop`, which leaves the `async with` by it.
    with contextlib.suppress(asyncio.CancelledError):
        async with stack:
            console.print(_banner(stack))
            await asyncio.Event().wait()
    console.print("Stopped. Everything is kept; the next start goes on.")


def _banner(stack: Stack) -> Panel:
    rows = Table.grid(padding=(0, 2))
    rows.add_row("API", stack.api_url)
    rows.add_row("API reference", f"{stack.api_url}/docs")
    rows.add_row("Temporal", stack.ui_url)
    rows.add_row("Temporal address", stack.temporal_address)
    rows.add_row("Data folder", str(stack.settings.home))
    for key, role in stack.settings.api_keys.items():
        # Only the public development key is shown.
        if key == DEVELOPMENT_KEY:
            rows.add_row("API key", f"{key} ({role})")
    return Panel(rows, title="Aftercare", subtitle="Ctrl-C stops it", expand=False)
