"""python-getpaid-simulator in an environment of its own under .cache: it needs Python 3.12 or newer."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = Path(__file__).with_name("simulator.lock")
_NEWER = ("python3.12", "python3.13", "python3.14")


class NoSimulator(Exception):
    """The reason why there is no simulator."""


def simulator_command(port: int) -> list[str]:
    """The command that serves it on loopback. Raises NoSimulator without a Python or what the lock names."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    home = ROOT / ".cache" / f"stripe-simulator-{digest}"
    ready = home / "ready"
    if not ready.exists():
        _make(home)
        ready.touch()
    return [str(home / "bin" / "getpaid-simulator"), "--host", "127.0.0.1", "--port", str(port)]


def _make(home: Path) -> None:
    python = _python()
    shutil.rmtree(home, ignore_errors=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(LOCK)]
    try:
        subprocess.run([python, "-m", "venv", str(home)], check=True, capture_output=True, timeout=120)
        subprocess.run([str(home / "bin" / "python"), *install], check=True, capture_output=True, timeout=300)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise NoSimulator(f"python-getpaid-simulator cannot be installed here: {error}") from error


def _python() -> str:
    """A Python that is new enough: this one, one on the path, or one of pyenv's."""
    if sys.version_info >= (3, 12):
        return sys.executable
    found = [path for path in map(shutil.which, _NEWER) if path]
    found += [str(path) for path in sorted(Path.home().glob(".pyenv/versions/3.1[2-9]*/bin/python"))]
    for path in found:
        # pyenv's shims are there for versions that are not.
        if subprocess.run([path, "--version"], capture_output=True).returncode == 0:
            return path
    raise NoSimulator("python-getpaid-simulator needs Python 3.12 or newer, and there is none here")
