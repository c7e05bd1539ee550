"""Benchmarks: the environment that holds the peer (DBOS) beside everything Aftercare needs; made at first use.

The peer is no dependency of the product, so it stands in a lock of its own and its environment under .cache. Both
sides of the comparison run in there, with the same interpreter and the same releases of what they share.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).parents[2]
LOCK = Path(__file__).with_name("peer.lock")


class PeerEnvironmentError(Exception):
    """Why there is none here."""


def run(arguments: Sequence[str], console: Console) -> int:
    """Run `benchmarks.peer` in that environment; its exit code. Raises PeerEnvironmentError when it cannot be made."""
    python = _python(console)
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    environment = os.environ | {"PYTHONPATH": path}
    return subprocess.run([str(python), "-m", "benchmarks.peer", *arguments], env=environment).returncode


def _python(console: Console) -> Path:
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    home = ROOT / ".cache" / f"peer-{digest}"
    ready = home / "ready"
    if not ready.exists():
        console.log("making the peer's environment (about a minute, once)")
        _make(home)
        ready.touch()
    return home / "bin" / "python"


def _make(home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(LOCK)]
    try:
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, capture_output=True, timeout=120)
        subprocess.run([str(home / "bin" / "python"), *install], check=True, capture_output=True, timeout=600)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise PeerEnvironmentError(f"the peer's environment cannot be made here: {error}") from error
