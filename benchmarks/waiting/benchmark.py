"""Benchmarks: the cost of many open claims on one worker, and the latency of a message to one of them.

A real Temporal dev server and a real worker process. Nothing happens but what is measured.
"""

import asyncio
import logging
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from sqlalchemy import Engine, func, select
from temporalio.client import Client

from api.temporal_client import TemporalClaimCommands
from benchmarks import databases
from benchmarks.devices import CoveredDevices
from benchmarks.mail_delivery import MAILS_PER_SECOND, wait_for_delivery
from benchmarks.processes import cpu_seconds, rss
from benchmarks.report import Report, percentile
from benchmarks.temporal import claim_commands
from benchmarks.waiting.open_claims import claim_id, extend, open_claims, send_unrelated_event
from benchmarks.waiting.webhook_receiver import WebhookReceiver
from devstack.commands import scratch_settings
from devstack.preflight import HOST
from devstack.stack import Part, Stack
from settings import Settings
from store.seed import demo_catalogue
from store.tables.metadata import METADATA
from temporal_runtime.schedules import schedule_id
from workflows.parts.claim_workflow import ClaimWorkflow

MIB: Final = 1024 * 1024
_IDLE_SECONDS: Final = 10.0
_REPORT_SECONDS: Final = 600.0
_RESTARTS: Final = 3
_AT_ONCE: Final = 12
_WOKEN_SECONDS: Final = 2.0

console = Console(width=100)


@dataclass(frozen=True, slots=True)
class Size:
    """`first` claims are open for the baseline, `claims` in the end. `cached`: AFTERCARE_WORKER_CACHED_CLAIMS."""

    claims: int
    first: int
    messages: int
    cached: int
    idle_seconds: float


@dataclass
class Measurements:
    """Bytes, seconds, and shares of one core."""

    memory: dict[str, int] = field(default_factory=dict)
    idle: dict[str, float] = field(default_factory=dict)
    response_times: dict[str, list[float]] = field(default_factory=dict)
    opening_seconds: float = 0.0


