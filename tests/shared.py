"""Servers and prepared databases that the processes of a test run share; the first that needs one makes it.

The process that began the run ends it: it stops the servers and removes the folder when all others are done.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM
from subprocess import DEVNULL
from typing import Self

from filelock import FileLock

_SECONDS_TO_STOP = 20


class SharedRun:
    """A folder with a note for each resource."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._spawned: list[subprocess.Popen[bytes]] = []

    @classmethod
    def begin(cls) -> Self:
        folder = Path(tempfile.mkdtemp(prefix="aftercare-tests-"))
        # Started by root, PostgreSQL runs as another user, who needs access to this folder.
        folder.chmod(0o755)
        return cls(folder)

    def once(self, name: str, make: Callable[[], str]) -> str:
        """What `make` returned to the first process that needed `name`."""
        note = self.folder / f"{name}.note"
        with FileLock(self.folder / f"{name}.lock"):
            if not note.exists():
                note.write_text(make())
            return note.read_text()

    def spawn(self, command: Sequence[str], cwd: Path | None = None) -> None:
        """Start a process that outlives this one and is stopped when the run ends."""
        # In a session of its own: an interrupt from the keyboard is for the tests, which still need it to end.
        process = subprocess.Popen(command, cwd=cwd, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True)
        self._spawned.append(process)
        self.stop_at_end(process.pid)

    def stop_at_end(self, pid: int, signal: int = SIGTERM) -> None:
        """Have another process stopped by that signal when the run ends."""
        (self.folder / f"{pid}.process").write_text(str(int(signal)))

    def end(self) -> None:
        for note in self.folder.glob("*.process"):
            with suppress(ProcessLookupError):
                _stop(int(note.stem), int(note.read_text()))
        shutil.rmtree(self.folder, ignore_errors=True)


def _stop(pid: int, signal: int) -> None:
    os.kill(pid, signal)
    deadline = time.monotonic() + _SECONDS_TO_STOP
    while _runs(pid):
        if time.monotonic() > deadline:
            os.kill(pid, SIGKILL)
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:  # another process of the run started it
        os.kill(pid, 0)
        return True
