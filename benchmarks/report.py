"""Benchmarks: what a run found, each figure beside its baseline of the same run, as a table and as JSON."""

import json
import os
import platform
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

RESULTS: Final = Path(".aftercare") / "benchmarks"
MACHINE: Final = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value beside what it is compared with. `target` bounds the ratio; without a baseline the value.

    `at_least`: the bound is a floor, not a ceiling.
    """

    what: str
    ours: float
    unit: str = ""
    baseline: float | None = None
    target: float | None = None
    at_least: bool = False

    @property
    def ratio(self) -> float | None:
        """Ours against the baseline; None without one."""
        return None if not self.baseline else self.ours / self.baseline

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where none is set."""
        if self.target is None:
            return None
        value = self.ours if self.baseline is None else self.ratio
        if value is None:
            return False
        return value >= self.target if self.at_least else value <= self.target


@dataclass
class Report:
    """The figures of one benchmark. `name` names its JSON; `baseline` is the heading of its column."""

    name: str
    title: str
    baseline: str = ""
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    settings: dict[str, object] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic, repr=False)

    def add(
        self,
        what: str,
        ours: float,
        unit: str = "",
        *,
        baseline: float | None = None,
        target: float | None = None,
        at_least: bool = False,
    ) -> None:
        """Append a figure; the arguments are Figure's."""
        self.figures.append(Figure(what, ours, unit, baseline, target, at_least))

    @property
    def missed(self) -> list[Figure]:
        """The figures that miss their target."""
        return [figure for figure in self.figures if figure.met is False]

    def show(self, console: Console) -> None:
        """The table, then the notes."""
        compared = any(figure.baseline is not None for figure in self.figures)
        table = Table(title=f"{self.title} ({MACHINE})", min_width=60)
        table.add_column("")
        for heading in ("Aftercare", *((self.baseline, "ratio") if compared else ()), "target"):
            table.add_column(heading, justify="right")
        for figure in self.figures:
            cells = [_number(figure.ours, figure.unit)]
            if compared:
                cells += [
                    _number(figure.baseline, figure.unit) if figure.baseline is not None else "",
                    f"{figure.ratio:.2f}" if figure.ratio is not None else "",
                ]
            table.add_row(figure.what, *cells, _target(figure))
        console.print(table)
        for note in self.notes:
            console.print(f"- {note}")

    def write(self) -> Path:
        """The same as JSON; the file it went into."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        file = RESULTS / f"{self.name}.json"
        document = {
            "title": self.title,
            "baseline": self.baseline,
            "machine": MACHINE,
            "seconds": round(time.monotonic() - self._began, 1),
            "settings": self.settings,
            "figures": [asdict(figure) | {"ratio": figure.ratio, "met": figure.met} for figure in self.figures],
            "notes": self.notes,
        }
        file.write_text(json.dumps(document, indent=2) + "\n")
        return file


def _number(value: float, unit: str) -> str:
    digits = f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:,.3g}"
    return f"{digits} {unit}".strip()


def _target(figure: Figure) -> str:
    if figure.target is None:
        return ""
    sign, colour = ("≥" if figure.at_least else "≤"), ("green" if figure.met else "bold red")
    return f"[{colour}]{sign} {figure.target:g}[/]"


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of them lie (nearest rank). Raises ValueError for no values."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]
