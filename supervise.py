"""A composition part: one child process kept alive. Knows processes and nothing of Aftercare. No room imports it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import lifeline

_PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before the first, second, ... restart in a row."""
_SETTLED_SECONDS = 30.0
"""A child that lived this long starts the row again."""
_TAIL_LINES = 40
_LONGEST_LINE = 1024 * 1024


class Child:
    """A process that is started, watched, started again when it ends by itself, and stopped.

    Args:
        name: how it is called in notes.
        command: program and arguments.
        environment: all of its variables.
        on_line: called with every line it writes, standard error included.
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
        self._pump: asyncio.Task[None] | None = None
        self._guard: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Starts the process; not guarded yet, so whoever starts it can see it fail."""
        if self.running:
            return
        await self._reap()
        self._process = await asyncio.create_subprocess_exec(
            # -I -S: the lifeline needs no site packages, and starts in half the time without them.
            *(sys.executable, "-I", "-S", str(Path(lifeline.__file__)), str(os.getpid())),
            *self._command,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_LONGEST_LINE,
            # A Ctrl-C reaches the supervisor alone, which stops the parts in their order.
            start_new_session=True,
        )
        self._pump = asyncio.create_task(self._forward(self._process))

    def guard(self) -> None:
        """From now on the process is started again whenever it ends by itself."""
        if self._guard is None:
            self._guard = asyncio.create_task(self._keep_alive())

    async def stop(self, timeout: float) -> None:
        """Asks the process to end, kills it after ``timeout`` seconds, and returns when it is gone."""
        await self._unguard()
        if self._process is not None and self.running:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), timeout)
        await self.kill()

    async def kill(self) -> None:
        """Kills the process and returns when it is gone. It stays down until ``start``."""
        await self._unguard()
        self.kill_now()
        await self._reap()

    def kill_now(self) -> None:
        """Sends the kill without waiting; it is for a supervisor that was told twice to end."""
        if self.running:
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def _keep_alive(self) -> None:
        loop = asyncio.get_running_loop()
        row = 0
        while True:
            assert self._process is not None
            since = loop.time()
            code = await self._process.wait()
            row = 0 if loop.time() - since > _SETTLED_SECONDS else row
            pause = _PAUSES[min(row, len(_PAUSES) - 1)]
            row += 1
            self._on_note(f"{self.name} {_ending(code)}; starting it again in {pause:g} s")
            await asyncio.sleep(pause)
            await self.start()

    async def _unguard(self) -> None:
        if self._guard is not None:
            self._guard.cancel()
            await asyncio.gather(self._guard, return_exceptions=True)
            self._guard = None

    async def _reap(self) -> None:
        """Waits for the end and for the last line."""
        if self._process is None:
            return
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                await self._process.stdin.wait_closed()
        if self._pump is not None:
            await self._pump
        self._process = self._pump = None

    async def _forward(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # longer than any line worth reading; the reader has dropped it
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            self.tail.append(text)
            self._on_line(text)


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
