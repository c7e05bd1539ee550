"""Benchmarks: the API's reads under many clients, beside a FastAPI route that returns a constant, in the same run."""

import asyncio
import logging
import statistics
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks import databases
from benchmarks.api.load import Responses, send_requests
from benchmarks.growth import programme
from benchmarks.processes import cpu_seconds, rss
from benchmarks.report import Report, percentile
from devstack.commands import scratch_settings
from devstack.environment import api_environment
from devstack.preflight import free_ports
from devstack.processes import ChildProcess
from devstack.stack import Stack
from settings.constants import DEVELOPMENT_KEY
from store.seed import demo_catalogue

LIST: Final = "claim list, 50 of them"
LIST_TARGET: Final = 15
"""The most of the constant route's CPU that a page of fifty claims may cost."""
_PATHS: Final = 2000
_WARM_SECONDS: Final = 0.5
MIB: Final = 1024 * 1024


@dataclass
class Endpoint:
    """A measured endpoint. `turns` are its responses by turn, `cpu` the server's CPU seconds of all."""

    name: str
    port: int
    pid: int
    paths: list[str]
    turns: list[Responses] = field(default_factory=list)
    cpu: float = 0.0

    async def turn(self, clients: int, seconds: float) -> None:
        before = cpu_seconds(self.pid)
        self.turns.append(await send_requests(self.port, self.paths, clients, seconds, DEVELOPMENT_KEY))
        self.cpu += cpu_seconds(self.pid) - before

    @property
    def rate(self) -> float:
        return statistics.median(turn.rate for turn in self.turns)

    @property
    def milliseconds(self) -> list[float]:
        return [1000 * each for turn in self.turns for each in turn.times]

    @property
    def cpu_each(self) -> float:
        """Milliseconds of the server's CPU for a response."""
        return 1000 * self.cpu / sum(len(turn.times) for turn in self.turns)


def measure(claims: int, clients: int, seconds: float, rounds: int, postgres: bool) -> Report:
    """Status page, claim and a page of claims, each against the constant route. `seconds` a turn."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    engine = "PostgreSQL" if postgres else "SQLite"
    report = Report(
        f"api-{engine.lower()}", f"Reads by {clients} clients, {engine}, {claims:,} claims", "constant route"
    )
    report.settings = {"claims": claims, "clients": clients, "seconds": seconds, "rounds": rounds, "engine": engine}
    with tempfile.TemporaryDirectory(prefix="aftercare-benchmark-") as folder:
        home = Path(folder)
        with databases.fresh(home, postgres) as url:
            programme.write(url, claims, demo_catalogue())
            endpoints, memory = asyncio.run(_play(home, url, claims, clients, seconds, rounds))
    constant, *ours = endpoints
    for each in ours:
        report.add(f"{each.name}: requests a second", each.rate, baseline=constant.rate)
    for name, share in (("median", 0.5), ("p99", 0.99)):
        for each in ours:
            base = percentile(constant.milliseconds, share)
            report.add(f"{each.name}: {name}", percentile(each.milliseconds, share), "ms", baseline=base)
    for each in ours:
        target = LIST_TARGET if each.name == LIST else None
        report.add(
            f"{each.name}: server's CPU for each", each.cpu_each, "ms", baseline=constant.cpu_each, target=target
        )
    report.add("the API's memory", memory / MIB, "MiB")
    return report


async def _play(
    home: Path, url: str, claims: int, clients: int, seconds: float, rounds: int
) -> tuple[list[Endpoint], int]:
    settings = scratch_settings(home).model_copy(update={"database_url": url})
    port = free_ports(1)[0]
    async with AsyncExitStack() as opened:
        stack = await opened.enter_async_context(Stack(settings, parts=("temporal", "api")))
        command = [sys.executable, "-m", "benchmarks.api.constant_app", str(port)]
        child = ChildProcess(
            "constant",
            command,
            api_environment(settings, stack.temporal_address),
            on_line=lambda _: None,
            on_note=lambda _: None,
        )
        await child.start()
        opened.push_async_callback(child.stop, 2.0)
        endpoints = _endpoints(claims, port, child.pid or 0, settings.api_port, stack.pid("api") or 0)
        await _until_up(port)
        for each in endpoints:
            await send_requests(each.port, each.paths, clients, _WARM_SECONDS, DEVELOPMENT_KEY)
        for _ in range(rounds):
            for each in endpoints:
                await each.turn(clients, seconds)
        return endpoints, rss(stack.pid("api") or 0)


def _endpoints(claims: int, constant_port: int, constant_pid: int, port: int, pid: int) -> list[Endpoint]:
    # Spread over the whole programme, and never the same twice in a row.
    people = [programme.customer(place * max(1, claims // _PATHS)) for place in range(min(claims, _PATHS))]
    return [
        Endpoint("constant", constant_port, constant_pid, ["/constant"]),
        Endpoint("status page", port, pid, [f"/v1/devices/{each.serial_number}" for each in people]),
        Endpoint("claim", port, pid, [f"/v1/claims/{each.claim_id}" for each in people]),
        Endpoint(LIST, port, pid, ["/v1/claims?limit=50"]),
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
