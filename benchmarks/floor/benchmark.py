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

from benchmarks import databases
from benchmarks.counters import HistoryCost, Statements, count_statements, history_cost
from benchmarks.devices import CoveredDevices
from benchmarks.floor.clients import AftercareClient, ClaimClient, FloorClient, Times, run_claims
from benchmarks.floor.worker import QUEUE
from benchmarks.mail_delivery import MAILS_PER_SECOND, wait_for_delivery
from benchmarks.processes import cpu_seconds
from benchmarks.report import Report, percentile
from benchmarks.temporal import claim_commands, polls
from devstack.commands import scratch_settings
from devstack.environment import worker_environment
from devstack.processes import ChildProcess
from devstack.stack import Stack
from settings import Settings
from store.database import Database
from temporal_runtime.lanes import lane_workers, running
from worker import activities, workflow_runner, workflows

Kind = Literal["aftercare", "floor"]

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


@dataclass(frozen=True)
class Targets:
    """The least claims a second and the most worker CPU, as ratios to the floor."""

    rate: float
    cpu: float


@dataclass
class Side:
    """What was measured of one kind of claim, round by round; the CPU is in milliseconds a claim.

    `mails_late`: seconds from the end of a round's last claim until its last mail was out, which rates and CPU include.
    """

    rates: list[float] = field(default_factory=list)
    mails_late: list[float] = field(default_factory=list)
    worker_cpu: list[float] = field(default_factory=list)
    server_cpu: list[float] = field(default_factory=list)
    concurrent: Times = field(default_factory=Times)
    alone: Times = field(default_factory=Times)
    concurrent_cost: list[HistoryCost] = field(default_factory=list)
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
            sides, (statements, counted) = asyncio.run(_measure(settings, sizes))
    _add_figures(report, sides["aftercare"], sides["floor"], Targets(0.6, 2.3) if postgres else Targets(0.75, 2.0))
    _add_statements(report, statements, counted)
    return report


