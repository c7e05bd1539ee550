"""Benchmarks: what one side of the comparison is put through, and what is counted of it."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Engine, text

from benchmarks import processes
from benchmarks.peer_case import MAILS, Case
from benchmarks.peer_sides import Side
from messages.mail import MailKind

DRIVER: Final = "driver"
_MAIL_SECONDS: Final = 180.0
_SETTLING_SECONDS: Final = 2.0


@dataclass
class Load:
    """Claims from beginning to end, many at once. Seconds; CPU by process, in seconds for all claims together."""

    claims: int = 0
    seconds: float = 0.0
    submissions: list[float] = field(default_factory=list)
    releases: list[float] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.claims / self.seconds


@dataclass
class Kill:
    """A worker killed with `left` claims open. Seconds from the kill: until the new one worked, until all were closed,
    until every mail was out."""

    left: int
    working: float
    closed: float
    mailed: float


class Driver:
    """Plays claims on `side`."""

    def __init__(self, side: Side, postgres_pid: int, at_once: int) -> None:
        self._side = side
        self._postgres_pid = postgres_pid
        self._at_once = at_once

    async def load(self, cases: Sequence[Case]) -> Load:
        """All of them, with their CPU."""
        load = Load(claims=len(cases))
        before, began = self._cpu(), time.perf_counter()
        await self._each(cases, lambda case: self._whole(case, load))
        load.seconds = time.perf_counter() - began
        await self.mails_out(cases)
        load.cpu = {name: spent - before[name] for name, spent in self._cpu().items()}
        return load

    async def alone(self, cases: Sequence[Case]) -> Load:
        """One after the other: what a customer waits when nobody else is there."""
        load = Load(claims=len(cases))
        began = time.perf_counter()
        for case in cases:
            await self._whole(case, load)
        load.seconds = time.perf_counter() - began
        return load

    async def killed_in_the_middle(self, cases: Sequence[Case]) -> Kill:
        """The worker is killed when a third of the claims are closed, and started again at once."""
        load, third = Load(claims=len(cases)), asyncio.Event()

        async def play(case: Case) -> None:
            await self._whole(case, load)
            if len(load.releases) >= len(cases) // 3:
                third.set()

        playing = asyncio.create_task(self._each(cases, play))
        reached = asyncio.create_task(third.wait())
        await asyncio.wait([playing, reached], return_when=asyncio.FIRST_COMPLETED)
        killed = time.perf_counter()
        before = len(load.releases)
        working = await self._kill()
        await playing
        reached.cancel()
        closed = time.perf_counter() - killed
        await self.mails_out(cases)
        return Kill(len(cases) - before, working, closed, time.perf_counter() - killed)

    async def killed_while_waiting(self, cases: Sequence[Case]) -> Kill:
        """The worker is killed while all wait for their dispatch; then their parcels are sent and come back."""
        await self._each(cases, self._side.submit)
        await self.mails_out(cases, (MailKind.SETTLEMENT,))
        await asyncio.sleep(_SETTLING_SECONDS)  # a claim asks its warehouse after it has answered its customer
        killed = time.perf_counter()
        working = await self._kill()
        await self._each(cases, self._go_on)
        closed = time.perf_counter() - killed
        await self.mails_out(cases)
        return Kill(len(cases), working, closed, time.perf_counter() - killed)

    async def mails_out(self, cases: Sequence[Case], kinds: Collection[MailKind] = MAILS) -> None:
        """Their cost belongs to the claim."""
        async with asyncio.timeout(_MAIL_SECONDS):
            while not all(self._side.has_mailed(case, kinds) for case in cases):  # noqa: ASYNC110  # files tell nobody
                await asyncio.sleep(0.1)

    async def _kill(self) -> float:
        began = time.perf_counter()
        await self._side.kill_worker()
        await self._side.start_worker()
        return time.perf_counter() - began

    async def _whole(self, case: Case, load: Load) -> None:
        began = time.perf_counter()
        await self._side.submit(case)
        load.submissions.append(time.perf_counter() - began)
        load.releases.append(await self._rest(case))

    async def _rest(self, case: Case) -> float:
        await self._side.dispatch(case)
        await self._side.arrive(case)
        began = time.perf_counter()
        await self._side.inspect(case)
        return time.perf_counter() - began

    async def _go_on(self, case: Case) -> None:
        await self._rest(case)

    async def _each(self, cases: Sequence[Case], play: Callable[[Case], Awaitable[None]]) -> None:
        waiting = list(reversed(cases))

        async def one_after_the_other() -> None:
            while waiting:
                await play(waiting.pop())

        async with asyncio.TaskGroup() as group:
            for _ in range(self._at_once):
                group.create_task(one_after_the_other())

    def _cpu(self) -> dict[str, float]:
        spent = {name: processes.cpu_seconds(pid) for name, pid in self._side.pids().items()}
        spent["PostgreSQL"] = processes.family_cpu_seconds(self._postgres_pid)
        spent[DRIVER] = processes.cpu_seconds(os.getpid())
        return spent


def postgres_pid(engine: Engine) -> int:
    """The server's first process, the parent of the one that answers us. It has to run on this machine."""
    with engine.connect() as connection:
        return processes.parent(int(connection.scalar(text("SELECT pg_backend_pid()")) or 0))
