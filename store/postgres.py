"""Store: PostgreSQL written to on kept connections.

A transaction's statements of tables go to the driver as they are; objects, where they are still used, go through
SQLAlchemy's session on the same connection and in the same transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
from sqlalchemy import URL, Executable, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from store.core import CoreSession
from store.wire import Answer, Values, Wire, written

_BEGIN: Final = written(text("BEGIN"), {}, "postgresql")
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
            except BaseException:
                # The server undoes what a connection leaves unfinished.
                await connection.invalidate()
                session.forget()
                await connection.close()
                raise
            session.forget()
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
                await sent(_driver(connection), _BEGIN, {})
            except BaseException as error:
                await connection.invalidate()
                await connection.close()
                # A server that was away since the last transaction is asked again: nothing is written yet.
                if isinstance(error, OperationalError) and kept:
                    continue
                raise
            assert connection.sync_connection is not None
            connection.sync_connection.begin()
            return connection


class PostgresSession(CoreSession):
    """A session on `connection`, whose transaction has begun."""

    engine = "postgresql"

    def __init__(self, connection: AsyncConnection) -> None:
        assert connection.sync_connection is not None
        super().__init__(connection.sync_connection)
        self._driver = _driver(connection)

    async def core(self, statement: Executable, values: Values) -> Answer:
        return await sent(self._driver, written(statement, values, "postgresql"), values)


async def sent(driver: psycopg.AsyncConnection[Any], wire: Wire, values: Values) -> Answer:
    """The statement's answer. Raises SQLAlchemy's errors."""
    parameters = wire.parameters(values)
    try:
        if isinstance(parameters, Mapping):
            cursor = await driver.execute(wire.text, parameters, prepare=True)
        elif len(parameters) == 1:
            cursor = await driver.execute(wire.text, parameters[0], prepare=True)
        else:
            await (cursor := driver.cursor()).executemany(wire.text, parameters)
        # Its description would be made of each column, to be asked whether there are any.
        answered = cursor.pgresult is not None and cursor.pgresult.nfields
        return wire.answer(await cursor.fetchall() if answered else (), cursor.rowcount)
    except psycopg.Error as error:
        raise wire.failed(error) from error


def _driver(connection: AsyncConnection) -> psycopg.AsyncConnection[Any]:
    assert connection.sync_connection is not None
    driver = connection.sync_connection.connection.driver_connection
    assert isinstance(driver, psycopg.AsyncConnection)
    return driver
