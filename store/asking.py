"""Store: one statement asked without a thread and without a session, for what is asked most.

Threads that ask and the loop would take the interpreter from each other, which costs more than the question.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import psycopg
from sqlalchemy import URL, Executable, create_engine, event
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from store import postgres, sqlite
from store.wire import Wire, written

AT_ONCE: Final = 4
"""How many questions PostgreSQL is asked at a time, each on a connection of its own; the others wait for their turn."""


class Asking(Protocol):
    """The way to a database for whoever asks one statement at a time."""

    async def rows(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        """The statement's rows. Raises sqlalchemy.exc.OperationalError when there is no answer."""

    async def close(self) -> None:
        """Give all connections back."""


class SqliteAsking:
    """SQLite, asked where it is: in this process, where its readers wait for nobody."""

    def __init__(self, address: URL) -> None:
        engine = create_engine(address.set(drivername="sqlite"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        event.listen(engine, "connect", sqlite.never_wait)
        self._kept = sqlite.Kept(engine)

    async def rows(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        wire = written(statement, values, "sqlite")
        try:
            return sqlite.sent(self._kept.driver, wire, values).all()
        except BaseException:
            self._kept.drop()
            raise

    async def close(self) -> None:
        self._kept.drop()


class PostgresAsking:
    """PostgreSQL, asked on connections that are kept."""

    def __init__(self, address: URL) -> None:
        _, self._address = PGDialect_psycopg().create_connect_args(address)  # type: ignore[no-untyped-call]
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._free: list[psycopg.AsyncConnection[Any]] = []

    async def rows(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        wire = written(statement, values, "postgresql")
        async with self._turns:
            while True:
                kept = self._free.pop() if self._free else None
                try:
                    return await self._answer(wire, values, kept)
                except DBAPIError:
                    # A server that was away since the last question: what only reads may be asked again.
                    if kept is None or not kept.broken:
                        raise

    async def close(self) -> None:
        while self._free:
            await self._free.pop().close()

    async def _answer(
        self, wire: Wire, values: Mapping[str, Any], kept: psycopg.AsyncConnection[Any] | None
    ) -> Sequence[Any]:
        connection = kept or await psycopg.AsyncConnection.connect(autocommit=True, **self._address)
        try:
            answer = await postgres.sent(connection, wire, values)
        except DBAPIError:
            if not connection.broken:
                self._free.append(connection)
            raise
        except BaseException:
            # Whoever was stopped in the middle leaves a connection nobody knows the state of.
            await connection.close()
            raise
        self._free.append(connection)
        return answer.all()
