"""Benchmarks: what a Premium claim with a good return costs on Temporal, beside a bare workflow of the same shape.

One server and one driver; two workers, one at a time, round by round in turns, so that a drift meets both.
"""

import asyncio
import logging
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final, Literal
from unittest import mock

from sqlalchemy import Engine
from temporalio.client import Client

from api.temporal_client import TemporalClaimCommands
from benchmarks import databases
from benchmarks.counts import HistoryCost, Statements, history_cost, watched
from benchmarks.covered import Covered
from benchmarks.floor_worker import QUEUE
from benchmarks.journeys import Bare, Journey, Ours, Times, travel
from benchmarks.mails import MAILS_PER_SECOND, mails_out
from benchmarks.polling import polls
from benchmarks.processes import cpu_seconds
from benchmarks.report import Report, percentile
from devstack.commands import child_environment, scratch_settings
from devstack.processes import ChildProcess
from devstack.stack import Stack
from settings import Settings
from store.database import Database
from worker import activities, worker_on, workflows

Kind = Literal["ours", "bare"]

PAUSE: Final = 0.1
"""Before each message of a claim that is alone: as in life, nothing is in flight any more when the next thing comes."""
_LOOKED_AT: Final = 10
_GATEWAYS: Final = "gateway_"
_READY_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is done: `claims` a round with `at_once` of them under way, then `alone` one after another."""

    claims: int
    at_once: int
    rounds: int
    alone: int


@dataclass
class Side:
    """What was measured of one kind of claim, round by round; the CPU is in milliseconds a claim.

    `mails_late`: seconds from the end of a round's last claim until its last mail was out, which rates and CPU include.
    """

    rates: list[float] = field(default_factory=list)
    mails_late: list[float] = field(default_factory=list)
    worker_cpu: list[float] = field(default_factory=list)
    server_cpu: list[float] = field(default_factory=list)
    crowded: Times = field(default_factory=Times)
    alone: Times = field(default_factory=Times)
    crowded_cost: list[HistoryCost] = field(default_factory=list)
    alone_cost: list[HistoryCost] = field(default_factory=list)


def measure(sizes: Sizes, *, postgres: bool) -> Report:
    """The whole benchmark. Raises when a claim did not end as it should."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    engine = "postgresql" if postgres else "sqlite"
    report = Report(f"floor-{engine}", f"The floor: a Premium claim with a good return, {engine}", "floor")
    report.settings = {
        "claims": sizes.claims,
        "at_once": sizes.at_once,
        "rounds": sizes.rounds,
        "alone": sizes.alone,
        "engine": engine,
    }
    with tempfile.TemporaryDirectory(prefix="aftercare-floor-") as folder:
        home = Path(folder)
        with databases.fresh(home, postgres) as url, mock.patch.dict(os.environ, _compiled(home)):
            changes = {"database_url": url, "mail_per_second": MAILS_PER_SECOND}
            settings = scratch_settings(home).model_copy(update=changes)
            sides, (asked, counted) = asyncio.run(_measure(settings, sizes))
    _tell(report, sides["ours"], sides["bare"])
    _tell_statements(report, asked, counted)
    return report


