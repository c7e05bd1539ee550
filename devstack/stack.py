"""Local stack: Temporal with its UI, worker and API on this machine.

``aftercare dev`` runs it in the foreground; the demo and the crash tests use ``Stack`` with ``scratch_settings``, which
choose free ports and a folder of their own. Every process it starts ends with it, also after ``kill -9``.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from types import TracebackType
from typing import IO, Literal, Self

import httpx2
from temporalio.client import Client
from temporalio.service import RPCError

from devstack.commands import temporal_command
from devstack.environment import api_environment, base_environment, codec_environment, worker_environment
from devstack.preflight import HOST, StackError, check_ports, find_temporal, lock_home
from devstack.processes import ChildProcess
from messages.lanes import Lane
from messages.search import SEARCH_ATTRIBUTES
from settings import Settings
from temporal_runtime.client import connect_client
from temporal_runtime.connection import TemporalUnreachable, pollers
from temporal_runtime.namespace import RETENTION, ensure_retention, register_search_attributes
from temporal_runtime.schedules import known_regions, set_up_schedules

Part = Literal["temporal", "worker", "api", "codec"]
PARTS: tuple[Part, ...] = ("temporal", "worker", "api")
"""What a claim needs."""
PARTS_WITH_CODEC: tuple[Part, ...] = (*PARTS, "codec")
"""With the codec server, through which Temporal's pages show payloads."""

_READY_SECONDS = 30.0
# Everything must have ended 10 s after the first signal: worker and API first, then the server they use.
_PARTS_STOP_SECONDS = 7.0
_TEMPORAL_STOP_SECONDS = 2.0


class Stack:
    """The local stack as an async context manager: entered when every part is ready, left when every part has ended.

    A part that ends by itself is restarted, with a note. A part ended through ``kill`` or ``stop`` stays down until
    ``start``. All state is in ``settings.home`` (or its database), so the next ``Stack`` with that folder continues it.

    Args:
        settings: development settings; they name ports and data folder.
        parts: which to start on entry; the others can be started later.
        on_line: called with part and line for the output of each part.
        on_note: called with notes for the user, one sentence each.
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
        self._initial_parts = parts
        self._on_line = on_line
        self._on_note = on_note
        self._lock: IO[str] | None = None
        self._client: Client | None = None
        self._children: dict[Part, ChildProcess] = {}

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
        """The last lines of the part's output."""
        return list(self._children[part].tail)

    async def start(self, part: Part) -> None:
        """Start a part that is down, and return when it is ready.

        Raises:
            StackError: it ended at once or was not ready in time; the message has its last lines.
        """
        child = self._children[part]
        await child.start()
        await self._until_ready(part, child)
        child.supervise()

    async def stop(self, part: Part) -> None:
        """Stop a part by SIGTERM; it stays down until ``start``."""
        await self._children[part].stop(_TEMPORAL_STOP_SECONDS if part == "temporal" else _PARTS_STOP_SECONDS)

    async def kill(self, part: Part) -> None:
        """``kill -9``; returns when the process has ended. It stays down until ``start``."""
        await self._children[part].kill()

    def kill_all_now(self) -> None:
        """Kill every part without waiting, for a second Ctrl-C."""
        for child in self._children.values():
            child.kill_now()

    async def _open(self) -> None:
        binary = find_temporal(self.settings)
        self._lock = lock_home(self.settings.home)
        await check_ports(self.settings)
        commands: dict[Part, list[str]] = {
            "temporal": temporal_command(binary, self.settings),
            "worker": [sys.executable, "-m", "cli", "worker", "--end-with-stdin"],
            "api": [sys.executable, "-m", "cli", "api", "--end-with-stdin"],
            "codec": [sys.executable, "-m", "cli", "codec-server", "--end-with-stdin"],
        }
        environments: dict[Part, dict[str, str]] = {
            "temporal": base_environment(),
            "worker": worker_environment(self.settings, self.temporal_address),
            "api": api_environment(self.settings, self.temporal_address),
            "codec": codec_environment(self.settings, self.temporal_address),
        }
        self._children = {part: self._child(part, command, environments[part]) for part, command in commands.items()}
        # The thread cannot be cancelled, so it is awaited even if the server fails meanwhile.
        database = asyncio.create_task(asyncio.to_thread(_prepare_database, self.settings.database_url))
        try:
            if "temporal" in self._initial_parts:
                await self.start("temporal")
        finally:
            await asyncio.wait([database])
        database.result()
        if self._client is not None:
            await set_up_schedules(self._client, await known_regions(self.settings), self.settings.task_queue)
        try:
            async with asyncio.TaskGroup() as group:
                for part in self._initial_parts:
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

    def _child(self, part: Part, command: list[str], environment: dict[str, str]) -> ChildProcess:
        return ChildProcess(
            part, command, environment, on_line=lambda line: self._on_line(part, line), on_note=self._on_note
        )

    async def _until_ready(self, part: Part, child: ChildProcess) -> None:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                while not await self._ready(part, child):
                    if not child.running:
                        raise StackError(_with_tail(f"{part} ended while starting", child))
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise StackError(_with_tail(f"{part} did not answer within {_READY_SECONDS:.0f} s", child)) from None

    async def _ready(self, part: Part, child: ChildProcess) -> bool:
        match part:
            case "temporal":
                return await self._temporal_ready()
            case "worker":
                return await self._worker_ready(child)
            case "api":
                return await _responds(self.api_url)
            case "codec":
                return await _responds(f"http://{HOST}:{self.settings.codec_port}")

    async def _temporal_ready(self) -> bool:
        try:
            client = await connect_client(self.settings, wait_seconds=0.5, address=self.temporal_address)
            # The server's command line registers them too, but not in a folder of an older release.
            await register_search_attributes(client, SEARCH_ATTRIBUTES)
            await ensure_retention(client, RETENTION)
        except (TemporalUnreachable, RPCError):
            return False
        except TypeError as error:
            raise StackError(str(error)) from error
        self._client = client
        return True

    async def _worker_ready(self, child: ChildProcess) -> bool:
        """Whether this process polls, and not one that was killed a moment ago."""
        if self._client is None:
            raise StackError("start Temporal before the worker")
        with contextlib.suppress(RPCError):
            own = f"{child.pid}@"
            for lane in Lane:
                found = await pollers(self._client, lane, self.settings.task_queue)
                if not any(identity.startswith(own) for identity in found):
                    return False
            return True
        return False


async def _responds(url: str) -> bool:
    with contextlib.suppress(httpx2.TransportError):
        async with httpx2.AsyncClient(trust_env=False) as http:
            return (await http.get(f"{url}/healthz")).is_success
    return False


def _prepare_database(url: str) -> None:
    from store.migrate import upgrade
    from store.seed import seed_development

    upgrade(url)
    asyncio.run(seed_development(url))


def _with_tail(sentence: str, child: ChildProcess) -> str:
    return "\n".join([f"{sentence}. Its last lines:", *(f"  {line}" for line in list(child.tail)[-15:])])
