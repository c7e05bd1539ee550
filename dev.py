"""A composition root: the local stack. Temporal with its pages, worker and API on this machine. No room imports it.

``aftercare dev`` runs it in the foreground; the demo and the crash tests use ``Stack`` itself, with
``scratch_settings`` for free ports and a folder of their own. Everything it starts ends with it, whichever way it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

import httpx
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.mischief import Mischief
from connect import (
    RETENTION,
    TemporalUnreachable,
    connect,
    indexed_type_name,
    keep_closed_claims,
    register_search_attributes,
)
from domain.policy import Policy
from preflight import HOST, StackError, check_ports, claim_home, find_temporal, free_ports
from schedules import known_regions, set_up_schedules
from settings import DEVELOPMENT_KEY, Settings
from supervise import Child

Part = Literal["temporal", "worker", "api"]
PARTS: tuple[Part, ...] = ("temporal", "worker", "api")

_READY_SECONDS = 30.0
# Everything has to be gone 10 s after the first signal: the parts first, then the server they talk to.
_PARTS_STOP_SECONDS = 7.0
_TEMPORAL_STOP_SECONDS = 2.0

_DYNAMIC_CONFIG = (
    # One claim's clock can be moved: the development fast-forward and the demo.
    "frontend.WorkflowTimeSkippingEnabled=true",
    # The dev server has one shard and polls its queues 20 times a second by default, 40 ms for every step.
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    # Timers are due to the millisecond, not to the second.
    'history.timerProcessorMaxTimeShift="1ms"',
)


class Stack:
    """The local stack as an async context manager: entered when every part answers, left when none is there any more.

    A part that ends by itself is started again, with a note. A part ended through ``kill`` or ``stop`` stays down until
    ``start``. All state is in ``settings.home`` (or its database), so the next ``Stack`` there goes on with it.

    Args:
        settings: must be development settings; ports and folder are taken from them.
        parts: which to start at once; the others can be started later.
        on_line: called with part and line for everything a part writes.
        on_note: called with sentences for the person watching.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        parts: tuple[Part, ...] = PARTS,
        on_line: Callable[[Part, str], None] = lambda part, line: None,
        on_note: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.settings = settings
        self.temporal_address = f"{HOST}:{settings.temporal_port}"
        self.api_url = settings.api_url
        self.ui_url = f"http://{HOST}:{settings.temporal_ui_port}"
        self._first = parts
        self._on_line = on_line
        self._on_note = on_note
        self._lock: IO[str] | None = None
        self._client: Client | None = None
        self._children: dict[Part, Child] = {}

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    @property
    def client(self) -> Client:
        """A client of this stack's Temporal server."""
        if self._client is None:
            raise StackError("Temporal has not been started in this stack")
        return self._client

    def pid(self, part: Part) -> int | None:
        """The part's process id while it runs."""
        return self._children[part].pid

    def tail(self, part: Part) -> list[str]:
        """The last lines the part wrote."""
        return list(self._children[part].tail)

    async def start(self, part: Part) -> None:
        """Starts a part that is down, and returns when it answers.

        Raises:
            StackError: it ended at once or did not answer in time, with its last lines.
        """
        child = self._children[part]
        await child.start()
        await self._until_ready(part, child)
        child.guard()

    async def stop(self, part: Part) -> None:
        """Ends a part the friendly way; it stays down until ``start``."""
        await self._children[part].stop(_TEMPORAL_STOP_SECONDS if part == "temporal" else _PARTS_STOP_SECONDS)

    async def kill(self, part: Part) -> None:
        """``kill -9``; returns when the process is gone. It stays down until ``start``."""
        await self._children[part].kill()

    def kill_all_now(self) -> None:
        """Kills every part without waiting, for a second Ctrl-C."""
        for child in self._children.values():
            child.kill_now()

    async def _open(self) -> None:
        binary = find_temporal(self.settings)
        self._lock = claim_home(self.settings.home)
        await check_ports(self.settings)
        commands: dict[Part, list[str]] = {
            "temporal": _temporal_command(binary, self.settings),
            "worker": [sys.executable, "-m", "cli", "worker", "--end-with-stdin"],
            "api": [sys.executable, "-m", "cli", "api", "--end-with-stdin"],
        }
        environment = child_environment(self.settings, self.temporal_address)
        self._children = {part: self._child(part, command, environment) for part, command in commands.items()}
        # The thread cannot be cancelled, so it is waited for even if the server fails meanwhile.
        database = asyncio.create_task(asyncio.to_thread(_prepare_database, self.settings.database_url))
        try:
            if "temporal" in self._first:
                await self.start("temporal")
        finally:
            await asyncio.wait([database])
        database.result()
        if self._client is not None:
            await set_up_schedules(self._client, await known_regions(self.settings), self.settings.task_queue)
        try:
            async with asyncio.TaskGroup() as group:
                for part in self._first:
                    if part != "temporal":
                        group.create_task(self.start(part))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _close(self) -> None:
        parts = [child for part, child in self._children.items() if part != "temporal"]
        await asyncio.gather(*(child.stop(_PARTS_STOP_SECONDS) for child in parts))
        if "temporal" in self._children:
            await self._children["temporal"].stop(_TEMPORAL_STOP_SECONDS)
        self._client = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _child(self, part: Part, command: list[str], environment: dict[str, str]) -> Child:
        return Child(part, command, environment, on_line=lambda line: self._on_line(part, line), on_note=self._on_note)

    async def _until_ready(self, part: Part, child: Child) -> None:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                while not await self._ready(part, child):
                    if not child.running:
                        raise StackError(_with_tail(f"{part} ended while starting", child))
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise StackError(_with_tail(f"{part} did not answer within {_READY_SECONDS:.0f} s", child)) from None

    async def _ready(self, part: Part, child: Child) -> bool:
        match part:
            case "temporal":
                return await self._temporal_ready()
            case "worker":
                return await self._worker_ready(child)
            case "api":
                with contextlib.suppress(httpx.TransportError):
                    async with httpx.AsyncClient(trust_env=False) as http:
                        return (await http.get(f"{self.api_url}/healthz")).is_success
                return False

    async def _temporal_ready(self) -> bool:
        from messages.search import SEARCH_ATTRIBUTES

        try:
            client = await connect(wait_seconds=0.5, address=self.temporal_address)
            # The command line registers them too; a folder made by an older release lacks the newer ones.
            await register_search_attributes(client, SEARCH_ATTRIBUTES)
            await keep_closed_claims(client, RETENTION)
        except (TemporalUnreachable, RPCError):
            return False
        except TypeError as error:
            raise StackError(str(error)) from error
        self._client = client
        return True

    async def _worker_ready(self, child: Child) -> bool:
        """Whether this very process polls, and not one that was killed a moment ago."""
        if self._client is None:
            raise StackError("start Temporal before the worker")
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=self.settings.task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
        with contextlib.suppress(RPCError):
            answer = await self._client.workflow_service.describe_task_queue(request)
            return any(poller.identity.startswith(f"{child.pid}@") for poller in answer.pollers)
        return False


