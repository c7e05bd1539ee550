"""Benchmarks: one day's renewal reminders over a whole programme, on the real parts, with the worker killed twice.

`python -m benchmarks.reminders --help`. A real Temporal dev server, a real worker process, a real database; the mails
are sent by the product's own transport. Ends with 1 when a reminder is missing or went out twice.
"""

import asyncio
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from pydantic import SecretStr
from rich.console import Console
from sqlalchemy import Engine, func, select
from temporalio.client import Client, WorkflowHandle

from benchmarks import databases
from benchmarks.mail_counters import FolderMailCounter, MailCounter, SmtpMailCounter
from benchmarks.processes import rss
from benchmarks.reminders import population
from benchmarks.reminders.baseline import bare_rate, compose_rate
from benchmarks.reminders.expected import KINDS, due_names
from benchmarks.reminders.results import MIB, Measures, Sample, memory
from devstack.commands import scratch_settings
from devstack.preflight import free_ports
from devstack.stack import Stack
from domain.catalogue import Catalogue
from messages.renewals import RegionReminded, RemindRegion
from store.seed import demo_catalogue
from store.tables.metadata import METADATA
from temporal_runtime.schedules import schedule_id
from workflows.renewal_reminders import RenewalReminders

AS_OF: Final = date(2026, 11, 23)
KILLED_AT: Final = (0.3, 0.6)
"""Shares of the reminders after which the worker is killed."""
RESULTS: Final = Path(".aftercare") / "benchmarks"
_SAMPLE_SECONDS: Final = 0.25
_STALLED_SECONDS: Final = 300.0
_BARE: Final = 2000

app = typer.Typer(add_completion=False)
console = Console(width=100)


@dataclass
class Run:
    """One run of every region's reminders, watched from outside."""

    stack: Stack
    counter: MailCounter
    due: int
    samples: list[Sample] = field(default_factory=list)
    outages: float = 0.0
    kills: int = 0
    results: list[RegionReminded] = field(default_factory=list)

    async def play(self, regions: Sequence[str]) -> None:
        """Start all regions at once, kill the worker on the way, and wait for the end."""
        began = time.perf_counter()
        client = self.stack.client
        runs = [await _start(client, region, self.stack.settings.task_queue) for region in regions]
        results = asyncio.gather(*(run.result() for run in runs))
        killed_at: float | None = None
        seen = moved = 0.0
        while not results.done():
            now = time.perf_counter() - began
            arrived = self.counter.count
            if arrived > seen:
                seen, moved = arrived, now
                if killed_at is not None:
                    self.outages += now - killed_at
                    killed_at = None
            elif now - moved > _STALLED_SECONDS:
                raise TimeoutError(f"nothing has arrived for {_STALLED_SECONDS:.0f} s: {self.stack.tail('worker')}")
            self.samples.append(Sample(now, arrived, self.kills + 1, _rss(self.stack.pid("worker"))))
            if self.kills < len(KILLED_AT) and arrived >= self.due * KILLED_AT[self.kills] and killed_at is None:
                await self.stack.kill("worker")
                killed_at = time.perf_counter() - began
                self.kills += 1
                console.log(f"worker killed after {arrived:,} of {self.due:,} reminders ({now:.0f} s)")
                await self.stack.start("worker")
            await asyncio.wait([results], timeout=_SAMPLE_SECONDS)
        self.samples.append(Sample(time.perf_counter() - began, self.counter.count, self.kills + 1, 0))
        self.results = await results


