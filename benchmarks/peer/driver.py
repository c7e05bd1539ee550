"""Benchmarks: the load of one side of the comparison, and its measurements."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Engine, text

from benchmarks import processes
from benchmarks.concurrency import run_all
from benchmarks.peer.systems import System
from benchmarks.premium_claim import MAILS, PremiumClaim
from messages.mail import MailKind

DRIVER: Final = "driver"
_MAIL_SECONDS: Final = 180.0
_DISPATCH_REQUEST_SECONDS: Final = 2.0


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
    """Runs claims on `side`."""

    def __init__(self, side: System, postgres_pid: int, at_once: int) -> None:
        self._side = side
        self._postgres_pid = postgres_pid
        self._at_once = at_once

    async def load(self, batch: Sequence[PremiumClaim]) -> Load:
        """All of them, with their CPU."""
        load = Load(claims=len(batch))
        before, began = self._cpu(), time.perf_counter()
        await self._each(batch, lambda claim: self._whole(claim, load))
        load.seconds = time.perf_counter() - began
        await self.wait_for_delivery(batch)
        load.cpu = {name: spent - before[name] for name, spent in self._cpu().items()}
        return load

    async def alone(self, batch: Sequence[PremiumClaim]) -> Load:
        """One after the other: the latency without other load."""
        load = Load(claims=len(batch))
        began = time.perf_counter()
        for claim in batch:
            await self._whole(claim, load)
        load.seconds = time.perf_counter() - began
        return load

    async def killed_in_the_middle(self, batch: Sequence[PremiumClaim]) -> Kill:
        """The worker is killed when a third of the claims are closed, and started again at once."""
        load, third = Load(claims=len(batch)), asyncio.Event()

        async def play(claim: PremiumClaim) -> None:
            await self._whole(claim, load)
            if len(load.releases) >= len(batch) // 3:
                third.set()

        playing = asyncio.create_task(self._each(batch, play))
        reached = asyncio.create_task(third.wait())
        await asyncio.wait([playing, reached], return_when=asyncio.FIRST_COMPLETED)
        killed = time.perf_counter()
        before = len(load.releases)
        working = await self._kill()
        await playing
        reached.cancel()
        closed = time.perf_counter() - killed
        await self.wait_for_delivery(batch)
        return Kill(len(batch) - before, working, closed, time.perf_counter() - killed)

    async def killed_while_waiting(self, batch: Sequence[PremiumClaim]) -> Kill:
        """The worker is killed while all wait for their dispatch; then their parcels are sent and come back."""
        await self._each(batch, self._side.submit)
        await self.wait_for_delivery(batch, (MailKind.SETTLEMENT,))
        await asyncio.sleep(_DISPATCH_REQUEST_SECONDS)  # the dispatch is requested after the submission has returned
        killed = time.perf_counter()
        working = await self._kill()
        await self._each(batch, self._rest)
        closed = time.perf_counter() - killed
        await self.wait_for_delivery(batch)
        return Kill(len(batch), working, closed, time.perf_counter() - killed)

    async def wait_for_delivery(self, batch: Sequence[PremiumClaim], kinds: Collection[MailKind] = MAILS) -> None:
        """Return when all mails are written; their cost is part of the claim."""
        async with asyncio.timeout(_MAIL_SECONDS):
            while not all(self._side.has_mailed(claim, kinds) for claim in batch):  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def _kill(self) -> float:
        began = time.perf_counter()
        await self._side.kill_worker()
        await self._side.start_worker()
        return time.perf_counter() - began

    async def _whole(self, claim: PremiumClaim, load: Load) -> None:
        began = time.perf_counter()
        await self._side.submit(claim)
        load.submissions.append(time.perf_counter() - began)
        load.releases.append(await self._rest(claim))

    async def _rest(self, claim: PremiumClaim) -> float:
        await self._side.dispatch(claim)
        await self._side.arrive(claim)
        began = time.perf_counter()
        await self._side.inspect(claim)
        return time.perf_counter() - began

    async def _each(self, batch: Sequence[PremiumClaim], play: Callable[[PremiumClaim], Awaitable[object]]) -> None:
        await run_all(batch, self._at_once, play)

    def _cpu(self) -> dict[str, float]:
        spent = {name: processes.cpu_seconds(pid) for name, pid in self._side.pids().items()}
        spent["PostgreSQL"] = processes.family_cpu_seconds(self._postgres_pid)
        spent[DRIVER] = processes.cpu_seconds(os.getpid())
        return spent


def postgres_pid(engine: Engine) -> int:
    """The server's first process, the parent of the one of our connection. It must run on this machine."""
    with engine.connect() as connection:
        return processes.parent(int(connection.scalar(text("SELECT pg_backend_pid()")) or 0))
