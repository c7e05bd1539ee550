"""Benchmarks: what was measured in one run of the reminders, as numbers, a table and JSON."""

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """`seconds` after the start; `worker` counts the worker processes from 1; `rss` bytes, 0 when there was none."""

    seconds: float
    arrived: int
    worker: int
    rss: int


@dataclass(frozen=True, slots=True)
class WorkerMemory:
    """One worker process: RSS when it had sent a tenth of what it sent, and its peak from then on. Bytes."""

    sent: int
    at_tenth: int
    peak: int

    @property
    def ratio(self) -> float:
        return self.peak / self.at_tenth if self.at_tenth else 0.0


@dataclass(frozen=True, slots=True)
class Measures:
    """One run. `sent_again`: repeats under the same Message-ID that the transport allows after a kill."""

    engine: str
    mail: str
    population: str
    terms: int
    looked_at: int
    due: int
    sent: int
    recorded: int
    missing: int
    unexpected: int
    sent_twice: int
    sent_again: int
    kills: int
    wall_seconds: float
    working_seconds: float
    bare_rate: float
    compose_rate: float
    database_before: int
    database_after: int
    write_seconds: float
    workers: list[WorkerMemory]
    machine: str = field(
        default_factory=lambda: (
            f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
        )
    )

    @property
    def sound(self) -> bool:
        """Every reminder went out, each once."""
        return not (self.sent_twice or self.missing or self.unexpected) and self.recorded == self.due

    @property
    def rate(self) -> float:
        return self.due / self.working_seconds if self.working_seconds else 0.0

    @property
    def memory_ratio(self) -> float:
        """The greatest peak of any worker against what the first one needed after a tenth."""
        return max(worker.peak for worker in self.workers) / (self.workers[0].at_tenth or 1)

    def show(self, console: Console) -> None:
        """The table."""
        table = Table(
            title=f"Renewal reminders: {self.terms:,} terms, {self.population} ({self.machine})", min_width=60
        )
        table.add_column("")
        table.add_column("", justify="right")
        for name, value in self._lines():
            table.add_row(name, value)
        console.print(table)
        console.print("[green]sound[/]" if self.sound else "[bold red]NOT SOUND[/]")

    def write(self, file: Path) -> None:
        """The same as JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        derived: dict[str, Any] = {"rate": self.rate, "memory_ratio": self.memory_ratio, "sound": self.sound}
        file.write_text(json.dumps(asdict(self) | derived, indent=2) + "\n")

    def _lines(self) -> list[tuple[str, str]]:
        again = f" (+ {self.sent_again} again, same Message-ID)" if self.sent_again else ""
        return [
            ("database, mail", f"{self.engine}, {self.mail}"),
            ("terms looked at (in the window)", f"{self.looked_at:,}"),
            ("reminders due, found by a plain scan", f"{self.due:,}"),
            ("sent", f"{self.sent:,}{again}"),
            ("sent twice", f"{self.sent_twice:,}"),
            ("missing", f"{self.missing:,}"),
            ("sent without being due", f"{self.unexpected:,}"),
            ("worker killed (SIGKILL)", f"{self.kills} times"),
            ("wall time", f"{self.wall_seconds:,.0f} s"),
            ("of it until Temporal had noticed the kills", f"{self.wall_seconds - self.working_seconds:,.0f} s"),
            ("reminders a second, while working", f"{self.rate:,.0f}"),
            ("bare loop: insert the note, write a mail", f"{self.bare_rate:,.0f} ({self.rate / self.bare_rate:.2f})"),
            ("composing alone, on one core", f"{self.compose_rate:,.0f} ({self.rate / self.compose_rate:.2f})"),
            *(
                (
                    f"RSS of worker {number} at its 10 %, peak after",
                    f"{worker.at_tenth / MIB:.0f}, {worker.peak / MIB:.0f} MiB ({worker.ratio:.2f})",
                )
                for number, worker in enumerate(self.workers, 1)
            ),
            ("peak of any worker against the first's 10 %", f"{self.memory_ratio:.2f}"),
            ("database before, after", f"{self.database_before / MIB:,.0f}, {self.database_after / MIB:,.0f} MiB"),
            ("making the population", f"{self.write_seconds:,.0f} s"),
        ]


def memory(samples: list[Sample]) -> list[WorkerMemory]:
    """Each worker's memory out of the samples, in their order."""
    found = []
    for number in sorted({sample.worker for sample in samples}):
        own = [sample for sample in samples if sample.worker == number and sample.rss]
        if not own:
            continue
        first, last = own[0].arrived, own[-1].arrived
        settled = [sample for sample in own if sample.arrived - first >= (last - first) / 10] or own
        found.append(WorkerMemory(last - first, settled[0].rss, max(sample.rss for sample in settled)))
    return found
