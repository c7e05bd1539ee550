"""Readiness of the database: its schema, its writes, its file; and the commands that refuse another schema."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from cli.common import require_schema
from settings import SettingsError
from store import migrate, readiness
from store.database import Database
from store.migrate import newest, upgrade
from store.readiness import DatabaseState, Readiness
from tests.api.conftest import NOW

READY = DatabaseState(answers=True, schema=True)


async def test_a_migrated_database_that_takes_writes_is_ready(database: Database) -> None:
    checks = Readiness(database, newest())
    assert await checks.check(NOW) == READY
    assert await checks.check(NOW) == READY


async def test_another_revision_is_not_ready(database: Database) -> None:
    state = await Readiness(database, "9999").check(NOW)
    assert (state.answers, state.schema) == (True, False)
    assert "run `aftercare db upgrade`" in state.problem


async def test_a_database_without_tables_is_not_ready(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db")
    state = await Readiness(database, newest()).check(NOW)
    await database.close()
    assert (state.answers, state.schema) == (True, False)
    assert "missing" in state.problem


async def test_a_database_that_nobody_answers_for_is_not_ready() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    state = await Readiness(database, newest()).check(NOW)
    await database.close()
    assert (state.answers, state.schema) == (False, False)


@contextmanager
def write_lock(file: Path) -> Iterator[None]:
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.close()


async def test_a_database_whose_writes_wait_is_not_ready(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "TIMEOUT_SECONDS", 0.2)
    checks = Readiness(sqlite_database, newest())
    assert sqlite_database.file is not None
    with write_lock(sqlite_database.file):
        state = await checks.check(NOW)
        assert (state.answers, state.problem) == (False, "no answer in time")
    assert await checks.check(NOW) == READY


async def test_a_database_that_refuses_writes_is_not_ready(sqlite_database: Database) -> None:
    checks = Readiness(sqlite_database, newest())
    async with sqlite_database.transaction() as session:
        await (await session.connection()).execute(text("PRAGMA query_only = ON"))
    state = await checks.check(NOW)
    assert (state.answers, state.schema) == (False, False)
    assert state.problem


async def test_a_read_only_database_is_not_ready(postgres_url: str) -> None:
    database = Database(
        f"{postgres_url}{'&' if '?' in postgres_url else '?'}options=-cdefault_transaction_read_only%3Don"
    )
    state = await Readiness(database, newest()).check(NOW)
    await database.close()
    assert not state.answers
    assert "read-only" in state.problem


@pytest.mark.parametrize("replacement", ["an empty file", "a copy", "nothing"])
async def test_a_file_that_was_replaced_is_not_ready(
    sqlite_database: Database, tmp_path: Path, replacement: str
) -> None:
    """Open connections go on with the old file: every write to it is lost."""
    checks = Readiness(sqlite_database, newest())
    assert await checks.check(NOW) == READY
    file = sqlite_database.file
    assert file is not None
    other = tmp_path / "other"
    if replacement == "a copy":
        shutil.copyfile(file, other)
    else:
        other.touch()
    other.replace(file)
    if replacement == "nothing":
        file.unlink()
    assert "was replaced" in (await checks.check(NOW)).problem


def test_a_database_of_this_release_may_be_used(database_url: str) -> None:
    require_schema(database_url)


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        (None, "no tables yet: run `aftercare db upgrade`"),
        ("0001", r"at revision 0001, this release needs \d+: run `aftercare db upgrade`"),
        ("9999", "which this release does not know .* a later release has migrated it"),
    ],
)
def test_a_database_of_another_release_is_refused_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: str | None, words: str
) -> None:
    url = f"sqlite:///{tmp_path}/aftercare.db"
    if revision is not None:
        upgrade(url)
        with sqlite3.connect(tmp_path / "aftercare.db") as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        connection.close()
    if revision == newest():
        monkeypatch.setattr(migrate, "newest", lambda: "0002")
    with pytest.raises(SettingsError, match=words):
        require_schema(url)


def test_asking_for_the_revision_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        require_schema(f"sqlite:///{tmp_path}/folder/aftercare.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/none", "sqlite:///{}/text.db"])
def test_a_database_that_does_not_answer_is_one_sentence(tmp_path: Path, url: str) -> None:
    (tmp_path / "text.db").write_text("This is not a database. " * 100)
    with pytest.raises(SettingsError, match="The database does not answer") as refused:
        require_schema(url.format(tmp_path))
    assert len(str(refused.value).splitlines()) == 1
