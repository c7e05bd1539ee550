"""Local stack: one supervised child process. Knows nothing of Aftercare."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devstack import exit_with_parent

_RESTART_DELAYS = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before the first, second, ... consecutive restart."""
_STABLE_SECONDS = 30.0
"""A child that ran this long starts with the first delay again."""
_TAIL_LINES = 40
_MAX_LINE_BYTES = 1024 * 1024


class ChildProcess:
    """A process that is started, supervised, restarted when it ends by itself, and stopped.

    Args:
        name: its name in notes.
        command: program and arguments.
        environment: all of its environment variables.
        on_line: called with every line of its output, standard error included.
        on_note: called with a sentence whenever it ended by itself.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        on_line: Callable[[str], None],
        on_note: Callable[[str], None],
    ) -> None:
        self.name = name
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._command = tuple(command)
        self._environment = dict(environment)
        self._on_line = on_line
        self._on_note = on_note
        self._process: asyncio.subprocess.Process | None = None
        self._output_reader: asyncio.Task[None] | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the process without supervising it yet, so that the caller can see it fail."""
        if self.running:
            return
        await self._reap()
        self._process = await asyncio.create_subprocess_exec(
            # -I -S: the script needs no site packages, and starts in half the time without them.
            *(sys.executable, "-I", "-S", str(Path(exit_with_parent.__file__)), str(os.getpid())),
            *self._command,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_MAX_LINE_BYTES,
            # Ctrl-C then reaches the supervisor alone, which stops the parts in their order.
            start_new_session=True,
        )
        self._output_reader = asyncio.create_task(self._forward(self._process))

    def supervise(self) -> None:
        """From now on restart the process whenever it ends by itself."""
        if self._supervisor is None:
            self._supervisor = asyncio.create_task(self._restart_on_exit())

    async def stop(self, timeout: float) -> None:
        """Send SIGTERM, kill the process after ``timeout`` seconds, and return when it has ended."""
        await self._end_supervision()
        if self._process is not None and self.running:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), timeout)
        await self.kill()

    async def kill(self) -> None:
        """Kill the process and return when it has ended. It stays down until ``start``."""
        await self._end_supervision()
        self.kill_now()
        await self._reap()

    def kill_now(self) -> None:
        """Send SIGKILL without waiting; for a supervisor that received a second stop signal."""
        if self.running:
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def _restart_on_exit(self) -> None:
        loop = asyncio.get_running_loop()
        restarts = 0
        while True:
            assert self._process is not None
            started = loop.time()
            code = await self._process.wait()
            restarts = 0 if loop.time() - started > _STABLE_SECONDS else restarts
            delay = _RESTART_DELAYS[min(restarts, len(_RESTART_DELAYS) - 1)]
            restarts += 1
            self._on_note(f"{self.name} {_exit_description(code)}; starting it again in {delay:g} s")
            await asyncio.sleep(delay)
            await self.start()

    async def _end_supervision(self) -> None:
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
            self._supervisor = None

    async def _reap(self) -> None:
        """Wait until the process has ended and its last line is read."""
        if self._process is None:
            return
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                await self._process.stdin.wait_closed()
        if self._output_reader is not None:
            await self._output_reader
        self._process = self._output_reader = None

    async def _forward(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # the line is longer than the limit; the reader has dropped it
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            self.tail.append(text)
            self._on_line(text)


def _exit_description(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
