"""Store: the way to the database. One `writing()` is one transaction, committed at its end or not at all.

What is read with one statement is asked for (`ask`): the drivers made for asyncio cost ten times as much for it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, Executable, event, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from store import sqlite
from store.asking import Asking, PostgresAsking, SqliteAsking
from store.core import core
from store.postgres import PostgresWriter

_BEGIN: Final = "aftercare_begin"
Ask = Callable[[Executable, Mapping[str, Any]], Awaitable[Sequence[Any]]]
"""Run one statement with these values for its bound parameters; its rows."""


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
    """Prepare each connection, and begin transactions as the engine says (`immediately`)."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        sqlite.prepare(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


def immediately(engine: Engine) -> Engine:
    """The same engine, whose SQLite transactions take the write lock first: two writers queue and neither fails."""
    return engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})


def within(session: AsyncSession) -> Ask:
    """Ask in the session, and see what it sees."""

    async def ask(statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        await session.flush()  # what was changed a moment ago is asked about too
        return (await core(session, statement, values)).all()

    return ask


class Database:
    """One database with its connections. `url` is SQLAlchemy's; plain `postgresql://` and `sqlite://` will do."""

    def __init__(self, url: str) -> None:
        address = async_url(url)
        self._in_process = in_process = address.get_backend_name() == "sqlite"
        # An error of an activity ends up in Temporal's history: what was written (names, addresses) must not.
        self._engine = create_async_engine(address, pool_pre_ping=not in_process, hide_parameters=True)
        self._writer = sqlite.Writer(address) if in_process else PostgresWriter(address)
        if in_process:
            prepare_sqlite(self._engine.sync_engine)
        self._asking: Asking = SqliteAsking(address) if in_process else PostgresAsking(address)

    async def ask(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of one statement that only reads, a few of them. One statement sees one state: no transaction.

        Build the statement once, with bound parameters: building costs more than asking.
        """
        try:
            return await self._asking.rows(statement, values)
        except OperationalError:
            if not self._in_process:
                raise
            # The file is being recovered or put in order just now: whoever must wait does not wait in the loop.
            async with self.reading() as session:
                return await within(session)(statement, values)

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
        async with self._writer.transaction() as session:
            yield session

    async def ready(self) -> None:
        """Ask the database for an answer; raises SQLAlchemy's error when there is none."""
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Give all connections back."""
        await self._engine.dispose()
        await self._writer.close()
        await self._asking.close()
