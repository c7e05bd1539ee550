"""Store: the way to the database. One `writing()` is one transaction, committed at its end or not at all.

What is read with one statement is asked for (`ask`): it costs a fraction of a session.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

from sqlalchemy import URL, Executable, make_url, text
from sqlmodel.ext.asyncio.session import AsyncSession

from store.core import core
from store.postgres import PostgresDatabase
from store.sqlite import SqliteDatabase

Ask = Callable[[Executable, Mapping[str, Any]], Awaitable[Sequence[Any]]]
"""Run one statement with these values for its bound parameters; its rows."""
_ANYTHING: Final = text("SELECT 1")


def async_url(url: str) -> URL:
    """`url` with the async driver of its engine: aiosqlite or asyncpg. Raises ValueError for any other engine."""
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return parsed.set(drivername="sqlite+aiosqlite")
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+asyncpg")
        case other:
            raise ValueError(f"the database is SQLite or PostgreSQL, not {other}")


def within(session: AsyncSession) -> Ask:
    """Ask in the session, and see what it sees."""

    async def ask(statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        await session.flush()  # what was changed a moment ago is asked about too
        return (await core(session, statement, values)).all()

    return ask


class _Engine(Protocol):
    async def rows(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]: ...

    def reading(self) -> AbstractAsyncContextManager[AsyncSession]: ...

    def writing(self) -> AbstractAsyncContextManager[AsyncSession]: ...

    async def close(self) -> None: ...


class Database:
    """One database with its connections. `url` is SQLAlchemy's; plain `postgresql://` and `sqlite://` will do."""

    def __init__(self, url: str) -> None:
        address = async_url(url)
        sqlite = address.get_backend_name() == "sqlite"
        self._engine: _Engine = SqliteDatabase(address) if sqlite else PostgresDatabase(address)

    async def ask(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of one statement that only reads, a few of them. One statement sees one state: no transaction.

        Build the statement once, with bound parameters: building costs more than asking. Raises SQLAlchemy's errors,
        OperationalError when there is no answer.
        """
        return await self._engine.rows(statement, values)

    def reading(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A session that sees one state of the database; nothing it does is kept."""
        return self._engine.reading()

    def writing(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A session whose work is committed when the block ends and undone when it raises.

        One at a time within a task: a second one inside would wait for the first for ever.
        """
        return self._engine.writing()

    async def ready(self) -> None:
        """Ask the database for an answer; raises SQLAlchemy's error when there is none."""
        await self.ask(_ANYTHING, {})

    async def close(self) -> None:
        """Give all connections back."""
        await self._engine.close()
