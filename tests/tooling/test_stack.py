"""The local stack: it starts whole, survives the loss of any part, keeps all data, and leaves no process behind."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from devstack.commands import scratch_settings
from devstack.preflight import StackError
from devstack.stack import PARTS, PARTS_WITH_CODEC, Stack
from messages.search import SEARCH_ATTRIBUTES
from settings import HOME_VERSION, Settings
from temporal_runtime.schedules import RECONCILIATION

ROOT = Path(__file__).parents[2]
PLACES = {"api": "uvicorn.error: Uvicorn running", "worker": "working on"}


def gone(pid: int) -> bool:
    """Whether no such process runs; one that waits for its parent to read its end is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def environment(settings: Settings) -> dict[str, str]:
    return os.environ | settings.to_environment() | {"PYTHONUNBUFFERED": "1", "COLUMNS": "200"}


@contextmanager
def foreground(settings: Settings) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """``aftercare dev`` with what it wrote until its banner was complete."""
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "dev"],
        cwd=ROOT,
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        written = ""
        try:
            for line in process.stdout:
                written += line
                if "Ctrl-C stops it" in line:
                    break
            yield process, written
        finally:
            process.kill()


async def test_every_part_starts_and_stops(tmp_path: Path) -> None:
    async with Stack(scratch_settings(tmp_path)) as stack:
        async with httpx2.AsyncClient() as http:
            assert (await http.get(f"{stack.api_url}/healthz")).is_success
            assert (await http.get(stack.ui_url)).is_success
        assert stack.client.namespace == "default"
        pids = [stack.pid(part) for part in PARTS]
    assert all(pid is not None and gone(pid) for pid in pids)


async def test_temporal_keeps_its_data_when_killed(tmp_path: Path) -> None:
    settings = scratch_settings(tmp_path)
    async with Stack(settings, parts=("temporal",)) as stack:
        await stack.client.start_workflow("Waiting", id="recorded", task_queue="unserved")
        await stack.kill("temporal")
        await stack.start("temporal")
        await stack.client.get_workflow_handle("recorded").describe()
    async with Stack(settings, parts=("temporal",)) as stack:
        await stack.client.get_workflow_handle("recorded").describe()


async def test_a_part_that_cannot_start_shows_its_error(tmp_path: Path) -> None:
    # A folder where the file should be, in a data folder that is otherwise right.
    (tmp_path / "VERSION").write_text(f"{HOME_VERSION}\n")
    (tmp_path / "temporal.db").mkdir()
    with pytest.raises(StackError, match=r"temporal ended while starting\. Its last lines:\n"):
        async with Stack(scratch_settings(tmp_path), parts=("temporal",)):
            pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_stops_everything_in_time(tmp_path: Path, number: signal.Signals) -> None:
    settings = scratch_settings(tmp_path)
    with foreground(settings) as (process, written):
        assert f"http://127.0.0.1:{settings.api_port}/docs" in written
        assert f"http://127.0.0.1:{settings.temporal_ui_port}" in written
        pids = children(process.pid)
        assert len(pids) == len(PARTS_WITH_CODEC)
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(20) == 0
        assert time.monotonic() - began < 10
    assert all(gone(pid) for pid in pids)


def test_no_process_outlives_a_killed_supervisor_and_a_restart_continues(tmp_path: Path) -> None:
    settings = scratch_settings(tmp_path)
    with foreground(settings) as (process, _):
        pids = children(process.pid)
        process.kill()
    deadline = time.monotonic() + 5
    while not all(gone(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert all(gone(pid) for pid in pids)
    with foreground(settings) as (process, written):
        assert "Ctrl-C stops it" in written
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("part", ["worker", "api"])
def test_a_crashed_part_is_restarted_with_a_message(tmp_path: Path, part: str) -> None:
    with foreground(scratch_settings(tmp_path)) as (process, _):
        victim = next(
            pid for pid in children(process.pid) if f"\0{part}\0".encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        )
        os.kill(victim, signal.SIGKILL)
        assert process.stdout is not None
        written = ""
        for line in process.stdout:
            written += line
            if PLACES[part] in line:
                break
        assert re.search(rf"! {part} was ended by SIGKILL; starting it again", written)
        process.terminate()
        process.wait(20)


async def test_the_search_attributes_can_be_set_up_again_and_again(tmp_path: Path) -> None:
    settings = scratch_settings(tmp_path)
    attributes = [f"{key.name}: already there" for key in SEARCH_ATTRIBUTES]
    async with Stack(settings, parts=("temporal",)) as stack:
        for options, retention in (
            ([], "30 days already"),
            (["--retention-days", "45"], "raised from 30 to 45 days"),
            ([], "45 days already"),
        ):
            completed = subprocess.run(
                [sys.executable, "-m", "cli", "temporal", "setup", *options],
                cwd=ROOT,
                env=environment(settings) | {"TEMPORAL_ADDRESS": stack.temporal_address},
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert completed.returncode == 0, completed.stderr
            output = completed.stdout.splitlines()
            assert output[: len(attributes) + 1] == [*attributes, f"retention: {retention}"]
            schedules = [line.partition(":")[0] for line in output[len(attributes) + 1 :]]
            assert schedules[0] == RECONCILIATION
            assert all(name.startswith("renewal-reminders-") for name in schedules[1:])


def test_a_refusal_is_one_message_and_code_two(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("0\n")
    completed = subprocess.run(
        [sys.executable, "-m", "cli", "dev"],
        cwd=ROOT,
        env=environment(scratch_settings(tmp_path)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert completed.returncode == 2
    assert completed.stderr.startswith("The data folder")
    assert "Traceback" not in completed.stdout + completed.stderr