def _compiled(home: Path) -> dict[str, str]:
    """Both workers keep their modules compiled, as installed ones do: the sandbox loads a workflow's for each claim."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(home / "compiled")}


async def _measure(settings: Settings, sizes: Sizes) -> tuple[dict[Kind, Side], tuple[Statements, int]]:
    sides: dict[Kind, Side] = {"ours": Side(), "bare": Side()}
    engine = databases.plain_engine(settings.database_url)
    drones = Covered(engine)
    async with Stack(settings, parts=("temporal",)) as stack, _claim_commands(stack.client, settings) as claim_commands:
        journeys: dict[Kind, Journey] = {"ours": Ours(claim_commands), "bare": Bare(stack.client)}
        for number in range(sizes.rounds + 1):
            for kind, journey in journeys.items():
                # The first round warms the server and the disk up and is forgotten.
                side = sides[kind] if number else Side()
                claims = sizes.claims if number else sizes.at_once
                async with _working(stack, kind) as pid:
                    await travel(stack.client, journey, drones.take(sizes.at_once), sizes.at_once)
                    await mails_out(engine)
                    serials = drones.take(claims)
                    await _crowd(stack, pid, journey, serials, sizes.at_once, side, engine)
                    if number:
                        await _alone(stack.client, journey, drones.take(sizes.alone), side)
                        await mails_out(engine)
        statements = await _count(stack.client, settings, journeys["ours"], drones.take(_LOOKED_AT), engine)
    return sides, statements


@asynccontextmanager
async def _claim_commands(client: Client, settings: Settings) -> AsyncIterator[TemporalClaimCommands]:
    async def connected() -> Client:
        return client

    claim_commands = TemporalClaimCommands(connected, settings.task_queue)
    await claim_commands.open()
    try:
        yield claim_commands
    finally:
        await claim_commands.close()


@asynccontextmanager
async def _working(stack: Stack, kind: Kind) -> AsyncIterator[int]:
    """A fresh worker process of that kind while the block lasts; its process id."""
    if kind == "ours":
        await stack.start("worker")
        pid = stack.pid("worker")
        assert pid is not None, "the worker has just answered"
        try:
            yield pid
        finally:
            await stack.stop("worker")
        return
    command = [sys.executable, "-m", "benchmarks.floor_worker"]
    environment = child_environment(stack.settings, stack.temporal_address)
    child = ChildProcess("floor", command, environment, on_line=lambda _: None, on_note=lambda _: None)
    await child.start()
    try:
        async with asyncio.timeout(_READY_SECONDS):
            while not await polls(stack.client, QUEUE, child.pid):
                if not child.running:
                    raise RuntimeError("\n".join(["the floor's worker ended while starting", *child.tail]))
                await asyncio.sleep(0.05)
        assert child.pid is not None, "it has just asked for work"
        yield child.pid
    finally:
        await child.stop(_STOP_SECONDS)


async def _crowd(
    stack: Stack, worker: int, journey: Journey, serials: list[str], at_once: int, side: Side, engine: Engine
) -> None:
    """Rate and CPU until the last claim has ended and its last mail is out."""
    server = stack.pid("temporal")
    assert server is not None, "Temporal is up"
    before = cpu_seconds(worker), cpu_seconds(server)
    times = await travel(stack.client, journey, serials, at_once)
    ended = time.perf_counter()
    await mails_out(engine)
    late = time.perf_counter() - ended
    times.seconds += late
    side.mails_late.append(late)
    after = cpu_seconds(worker), cpu_seconds(server)
    side.rates.append(times.rate)
    side.worker_cpu.append((after[0] - before[0]) * 1000 / len(serials))
    side.server_cpu.append((after[1] - before[1]) * 1000 / len(serials))
    side.crowded.to_dispatch += times.to_dispatch
    side.crowded.to_release += times.to_release
    side.crowded_cost += [await history_cost(stack.client, each) for each in times.ids[-_LOOKED_AT:]]


async def _alone(client: Client, journey: Journey, serials: list[str], side: Side) -> None:
    times = await travel(client, journey, serials, 1, PAUSE)
    side.alone.to_dispatch += times.to_dispatch
    side.alone.to_release += times.to_release
    side.alone_cost += [await history_cost(client, each) for each in times.ids[-_LOOKED_AT:]]


async def _count(
    client: Client, settings: Settings, journey: Journey, serials: list[str], engine: Engine
) -> tuple[Statements, int]:
    """What our worker asks of the database for how many claims, with the worker in this process, where it is watched.

    The delivery of mails is a process that an earlier worker has started: this one goes on with it. Its looks into the
    outbox go by the clock and are not counted; what it writes is. The simulated gateway's webhooks are not posted
    here: another gateway would post them itself.
    """
    database = Database(settings.database_url)
    try:
        async with worker_on(client, settings, workflows=workflows(), activities=activities(settings, database)):
            await travel(client, journey, serials[:1], 1)  # what is read once and remembered
            await mails_out(engine)
            with watched() as seen:
                await travel(client, journey, serials[1:], 1, PAUSE)
                await mails_out(engine)
    finally:
        await database.close()
    return seen.without_looks(), len(serials) - 1


def _tell(report: Report, ours: Side, bare: Side) -> None:
    rates = median(ours.rates), median(bare.rates)
    report.add("claims a second, many at once", rates[0], "/s", baseline=rates[1], reach=0.8, at_least=True)
    cpu = median(ours.worker_cpu), median(bare.worker_cpu)
    report.add("worker CPU a claim, many at once", cpu[0], "ms", baseline=cpu[1], reach=1.5)
    report.add("server CPU a claim, many at once", median(ours.server_cpu), "ms", baseline=median(bare.server_cpu))
    report.add("from the last claim's end to its last mail, many at once", median(ours.mails_late), "s")
    for crowd, mine, theirs in (("alone", ours.alone, bare.alone), ("many at once", ours.crowded, bare.crowded)):
        for what, times, bare_times in (
            ("request to awaiting dispatch", mine.to_dispatch, theirs.to_dispatch),
            ("inspection to released", mine.to_release, theirs.to_release),
        ):
            for share in (0.5, 0.95):
                seconds, baseline = percentile(times, share), percentile(bare_times, share)
                report.add(f"{what}, {crowd}, p{share * 100:.0f}", seconds * 1000, "ms", baseline=baseline * 1000)
    events, transitions = _median(ours.alone_cost, "events"), _median(ours.alone_cost, "transitions")
    report.add("history events, alone", events, reach=60)
    report.add("state transitions, alone", transitions, reach=22)
    for crowd, costs, bare_costs in (
        ("alone", ours.alone_cost, bare.alone_cost),
        ("many at once", ours.crowded_cost, bare.crowded_cost),
    ):
        for name in ("events", "transitions", "history_bytes"):
            baseline = _median(bare_costs, name)
            report.add(f"{name.replace('_', ' ')} beside the floor, {crowd}", _median(costs, name), baseline=baseline)
    kinds = {"ours": ours.alone_cost[0].kinds, "floor": bare.alone_cost[0].kinds}
    report.settings["rounds_claims_a_second"] = {"ours": ours.rates, "floor": bare.rates}
    report.settings["rounds_worker_ms"] = {"ours": ours.worker_cpu, "floor": bare.worker_cpu}
    report.settings["events_of_one_claim_alone"] = {name: dict(kind.most_common()) for name, kind in kinds.items()}


def _tell_statements(report: Report, asked: Statements, claims: int) -> None:
    gateway = sum(count for text, count in asked.texts.items() if _GATEWAYS in text)
    report.add("database transactions a claim", asked.transactions / claims)
    report.add("statements a claim", asked.statements / claims)
    report.add("of them in the simulated gateway's own tables", gateway / claims)
    report.settings["statements_a_claim"] = {text: count / claims for text, count in asked.texts.most_common()}


def _median(costs: list[HistoryCost], what: str) -> float:
    return median(float(getattr(cost, what)) for cost in costs)
