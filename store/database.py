"""Store: the way to the database. One `writing()` is one transaction, committed at its end or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Connection, Engine, event, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

BUSY_SECONDS: Final = 10
"""How long SQLite waits for another writer before it gives up."""
_BEGIN: Final = "aftercare_begin"
EngineT = TypeVar("EngineT", Engine, AsyncEngine)


def async_url(url: str) -> URL:
    """`url` with the async driver of its engine: aiosqlite or psycopg. Raises ValueError for any other engine."""
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return parsed.set(drivername="sqlite+aiosqlite")
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise ValueError(f"the database is SQLite or PostgreSQL, not {other}")


def prepare_sqlite(engine: Engine) -> None:
    """Make SQLite keep its promises: real transactions, foreign keys, readers beside one writer.

    The driver's own idea of when a transaction begins is switched off and BEGIN sent instead, as SQLAlchemy's SQLite
    dialect documents. Engines with the execution option `aftercare_begin` begin with those words.
    """

    @event.listens_for(engine, "connect")
    def connect(connection: Any, record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


def immediately(engine: EngineT) -> EngineT:
    """The same engine, whose SQLite transactions take the write lock first: two writers queue and neither fails."""
    return engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})


class Database:
    """One database with its connections. `url` is SQLAlchemy's; plain `postgresql://` and `sqlite://` will do."""

    def __init__(self, url: str) -> None:
        address = async_url(url)
        # An error of an activity ends up in Temporal's history: what was written (names, addresses) must not.
        self._engine = create_async_engine(
            address, pool_pre_ping=address.get_backend_name() != "sqlite", hide_parameters=True
        )
        if address.get_backend_name() == "sqlite":
            prepare_sqlite(self._engine.sync_engine)
        self._writing = immediately(self._engine)
        # SQLite has one writer at a time anyway: waiting here is fair and costs nothing, waiting there is polling.
        self._turn = asyncio.Lock() if address.get_backend_name() == "sqlite" else nullcontext()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that sees one state of the database; nothing it does is kept."""
        async with AsyncSession(self._engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """A session whose work is committed when the block ends and undone when it raises.

        One at a time within a task: a second one inside would wait for the first for ever.
        """
        async with self._turn, AsyncSession(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    async def ready(self) -> None:
        """Ask the database for an answer; raises SQLAlchemy's error when there is none."""
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Give all connections back."""
        await self._engine.dispose()