@app.command()
def main(
    terms: Annotated[int, typer.Option(help="How many terms the programme has.")] = 1_000_000,
    all_due: Annotated[bool, typer.Option("--all-due", help="Every term ends in the window and is due.")] = False,
    postgres: Annotated[bool, typer.Option("--postgres", help="PostgreSQL instead of SQLite.")] = False,
    mail: Annotated[str, typer.Option(help="folder or smtp")] = "folder",
    json_file: Annotated[Path | None, typer.Option("--json", help="Where the numbers are written.")] = None,
) -> None:
    """Send one day's renewal reminders of a made-up programme, killing the worker twice."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if mail not in {"folder", "smtp"}:
        raise typer.BadParameter("mail is folder or smtp")
    catalogue = demo_catalogue()
    people = population.Population(catalogue, terms, AS_OF, all_due=all_due)
    with tempfile.TemporaryDirectory(prefix="aftercare-benchmark-") as folder:
        home = Path(folder)
        with databases.fresh(home, postgres) as url:
            measures = _measure(home, url, catalogue, people, "smtp" if mail == "smtp" else "folder")
    measures.show(console)
    name = f"reminders-{measures.engine.lower()}-{mail}{'-all-due' if all_due else ''}.json"
    file = json_file or RESULTS / name
    measures.write(file)
    console.print(f"Written to {file}")
    raise typer.Exit(0 if measures.sound else 1)


def _measure(
    home: Path, url: str, catalogue: Catalogue, people: population.Population, mail: Literal["folder", "smtp"]
) -> Measures:
    engine = databases.plain_engine(url)
    console.log(f"writing {people.terms:,} terms into {engine.dialect.name}")
    began = time.perf_counter()
    with engine.begin() as connection:
        terms = population.write(connection, people)
    databases.settle(engine)
    write_seconds = time.perf_counter() - began
    with engine.connect() as connection:
        wanted = due_names(connection, catalogue, people.as_of)
    before, sent = databases.size(url), _recorded(engine)
    console.log(f"{before / MIB:,.0f} MiB in {write_seconds:.0f} s; {len(wanted):,} reminders are due")
    counter: MailCounter = FolderMailCounter(home / "mail")
    if mail == "smtp":
        # SQLite has one writer at a time, and a reminder is posted while its note is being written.
        counter = SmtpMailCounter(free_ports(1)[0], 1 if engine.dialect.name == "sqlite" else len(catalogue.regions))
    run, arrived, bare = asyncio.run(_play(home, url, engine, catalogue, counter, len(wanted)))
    names = set(arrived)
    again = arrived.total() - len(names)
    excusable = min(again, run.kills * counter.repeats_per_kill())
    return Measures(
        engine="SQLite" if engine.dialect.name == "sqlite" else "PostgreSQL",
        mail=mail,
        population="all of them due" if people.all_due else "ends spread over three years",
        terms=terms,
        looked_at=sum(result.looked_at for result in run.results),
        due=len(wanted),
        sent=len(names),
        recorded=_recorded(engine) - sent,
        missing=len(wanted - names),
        unexpected=len(names - wanted),
        sent_twice=again - excusable,
        sent_again=excusable,
        kills=run.kills,
        wall_seconds=run.samples[-1].seconds,
        working_seconds=run.samples[-1].seconds - run.outages,
        bare_rate=bare,
        compose_rate=compose_rate(_BARE),
        database_before=before,
        database_after=databases.size(url),
        write_seconds=write_seconds,
        workers=memory(run.samples),
    )


async def _play(
    home: Path, url: str, engine: Engine, catalogue: Catalogue, counter: MailCounter, due: int
) -> tuple[Run, Counter[str], float]:
    """The run, how often each reminder arrived in it, and the bare loop's rate once the stack is gone."""
    smtp_url = SecretStr(counter.smtp_url) if counter.smtp_url else None
    settings = scratch_settings(home).model_copy(update={"database_url": url, "smtp_url": smtp_url})
    regions = [region.code for region in catalogue.regions]
    async with counter:
        async with Stack(settings, parts=("temporal",), on_line=lambda _, line: counter.line(line)) as stack:
            # The schedules must not add today's reminders to the count.
            for region in regions:
                await stack.client.get_schedule_handle(schedule_id(region)).pause()
            await stack.start("worker")
            run = Run(stack, counter, due)
            await run.play(regions)
        arrived = counter.arrived()
        console.log("done; now the bare loop")
        rate = await asyncio.to_thread(bare_rate, engine, home / "bare", counter.smtp_url, _BARE)
    return run, arrived, rate


async def _start(client: Client, region: str, queue: str) -> WorkflowHandle[RenewalReminders, RegionReminded]:
    command = RemindRegion(region=region, as_of=AS_OF)
    return await client.start_workflow(RenewalReminders.run, command, id=f"reminders-{region}", task_queue=queue)


def _recorded(engine: Engine) -> int:
    """How many reminders the product remembers."""
    mails = METADATA.tables["mails"]
    with engine.connect() as connection:
        return int(connection.scalar(select(func.count()).where(mails.c.kind.in_(KINDS))) or 0)


def _rss(pid: int | None) -> int:
    """The resident memory of a process in bytes, 0 when it has ended."""
    try:
        return rss(pid) if pid is not None else 0
    except (OSError, IndexError):
        return 0


if __name__ == "__main__":
    app()
