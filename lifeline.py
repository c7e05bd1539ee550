"""A composition part: ends a child when its supervisor is gone, however that went. No room imports this module.

Run as a script it takes the supervisor's process id and a command, and becomes that command::

    python lifeline.py 4711 temporal server start-dev

On Linux the kernel then kills the child together with its supervisor, even after ``kill -9``. Elsewhere the Python
children watch their standard input instead (``end_with_stdin``), and a Temporal server outlives a killed supervisor.

It imports next to nothing: it stands before the start of every child.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Asks the kernel to kill this process when ``parent`` ends; kept across ``exec``. Linux only, else nothing."""
    if sys.platform != "linux":
        return
    # SIGKILL, since a part whose supervisor was killed must survive being killed itself: the next start goes on.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we asked
        os._exit(1)


def end_with_stdin() -> None:
    """Ends this process at once when standard input closes, which it does when the supervisor is gone."""

    def watch() -> None:
        # os.read and no buffer: a daemon thread inside sys.stdin would hold its lock at interpreter exit.
        while os.read(0, 4096):
            pass
        os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606
