"""Store: PostgreSQL written to on kept connections.

A transaction's statements of tables go to the driver as they are; objects, where they are still used, go through
SQLAlchemy's session on the same connection and in the same transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
from sqlalchemy import URL, Executable
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from store.direct import CoreSession, Values
from store.wire import Answer, Wire, written

_BEGIN: Final = "BEGIN"
AT_ONCE: Final = 10
"""How many transactions are open at a time; they wait for each other's locks, and the others for their turn."""


class PostgresWriter:
    """Who writes to the PostgreSQL database at `address` in this process."""

    def __init__(self, address: URL) -> None:
        # The driver is told where a transaction begins and ends; it must not begin one by itself.
        self._engine = create_async_engine(
            address, isolation_level="AUTOCOMMIT", poolclass=NullPool, hide_parameters=True
        )
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._free: list[AsyncConnection] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["PostgresSession"]:
        """A session in a transaction, committed at its end or undone when the block raises."""
        async with self._turns:
            connection = await self._begun()
            session = PostgresSession(connection)
            try:
                yield session
                await session.flush()
                await connection.commit()
                session.sync_session.close()
            except BaseException:
                # The server undoes what a connection leaves unfinished.
                await connection.invalidate()
                session.sync_session.close()
                await connection.close()
                raise
            self._free.append(connection)

    async def close(self) -> None:
        """Give all connections back."""
        while self._free:
            await self._free.pop().close()
        await self._engine.dispose()

    async def _begun(self) -> AsyncConnection:
        while True:
            kept = bool(self._free)
            connection = self._free.pop() if kept else await self._engine.connect()
            try:
                await _driver(connection).execute(_BEGIN)
            except BaseException as error:
                await connection.invalidate()
                await connection.close()
                # A server that was away since the last transaction is asked again: nothing is written yet.
                if isinstance(error, psycopg.OperationalError) and kept:
                    continue
                raise
            assert connection.sync_connection is not None
            connection.sync_connection.begin()
            return connection


class PostgresSession(CoreSession):
    """A session on `connection`, whose transaction has begun."""

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, expire_on_commit=False)
        self._driver = _driver(connection)

    async def core(self, statement: Executable, values: Values) -> Answer:
        if isinstance(values, Mapping):
            wire = written(statement, tuple(values))
            return await self._sent(wire, self._driver.execute(wire.text, wire.parameters(values), prepare=True))
        wire = written(statement, tuple(values[0]))
        async with self._driver.cursor() as cursor:
            return await self._sent(wire, _many(cursor, wire, values))

    async def flush(self, objects: Sequence[Any] | None = None) -> None:
        changed = self.sync_session
        if changed.new or changed.dirty or changed.deleted:
            await super().flush(objects)

    async def _sent(self, wire: Wire, sending: Awaitable[psycopg.AsyncCursor[Any]]) -> Answer:
        try:
            return await wire.answer(await sending)
        except psycopg.Error as error:
            raise wire.failed(error) from error


async def _many(
    cursor: psycopg.AsyncCursor[Any], wire: Wire, lines: Sequence[Mapping[str, Any]]
) -> psycopg.AsyncCursor[Any]:
    await cursor.executemany(wire.text, [wire.parameters(line) for line in lines])
    return cursor


def _driver(connection: AsyncConnection) -> psycopg.AsyncConnection[Any]:
    assert connection.sync_connection is not None
    driver = connection.sync_connection.connection.driver_connection
    assert isinstance(driver, psycopg.AsyncConnection)
    return driver
