"""Benchmarks: the API's reads under many clients, beside a FastAPI route that answers a constant, in the same run."""

import asyncio
import logging
import statistics
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks import databases, programme
from benchmarks.load import Answers, ask
from benchmarks.processes import cpu_seconds, rss
from benchmarks.report import Report, percentile
from devstack.commands import child_environment, scratch_settings
from devstack.preflight import free_ports
from devstack.processes import ChildProcess
from devstack.stack import Stack
from settings import DEVELOPMENT_KEY
from store.seed import demo_catalogue

REACH: Final = 0.35
_PATHS: Final = 2000
_WARM_SECONDS: Final = 0.5
MIB: Final = 1024 * 1024


@dataclass
class Reading:
    """One thing that is asked for. `turns` are what came back, a turn each; `cpu` the server's seconds in all."""

    name: str
    port: int
    pid: int
    paths: list[str]
    turns: list[Answers] = field(default_factory=list)
    cpu: float = 0.0

    async def turn(self, clients: int, seconds: float) -> None:
        before = cpu_seconds(self.pid)
        self.turns.append(await ask(self.port, self.paths, clients, seconds, DEVELOPMENT_KEY))
        self.cpu += cpu_seconds(self.pid) - before

    @property
    def rate(self) -> float:
        return statistics.median(turn.rate for turn in self.turns)

    @property
    def milliseconds(self) -> list[float]:
        return [1000 * each for turn in self.turns for each in turn.times]

    @property
    def cpu_each(self) -> float:
        """Milliseconds of the server's processor for an answer."""
        return 1000 * self.cpu / sum(len(turn.times) for turn in self.turns)


def measure(claims: int, clients: int, seconds: float, rounds: int, postgres: bool) -> Report:
    """Status page, claim and a page of claims, each against the constant route. `seconds` a turn."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    engine = "PostgreSQL" if postgres else "SQLite"
    report = Report(
        f"api-{engine.lower()}", f"Reads by {clients} clients, {engine}, {claims:,} claims", "constant route"
    )
    report.settings = {"claims": claims, "clients": clients, "seconds": seconds, "rounds": rounds, "engine": engine}
    with tempfile.TemporaryDirectory(prefix="aftercare-bench-") as folder:
        home = Path(folder)
        with databases.fresh(home, postgres) as url:
            programme.write(url, claims, demo_catalogue())
            readings, memory = asyncio.run(_play(home, url, claims, clients, seconds, rounds))
    constant, *ours = readings
    for each in ours:
        reach = None if each.name == "claim list, 50 of them" else REACH
        report.add(f"{each.name}: requests a second", each.rate, baseline=constant.rate, reach=reach, at_least=True)
    for name, share in (("median", 0.5), ("p99", 0.99)):
        for each in ours:
            base = percentile(constant.milliseconds, share)
            report.add(f"{each.name}: {name}", percentile(each.milliseconds, share), "ms", baseline=base)
    for each in ours:
        report.add(f"{each.name}: server's CPU for each", each.cpu_each, "ms", baseline=constant.cpu_each)
    report.add("the API's memory", memory / MIB, "MiB")
    return report


async def _play(
    home: Path, url: str, claims: int, clients: int, seconds: float, rounds: int
) -> tuple[list[Reading], int]:
    settings = scratch_settings(home).model_copy(update={"database_url": url})
    port = free_ports(1)[0]
    async with AsyncExitStack() as opened:
        stack = await opened.enter_async_context(Stack(settings, parts=("temporal", "api")))
        command = [sys.executable, "-m", "benchmarks.constant", str(port)]
        child = ChildProcess(
            "constant",
            command,
            child_environment(settings, stack.temporal_address),
            on_line=lambda _: None,
            on_note=lambda _: None,
        )
        await child.start()
        opened.push_async_callback(child.stop, 2.0)
        readings = _readings(claims, port, child.pid or 0, settings.api_port, stack.pid("api") or 0)
        await _until_up(port)
        for each in readings:
            await ask(each.port, each.paths, clients, _WARM_SECONDS, DEVELOPMENT_KEY)
        for _ in range(rounds):
            for each in readings:
                await each.turn(clients, seconds)
        return readings, rss(stack.pid("api") or 0)


def _readings(claims: int, constant_port: int, constant_pid: int, port: int, pid: int) -> list[Reading]:
    # Spread over the whole programme, and never the same twice in a row.
    people = [programme.customer(place * max(1, claims // _PATHS)) for place in range(min(claims, _PATHS))]
    return [
        Reading("constant", constant_port, constant_pid, ["/constant"]),
        Reading("status page", port, pid, [f"/v1/devices/{each.serial_number}" for each in people]),
        Reading("claim", port, pid, [f"/v1/claims/{each.claim_id}" for each in people]),
        Reading("claim list, 50 of them", port, pid, ["/v1/claims?limit=50"]),
    ]


async def _until_up(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return