def scratch_settings(home: Path) -> Settings:
    """Development settings on free ports with everything in ``home``, whatever the surroundings say."""
    api_port, temporal_port, ui_port = free_ports(3)
    return Settings(
        environment="development",
        home=home,
        api_host=HOST,
        api_port=api_port,
        temporal_port=temporal_port,
        temporal_ui_port=ui_port,
        temporal_ui_url="",
        database_url="",
        payments="simulated",
        simulated_mischief=Mischief(),
        smtp_url=None,
        api_keys={DEVELOPMENT_KEY: "admin"},
        webhook_secrets={},
        secret=None,
        task_queue="aftercare",
        policy=Policy(),
    )


def _temporal_command(binary: Path, settings: Settings) -> list[str]:
    from messages.search import SEARCH_ATTRIBUTES

    command = [str(binary), "server", "start-dev", "--disable-config-file", "--disable-config-env"]
    command += ["--ip", HOST, "--port", str(settings.temporal_port), "--ui-port", str(settings.temporal_ui_port)]
    command += ["--ui-disable-news-fetch", "--log-level", "error"]
    command += ["--db-filename", str(settings.home / "temporal.db")]
    # Write-ahead log and NORMAL: 3.5 times the throughput, and a killed process still loses nothing.
    command += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=1"]
    for value in _DYNAMIC_CONFIG:
        command += ["--dynamic-config-value", value]
    for key in SEARCH_ATTRIBUTES:
        command += ["--search-attribute", f"{key.name}={indexed_type_name(key)}"]
    return command


def child_environment(settings: Settings, temporal_address: str) -> dict[str, str]:
    """All variables of a child process that is to see these settings and this server, and nothing else."""
    # Someone's profile for another cluster must not leak into the local stack.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    checkout = str(Path(__file__).parent)
    path = os.pathsep.join(filter(None, (checkout, inherited.get("PYTHONPATH", ""))))
    return (
        inherited
        | settings.to_environment()
        | {
            "TEMPORAL_ADDRESS": temporal_address,
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "PYTHONPATH": path,
            "PYTHONUNBUFFERED": "1",
        }
    )


def _prepare_database(url: str) -> None:
    from store.migrate import upgrade
    from store.seed import seed_development

    upgrade(url)
    asyncio.run(seed_development(url))


def _with_tail(sentence: str, child: Child) -> str:
    return "\n".join([f"{sentence}. Its last lines:", *(f"  {line}" for line in list(child.tail)[-15:])])


_STYLES: dict[Part, str] = {"temporal": "magenta", "worker": "green", "api": "cyan"}


async def run_dev(settings: Settings, console: Console) -> None:
    """The stack in the foreground until Ctrl-C, SIGTERM or a closed terminal; a second one does not wait.

    Raises:
        StackError: it cannot start; nothing is left running.
    """
    if not settings.development:
        raise StackError("`aftercare dev` is for development; run `aftercare worker` and `aftercare api` in production")

    asked = False

    def show_line(part: Part, line: str) -> None:
        if asked and part == "temporal":  # while it stops it only reports the requests it drops
            return
        # The SDK colours its own lines.
        console.print(Text.assemble((f"{part:>8} │ ", _STYLES[part]), Text.from_ansi(line)), soft_wrap=True)

    def show_note(sentence: str) -> None:
        console.print(Text(f"         ! {sentence}", style="bold yellow"), soft_wrap=True)

    stack = Stack(settings, on_line=show_line, on_note=show_note)
    task = asyncio.current_task()
    assert task is not None

    def ask() -> None:
        nonlocal asked
        if asked:
            stack.kill_all_now()
            return
        asked = True
        console.print("Stopping; once more to stop at once...")
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ask)
    console.print("Starting Temporal, worker and API...")
    # The cancellation is our own: it is how a signal leaves the `async with`.
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
        # Only the key everybody knows is shown.
        if key == DEVELOPMENT_KEY:
            rows.add_row("API key", f"{key} ({role})")
    return Panel(rows, title="Aftercare", subtitle="Ctrl-C stops it", expand=False)
