"""Local stack: ends a child process when its supervisor ends, even after ``kill -9``.

Run as a script it takes the supervisor's process id and a command, and replaces itself by that command::

    python exit_with_parent.py 4711 temporal server start-dev

On Linux the kernel kills the child when the supervisor ends. Elsewhere the Python children watch their standard input
(``exit_when_stdin_closes``), and a Temporal server outlives a killed supervisor.

It runs at the start of every child, so it imports a few standard modules only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

_PR_SET_PDEATHSIG = 1


def exit_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when ``parent`` ends; kept across ``exec``. Does nothing outside Linux."""
    if sys.platform != "linux":
        return
    # SIGKILL: the supervisor may itself have been killed, and each part must survive a kill anyway.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent ended before the request
        os._exit(1)


def exit_when_stdin_closes() -> None:
    """End this process when standard input closes, as it does when the supervisor ends."""

    def watch() -> None:
        # os.read has no buffer: a daemon thread inside sys.stdin would hold its lock at interpreter exit.
        while os.read(0, 4096):
            pass
        os._exit(1)

    threading.Thread(target=watch, name="exit-when-stdin-closes", daemon=True).start()


if __name__ == "__main__":
    exit_with_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606