def _compiled(home: Path) -> dict[str, str]:
    """Both workers keep their modules compiled, as installed ones do: the sandbox loads a workflow's for each claim."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(home / "compiled")}


async def _measure(settings: Settings, sizes: Sizes) -> tuple[dict[Kind, Side], tuple[Statements, int]]:
    sides: dict[Kind, Side] = {"aftercare": Side(), "floor": Side()}
    engine = databases.plain_engine(settings.database_url)
    drones = CoveredDevices(engine)
    async with (
        Stack(settings, parts=("temporal",)) as stack,
        claim_commands(settings, stack.temporal_address) as commands,
    ):
        clients: dict[Kind, ClaimClient] = {"aftercare": AftercareClient(commands), "floor": FloorClient(stack.client)}
        for number in range(sizes.rounds + 1):
            for kind, claim_client in clients.items():
                # The first round warms the server and the disk up and is forgotten.
                side = sides[kind] if number else Side()
                claims = sizes.claims if number else sizes.at_once
                async with _worker(stack, kind) as pid:
                    await run_claims(stack.client, claim_client, drones.take(sizes.at_once), sizes.at_once)
                    await wait_for_delivery(engine)
                    serials = drones.take(claims)
                    await _run_many(stack, pid, claim_client, serials, sizes.at_once, side, engine)
                    if number:
                        await _alone(stack.client, claim_client, drones.take(sizes.alone), side)
                        await wait_for_delivery(engine)
        statements = await _count(stack.client, settings, clients["aftercare"], drones.take(_LOOKED_AT), engine)
    return sides, statements


@asynccontextmanager
async def _worker(stack: Stack, kind: Kind) -> AsyncIterator[int]:
    """A fresh worker process of that kind while the block lasts; its process id."""
    if kind == "aftercare":
        await stack.start("worker")
        pid = stack.pid("worker")
        assert pid is not None, "the worker has just started"
        try:
            yield pid
        finally:
            await stack.stop("worker")
        return
    command = [sys.executable, "-m", "benchmarks.floor.worker"]
    environment = worker_environment(stack.settings, stack.temporal_address)
    child = ChildProcess("floor", command, environment, on_line=lambda _: None, on_note=lambda _: None)
    await child.start()
    try:
        async with asyncio.timeout(_READY_SECONDS):
            while not await polls(stack.client, QUEUE, child.pid):
                if not child.running:
                    raise RuntimeError("\n".join(["the floor's worker ended while starting", *child.tail]))
                await asyncio.sleep(0.05)
        assert child.pid is not None, "it has just statements for work"
        yield child.pid
    finally:
        await child.stop(_STOP_SECONDS)


async def _run_many(
    stack: Stack,
    worker: int,
    claim_client: ClaimClient,
    serials: list[str],
    at_once: int,
    side: Side,
    engine: Engine,
) -> None:
    """Rate and CPU until the last claim has ended and its last mail is out."""
    server = stack.pid("temporal")
    assert server is not None, "Temporal is up"
    before = cpu_seconds(worker), cpu_seconds(server)
    times = await run_claims(stack.client, claim_client, serials, at_once)
    ended = time.perf_counter()
    await wait_for_delivery(engine)
    late = time.perf_counter() - ended
    times.seconds += late
    side.mails_late.append(late)
    after = cpu_seconds(worker), cpu_seconds(server)
    side.rates.append(times.rate)
    side.worker_cpu.append((after[0] - before[0]) * 1000 / len(serials))
    side.server_cpu.append((after[1] - before[1]) * 1000 / len(serials))
    side.concurrent.to_dispatch += times.to_dispatch
    side.concurrent.to_release += times.to_release
    side.concurrent_cost += [await history_cost(stack.client, each) for each in times.ids[-_LOOKED_AT:]]


async def _alone(client: Client, claim_client: ClaimClient, serials: list[str], side: Side) -> None:
    times = await run_claims(client, claim_client, serials, 1, PAUSE)
    side.alone.to_dispatch += times.to_dispatch
    side.alone.to_release += times.to_release
    side.alone_cost += [await history_cost(client, each) for each in times.ids[-_LOOKED_AT:]]


async def _count(
    client: Client, settings: Settings, claim_client: ClaimClient, serials: list[str], engine: Engine
) -> tuple[Statements, int]:
    """The statements of our worker for some claims, with the worker in this process; and how many claims.

    An earlier worker has started the workflow that delivers mails, and this one continues it. Its polls of the outbox
    depend on the clock and are not counted; its writes are. The simulated gateway's webhooks are not posted here:
    another gateway would post them itself.
    """
    database = Database(settings.database_url)
    try:
        workers = lane_workers(
            client,
            settings,
            workflows=workflows(),
            activities=activities(settings, database),
            runner=workflow_runner(),
        )
        async with running(workers):
            await run_claims(client, claim_client, serials[:1], 1)  # what is read once and remembered
            await wait_for_delivery(engine)
            with count_statements() as counted:
                await run_claims(client, claim_client, serials[1:], 1, PAUSE)
                await wait_for_delivery(engine)
    finally:
        await database.close()
    return counted.without_outbox_polls(), len(serials) - 1


def _add_figures(report: Report, aftercare: Side, floor: Side, targets: Targets) -> None:
    rates = median(aftercare.rates), median(floor.rates)
    report.add("claims a second, many at once", rates[0], "/s", baseline=rates[1], target=targets.rate, at_least=True)
    cpu = median(aftercare.worker_cpu), median(floor.worker_cpu)
    report.add("worker CPU a claim, many at once", cpu[0], "ms", baseline=cpu[1], target=targets.cpu)
    report.add(
        "server CPU a claim, many at once", median(aftercare.server_cpu), "ms", baseline=median(floor.server_cpu)
    )
    report.add("from the last claim's end to its last mail, many at once", median(aftercare.mails_late), "s")
    for load, mine, theirs in (
        ("alone", aftercare.alone, floor.alone),
        ("many at once", aftercare.concurrent, floor.concurrent),
    ):
        for what, times, floor_times in (
            ("request to awaiting dispatch", mine.to_dispatch, theirs.to_dispatch),
            ("inspection to released", mine.to_release, theirs.to_release),
        ):
            for share in (0.5, 0.95):
                seconds, baseline = percentile(times, share), percentile(floor_times, share)
                report.add(f"{what}, {load}, p{share * 100:.0f}", seconds * 1000, "ms", baseline=baseline * 1000)
    events, transitions = _median(aftercare.alone_cost, "events"), _median(aftercare.alone_cost, "transitions")
    report.add("history events, alone", events, target=60)
    report.add("state transitions, alone", transitions, target=16)
    for load, costs, floor_costs in (
        ("alone", aftercare.alone_cost, floor.alone_cost),
        ("many at once", aftercare.concurrent_cost, floor.concurrent_cost),
    ):
        for name in ("events", "transitions", "history_bytes"):
            baseline = _median(floor_costs, name)
            report.add(f"{name.replace('_', ' ')} beside the floor, {load}", _median(costs, name), baseline=baseline)
    kinds = {"aftercare": aftercare.alone_cost[0].kinds, "floor": floor.alone_cost[0].kinds}
    report.settings["rounds_claims_a_second"] = {"aftercare": aftercare.rates, "floor": floor.rates}
    report.settings["rounds_worker_ms"] = {"aftercare": aftercare.worker_cpu, "floor": floor.worker_cpu}
    report.settings["events_of_one_claim_alone"] = {name: dict(kind.most_common()) for name, kind in kinds.items()}


def _add_statements(report: Report, statements: Statements, claims: int) -> None:
    gateway = sum(count for text, count in statements.texts.items() if _GATEWAYS in text)
    report.add("database transactions a claim", statements.transactions / claims)
    report.add("statements a claim", statements.statements / claims)
    report.add("of them in the simulated gateway's own tables", gateway / claims)
    report.settings["statements_a_claim"] = {text: count / claims for text, count in statements.texts.most_common()}


def _median(costs: list[HistoryCost], what: str) -> float:
    return median(float(getattr(cost, what)) for cost in costs)
