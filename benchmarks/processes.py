"""Benchmarks: what a process costs, read from Linux's /proc. Its children are not counted."""

import os
from pathlib import Path


def rss(pid: int) -> int:
    """Resident memory in bytes. Raises OSError when the process is gone."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """User and system time spent so far, all threads. Raises OSError when the process is gone."""
    # The name in brackets may hold blanks; the numbers begin behind the last bracket.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def family_cpu_seconds(pid: int) -> float:
    """The same with its children, those that have ended included. Raises OSError when the process is gone."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended; its parent has its time now
        if stat.parent.name == str(pid):
            ticks += sum(int(field) for field in fields[11:15])
        elif int(fields[1]) == pid:
            ticks += int(fields[11]) + int(fields[12])
    if not ticks:
        raise ProcessLookupError(pid)
    return ticks / os.sysconf("SC_CLK_TCK")


def parent(pid: int) -> int:
    """The process id of its parent. Raises OSError when the process is gone."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
