"""Benchmarks: the same claim on DBOS and on Aftercare, one after the other, on one machine, in one run.

`python -m benchmarks peer --help` runs it in the peer's environment.
"""

import asyncio
import logging
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from benchmarks import databases
from benchmarks.devices import CoveredDevices
from benchmarks.mail_delivery import MAILS_PER_SECOND
from benchmarks.peer.audit import AuditResult, audit, count_write_attempts
from benchmarks.peer.driver import DRIVER, Driver, Kill, Load, postgres_pid
from benchmarks.peer.systems import AftercareSystem, DbosSystem, System
from benchmarks.premium_claim import PremiumClaim
from benchmarks.report import Report, percentile
from devstack.commands import scratch_settings

_WARMING: Final = 8
_ALONE: Final = 10
_SIDES: Final[dict[str, type[System]]] = {"Aftercare": AftercareSystem, "DBOS": DbosSystem}
_NOTES: Final = (
    "Both: one worker process, the same rules, database writes, gateway, mails and PostgreSQL. Only the engine "
    "differs.",
    "Aftercare keeps its histories in Temporal's server, one process more, on a SQLite file. DBOS has no server: its "
    "tables are in the same PostgreSQL, so its engine's work is in the worker's and PostgreSQL's CPU, a part in the "
    "driver's.",
    "Aftercare's claim knows every way a claim can go; the peer's knows the good return alone.",
)

app = typer.Typer(add_completion=False)
console = Console(width=110)


@dataclass
class Results:
    """One side, over all rounds; killed once, in the last."""

    loads: list[Load] = field(default_factory=list)
    alone: list[Load] = field(default_factory=list)
    middle: Kill | None = None
    waiting: Kill | None = None
    audit: AuditResult | None = None

    @property
    def rate(self) -> float:
        return statistics.median(load.rate for load in self.loads)

    def cpu(self, name: str) -> float:
        """Milliseconds a claim."""
        return 1000 * statistics.median(load.cpu.get(name, 0.0) / load.claims for load in self.loads)

    def worked(self) -> float:
        """Milliseconds a claim of everything but the driver."""
        return 1000 * statistics.median(
            sum(spent for name, spent in load.cpu.items() if name != DRIVER) / load.claims for load in self.loads
        )


@app.command()
def main(
    claims: Annotated[int, typer.Option(help="How many claims each side is given, each time.")] = 40,
    at_once: Annotated[int, typer.Option(help="How many of them at once.")] = 24,
    rounds: Annotated[int, typer.Option(help="How often; the sides take turns, the last round kills workers.")] = 2,
) -> None:
    """The same claims on Aftercare and on DBOS: claims a second, CPU, latency, and what a killed worker costs."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    report = Report("peer", "The same claim on Temporal and on DBOS", "DBOS")
    report.settings = {"claims": claims, "at_once": at_once, "rounds": rounds}
    results = {name: Results() for name in _SIDES}
    with databases.one_server():
        for number in range(1, rounds + 1):
            for name, side in _SIDES.items():
                console.log(f"round {number} of {rounds}: {name}")
                _round(side, results[name], claims, at_once, last=number == rounds)
    _fill(report, results["Aftercare"], results["DBOS"])
    report.show(console)
    console.print(f"Written to {report.write()}")


def _round(kind: type[System], results: Results, claims: int, at_once: int, *, last: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="aftercare-benchmark-") as folder:
        home = Path(folder)
        with databases.fresh(home, postgres=True) as url:
            asyncio.run(_play(kind, home, url, results, claims, at_once, last=last))


async def _play(
    kind: type[System], home: Path, url: str, results: Results, claims: int, at_once: int, *, last: bool
) -> None:
    engine = databases.plain_engine(url)
    batch = [PremiumClaim(serial) for serial in CoveredDevices(engine).take(_WARMING + _ALONE + 3 * claims)]
    rest = iter(batch)
    settings = scratch_settings(home).model_copy(update={"database_url": url, "mail_per_second": MAILS_PER_SECOND})
    async with kind(settings) as side:
        driver = Driver(side, postgres_pid(engine), at_once)
        await driver.load(list(islice(rest, _WARMING)))
        results.alone.append(await driver.alone(list(islice(rest, _ALONE))))
        results.loads.append(await driver.load(list(islice(rest, claims))))
        if last:
            count_write_attempts(engine)
            results.middle = await driver.killed_in_the_middle(list(islice(rest, claims)))
            results.waiting = await driver.killed_while_waiting(list(islice(rest, claims)))
            results.audit = audit(engine, side, batch)


def _fill(report: Report, ours: Results, theirs: Results) -> None:
    def add(what: str, unit: str, count: Callable[[Results], float]) -> None:
        report.add(what, count(ours), unit, baseline=count(theirs))

    add("claims a second", "", lambda side: side.rate)
    add("CPU a claim: worker", "ms", lambda side: side.cpu("worker"))
    add("CPU a claim: PostgreSQL", "ms", lambda side: side.cpu("PostgreSQL"))
    add("CPU a claim: Temporal server", "ms", lambda side: side.cpu("Temporal server"))
    add("CPU a claim: sum of these", "ms", lambda side: side.worked())
    add("CPU a claim: driver, beside the sum", "ms", lambda side: side.cpu(DRIVER))
    for how, loads in (("alone", "alone"), ("many at once", "loads")):
        for what, times in (("request to awaiting dispatch", "submissions"), ("inspection to released", "releases")):
            for name, share in (("median", 0.5), ("p95", 0.95)):
                if loads == "loads" or name == "median":
                    count = partial(_waited, loads=loads, times=times, share=share)
                    add(f"{what}, {how}, {name}", "ms", count)
    for what, kind in (("in the middle", "middle"), ("all waiting", "waiting")):
        for then, times in (
            ("a worker works again", "working"),
            ("all claims are closed", "closed"),
            ("all mails are out", "mailed"),
        ):
            add(f"kill -9, {what}: {then}", "s", attrgetter(f"{kind}.{times}"))
        add(f"kill -9, {what}: claims open at the kill", "", attrgetter(f"{kind}.left"))
    for what, found in (
        ("claims lost", "lost"),
        ("effects that happened twice", "twice"),
        ("effects missing", "missing"),
        ("effects requested again under the same key", "repeated_requests"),
    ):
        add(f"kill -9, both: {what}", "", attrgetter(f"audit.{found}"))
    report.notes = list(_NOTES)


def _waited(side: Results, loads: str, times: str, share: float) -> float:
    every: list[Load] = getattr(side, loads)
    return 1000 * percentile([seconds for load in every for seconds in getattr(load, times)], share)


if __name__ == "__main__":
    app()