def measure(size: Size, postgres: bool) -> Report:
    """Open the claims, and measure. Raises NotOpened, or TemporalUnavailable when a message got no response."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="aftercare-benchmark-") as folder:
        home = Path(folder)
        with databases.fresh(home, postgres) as url:
            engine = databases.plain_engine(url)
            serials = CoveredDevices(engine).take(size.claims)
            changes = {
                "database_url": url,
                "worker_cached_claims": size.cached,
                "mail_per_second": MAILS_PER_SECOND,
            }
            measured = asyncio.run(_play(scratch_settings(home).model_copy(update=changes), engine, serials, size))
    return _report(measured, size, postgres)


async def _play(settings: Settings, engine: Engine, serials: list[str], size: Size) -> Measurements:
    measured = Measurements()
    async with Stack(settings, parts=("temporal",)) as stack, WebhookReceiver(HOST, settings.api_port):
        for region in demo_catalogue().regions:  # reminders are another benchmark
            await stack.client.get_schedule_handle(schedule_id(region.code)).pause()
        await stack.start("worker")
        async with claim_commands(settings, stack.temporal_address) as commands:
            measured.memory["worker, none open"] = rss(_pid(stack, "worker"))
            began = time.perf_counter()
            await _open(commands, serials[: size.first])
            await _wait_until_settled(engine)
            await _watch_idle(stack, measured, size, "first")
            await _open(commands, serials[size.first :])
            measured.opening_seconds = time.perf_counter() - began
            await _wait_until_settled(engine)
            await _watch_idle(stack, measured, size, "all")
            others = await _send_messages(stack.client, commands, measured, serials, size.messages)
            await _restarts(stack, commands, measured, others)
    return measured


async def _open(commands: TemporalClaimCommands, serials: list[str]) -> None:
    began = time.perf_counter()
    await open_claims(commands, serials, _AT_ONCE)
    console.log(f"{len(serials):,} claims opened, {len(serials) / (time.perf_counter() - began):.1f} a second")


async def _wait_until_settled(engine: Engine) -> None:
    """Return when all webhooks and mails are delivered and some idle seconds have passed."""
    events = METADATA.tables["gateway_events"]
    waiting = select(func.count()).where(events.c.delivered_at.is_(None))
    async with asyncio.timeout(_REPORT_SECONDS):
        while True:
            with engine.connect() as connection:
                if not connection.scalar(waiting):
                    break
            await asyncio.sleep(1)
    await wait_for_delivery(engine)
    await asyncio.sleep(_IDLE_SECONDS)


async def _watch_idle(stack: Stack, measured: Measurements, size: Size, when: str) -> None:
    """Memory, and what the processes do while nothing happens."""
    parts: tuple[Part, ...] = ("worker", "temporal")
    pids = {part: _pid(stack, part) for part in parts}
    before = {part: cpu_seconds(pid) for part, pid in pids.items()}
    began = time.perf_counter()
    await asyncio.sleep(size.idle_seconds)
    for part, pid in pids.items():
        share = (cpu_seconds(pid) - before[part]) / (time.perf_counter() - began)
        measured.idle[f"{part}, {when}"] = share
        measured.memory[f"{part}, {when}"] = rss(pid)
        console.log(f"{part}: {rss(pid) / MIB:.0f} MiB, {share:.2%} of a core while nothing happens")


async def _send_messages(
    client: Client, commands: TemporalClaimCommands, measured: Measurements, serials: list[str], count: int
) -> list[str]:
    """Messages by turns to a claim opened last, which is cached, and to any other; those that got none."""
    cached, others = serials[-count:], serials[:-count]
    random.Random(1).shuffle(others)

    async def query(serial: str) -> None:
        await client.get_workflow_handle(claim_id(serial)).query(ClaimWorkflow.claim)

    async def message(serial: str) -> None:
        await extend(commands, serial)

    await message(others.pop())  # the first of its kind opens connections and reads code
    messages: Sequence[tuple[str, Callable[[str], Awaitable[None]]]] = (("extension", message), ("query", query))
    for name, send in messages:
        for serial in cached:
            for who, whom in (("cached", serial), ("any", others.pop())):
                began = time.perf_counter()
                await send(whom)
                measured.response_times.setdefault(f"{name}, {who}", []).append(time.perf_counter() - began)
    return others


async def _restarts(stack: Stack, commands: TemporalClaimCommands, measured: Measurements, others: list[str]) -> None:
    """The worker goes one way and the other; each time one of its claims is sent a message as soon as the next polls.

    The claim has been awake before: it is in that worker's cache and bound to it, which is the worst that can be.
    """
    ways: Sequence[tuple[str, Callable[[Part], Awaitable[None]]]] = (("killed", stack.kill), ("stopped", stack.stop))
    for way, end in ways:
        for _ in range(_RESTARTS):
            serial = others.pop()
            await send_unrelated_event(commands, serial)
            await asyncio.sleep(_WOKEN_SECONDS)
            await end("worker")
            started = time.perf_counter()
            await stack.start("worker")
            polls = time.perf_counter()
            await extend(commands, serial)
            responded = time.perf_counter()
            measured.response_times.setdefault(f"{way}, since it polls", []).append(responded - polls)
            measured.response_times.setdefault(f"{way}, since its start", []).append(responded - started)
            console.log(f"{way}: polls after {polls - started:.2f} s, responds {responded - polls:.2f} s later")


def _pid(stack: Stack, part: Part) -> int:
    pid = stack.pid(part)
    assert pid is not None, f"{part} is down: {stack.tail(part)}"
    return pid


def _report(measured: Measurements, size: Size, postgres: bool) -> Report:
    n, first = f"{size.claims:,}", f"{size.first:,}"
    report = Report("waiting", "What waiting costs", baseline="baseline")
    report.settings = {
        "claims": size.claims,
        "first": size.first,
        "cached": size.cached,
        "messages": size.messages,
        "database": "PostgreSQL" if postgres else "SQLite",
    }
    memory, idle = measured.memory, measured.idle
    for part, target in (("worker", 1.2), ("temporal", None)):
        ours, base = memory[f"{part}, all"] / MIB, memory[f"{part}, first"] / MIB
        report.add(f"{part}'s memory, {n} open (beside {first})", ours, "MiB", baseline=base, target=target)
    report.add("worker's memory, none open", memory["worker, none open"] / MIB, "MiB")
    report.add(f"worker idle, {n} open: share of a core", 100 * idle["worker, all"], "%", target=2)
    report.add(f"worker idle, {first} open", 100 * idle["worker, first"], "%")
    report.add(f"temporal idle, {n} open", 100 * idle["temporal, all"], "%")
    for name, target in (("extension", 3), ("query", None)):
        for share in (0.5, 0.95):
            ours, base = (
                1000 * percentile(measured.response_times[f"{name}, {who}"], share) for who in ("any", "cached")
            )
            what = f"{name}, p{100 * share:.0f}: any claim (beside a cached one)"
            report.add(what, ours, "ms", baseline=base, target=target if share == 0.95 else None)
    for way in ("killed", "stopped"):
        for since, target in (("since it polls", 2), ("since its start", None)):
            report.add(
                f"worker {way}: first answer, {since}",
                max(measured.response_times[f"{way}, {since}"]),
                "s",
                target=target,
            )
    report.notes.append(
        f"{n} claims were opened in {measured.opening_seconds:.0f} s, the pause of the baseline included."
    )
    report.notes.append(f"Restarts: the slowest of {_RESTARTS}. The worker caches {size.cached:,} claims.")
    return report
