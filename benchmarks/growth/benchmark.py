"""Benchmarks: what a read and a write cost the database, by how many claims are stored, each against the smallest size.

All sizes are written first and then measured in turns, so that whatever the machine does meanwhile happens to all.
"""

import asyncio
import contextlib
import logging
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from benchmarks import databases
from benchmarks.growth import programme
from benchmarks.growth.queries import MeasuredQueries
from benchmarks.report import Report
from store.seed import demo_catalogue

TARGET: Final = 1.3
_IN_A_ROW: Final = 10
_MIB: Final = 1024 * 1024
_WRITES: Final = "the writes of one claim: reserve, save, dispatch, save, close"
Times = dict[tuple[str, int], list[float]]


def measure(
    sizes: list[int], repeats: int, postgres: bool, console: Console, stored: dict[int, str] | None = None
) -> Report:
    """Every query `repeats` times at each size, and the writes of as many claims.

    `stored`: addresses of programmes that are written already, by size, instead of new ones of `sizes`.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    sizes = sorted(stored) if stored else sorted(sizes)
    postgres = postgres or any(url.startswith("postgres") for url in (stored or {}).values())
    engine = "PostgreSQL" if postgres else "SQLite"
    small, large = sizes[0], sizes[-1]
    title = f"One request at {large:,} stored claims and devices, {engine}"
    report = Report(f"growth-{engine.lower()}", title, f"at {small:,}")
    with tempfile.TemporaryDirectory(prefix="aftercare-benchmark-") as folder, contextlib.ExitStack() as opened:
        urls = stored or {size: _written(size, Path(folder), postgres, opened, console) for size in sizes}
        times = asyncio.run(_play(urls, repeats))
    medians: dict[str, dict[int, float]] = defaultdict(dict)
    for (name, size), found in times.items():
        medians[name][size] = 1000 * statistics.median(found)
    for name, by_size in medians.items():
        report.add(name, by_size[large], "ms", baseline=by_size[small], target=TARGET)
    report.settings = {"sizes": sizes, "repeats": repeats, "engine": engine, "milliseconds": medians}
    return report


def _written(size: int, folder: Path, postgres: bool, opened: contextlib.ExitStack, console: Console) -> str:
    home = folder / str(size)
    home.mkdir()
    url = opened.enter_context(databases.fresh(home, postgres))
    began = time.perf_counter()
    programme.write(url, size, demo_catalogue())
    took, mib = time.perf_counter() - began, databases.size(url) / _MIB
    console.log(f"{size:,} claims written in {took:.0f} s, {mib:,.0f} MiB")
    return url


async def _play(urls: dict[int, str], repeats: int) -> Times:
    programmes = {size: MeasuredQueries(url, size) for size, url in urls.items()}
    times: Times = defaultdict(list)
    try:
        for measured in programmes.values():
            await measured.begin()
        names = list(next(iter(programmes.values())).reads())
        for turn in range(1 + repeats // _IN_A_ROW):
            for name in names:
                for size, measured in programmes.items():
                    spent = await _timed(measured.reads()[name], turn)
                    if turn:  # the first one warms caches and connections
                        times[name, size] += spent
        for turn in range(1 + min(repeats, programme.IN_THE_WINDOW - 1)):
            for size, measured in programmes.items():
                began = time.perf_counter()
                await measured.write_claim(turn)
                if turn:
                    times[_WRITES, size].append(time.perf_counter() - began)
    finally:
        for measured in programmes.values():
            await measured.close()
    return times


async def _timed(query: Callable[[int], Awaitable[Any]], turn: int) -> list[float]:
    found = []
    for number in range(_IN_A_ROW):
        began = time.perf_counter()
        await query(turn * _IN_A_ROW + number)
        found.append(time.perf_counter() - began)
    return found
