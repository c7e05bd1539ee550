"""A supervised child process: restarted, stopped in time, and never left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from devstack.processes import ChildProcess

ROOT = Path(__file__).parents[2]
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


class CheckedClaim:
    """A child with everything it wrote and everything noted about it."""

    def __init__(self, code: str) -> None:
        self.lines: list[str] = []
        self.notes: list[str] = []
        self.child = ChildProcess(
            "part",
            [sys.executable, "-c", code],
            dict(os.environ),
            on_line=self.lines.append,
            on_note=self.notes.append,
        )


@pytest.fixture
async def watch() -> AsyncIterator[Callable[[str], CheckedClaim]]:
    started: list[CheckedClaim] = []

    def make(code: str) -> CheckedClaim:
        started.append(CheckedClaim(code))
        return started[-1]

    yield make
    for each in started:
        await each.child.kill()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether no such process runs; one that waits for its parent to read its end is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def test_a_child_that_ends_by_itself_is_started_again(watch: Callable[[str], CheckedClaim]) -> None:
    watched = watch("import time; print('up', flush=True); time.sleep(60)")
    await watched.child.start()
    watched.child.supervise()
    await until(lambda: watched.lines == ["up"])
    first = watched.child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: watched.lines == ["up", "up"])
    assert watched.child.pid not in (None, first)
    assert watched.notes == ["part was ended by SIGKILL; starting it again in 0.5 s"]


async def test_a_killed_child_stays_down_until_it_is_started(watch: Callable[[str], CheckedClaim]) -> None:
    watched = watch("import time; print('up', flush=True); time.sleep(60)")
    await watched.child.start()
    watched.child.supervise()
    await until(lambda: watched.lines)
    await watched.child.kill()
    await asyncio.sleep(0.7)
    assert not watched.child.running
    assert watched.notes == []
    await watched.child.start()
    await until(lambda: watched.lines == ["up", "up"])


async def test_a_child_that_ignores_sigterm_is_killed_in_time(watch: Callable[[str], CheckedClaim]) -> None:
    watched = watch(STUBBORN)
    await watched.child.start()
    await until(lambda: watched.lines)
    began = time.monotonic()
    await watched.child.stop(0.3)
    assert 0.3 <= time.monotonic() - began < 3
    assert not watched.child.running


async def test_a_child_that_fails_at_once_leaves_its_last_lines(watch: Callable[[str], CheckedClaim]) -> None:
    watched = watch("raise SystemExit('no such thing')")
    await watched.child.start()
    await until(lambda: not watched.child.running)
    await watched.child.kill()
    assert list(watched.child.tail) == ["no such thing"]


async def test_a_line_without_end_does_not_stop_the_reading(watch: Callable[[str], CheckedClaim]) -> None:
    watched = watch("print('x' * 3_000_000); print('after', flush=True)")
    await watched.child.start()
    await until(lambda: "after" in watched.lines)


SUPERVISOR = """
import asyncio, os, sys
from devstack.processes import ChildProcess

async def main():
    child = ChildProcess("part", [sys.executable, "-c", sys.argv[1]], dict(os.environ), on_line=print, on_note=print)
    await child.start()
    print(child.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part of it is Linux's"),
            id="by the kernel",
        ),
        pytest.param(
            "import ctypes, sys, time; from devstack import exit_with_parent;"
            "exit_with_parent.exit_when_stdin_closes();"
            "ctypes.CDLL(None).prctl(1, 0, 0, 0, 0) if sys.platform == 'linux' else None;"
            "time.sleep(60)",
            id="by standard input",
        ),
    ],
)
def test_a_killed_supervisor_takes_its_child_along(code: str) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, code], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    with supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        # Long enough for the child to have become what it is.
        time.sleep(0.5)
        assert not gone(pid)
        supervisor.kill()
    deadline = time.monotonic() + 5
    while not gone(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert gone(pid)
