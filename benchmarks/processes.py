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
