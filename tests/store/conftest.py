"""Fixtures: the programme on each database, and the `aftercare` command on it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cli.app import app, exit_code_of
from store.database import Database
from tests.store.programme import Programme


@pytest.fixture
def programme(database: Database) -> Programme:
    """A programme with the demo catalogue and nothing else, once on each database."""
    return Programme(database)


@pytest.fixture
def aftercare(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """The command `aftercare ...` on the test's database: its exit code and its output."""
    monkeypatch.setenv("AFTERCARE_DATABASE_URL", database_url)
    monkeypatch.setenv("AFTERCARE_HOME", str(tmp_path / "home"))

    def run(*words: object) -> tuple[int, str]:
        capsys.readouterr()
        # In a thread, because the command runs its own event loop.
        with ThreadPoolExecutor(1) as thread:
            code = thread.submit(exit_code_of, lambda: app(list(map(str, words)))).result()
        output = capsys.readouterr()
        return code, output.out + output.err

    return run
