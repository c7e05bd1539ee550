"""Store: SQLite written to where it is asked, without a thread.

A driver made for asyncio hands each call to a thread and waits to be told of its end, several times a statement. SQLite
is in this process and a statement takes microseconds, so it is called at once. Two things can take long and block
nobody: another process's turn is waited for asleep, and a commit, which waits for the disk, is made in a thread.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, Executable, create_engine, event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel.ext.asyncio.session import AsyncSession

from store.core import CoreSession, core
from store.wire import Answer, Values, Wire, written

BUSY_SECONDS: Final = 10
"""How long one writer waits for another before it gives up."""
_LOOKS_EVERY: Final = 0.002
_BUSY: Final = "SQLITE_BUSY"
_BEGIN: Final = written(text("BEGIN IMMEDIATE"), {}, "sqlite")
_BEGINS: Final = "aftercare_begin"


def prepare(connection: Any, busy_seconds: float = BUSY_SECONDS) -> None:
    """Make SQLite keep its promises: real transactions, foreign keys, readers beside one writer.

    The driver's own idea of when a transaction begins is switched off, for BEGIN to be sent instead, as SQLAlchemy's
    SQLite dialect documents.
    """
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {busy_seconds * 1000:.0f}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def prepare_sqlite(engine: Engine) -> None:
    """Prepare each connection, and begin transactions as the engine says (`immediately`)."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        prepare(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGINS, "BEGIN"))


def immediately(engine: Engine) -> Engine:
    """The same engine, whose SQLite transactions take the write lock first: two writers queue and neither fails."""
    return engine.execution_options(**{_BEGINS: "BEGIN IMMEDIATE"})


def never_wait(connection: Any, _record: object) -> None:
    """For whoever runs in the loop: a lock is an error there, to be waited for elsewhere."""
    connection.execute("PRAGMA busy_timeout = 0")


class SqliteDatabase:
    """The SQLite file at `address`: asked and written to in this process, where its readers wait for nobody."""

    def __init__(self, address: URL) -> None:
        self._engine = create_async_engine(address, hide_parameters=True)
        prepare_sqlite(self._engine.sync_engine)
        self._writer = Writer(address)
        asked = create_engine(address.set(drivername="sqlite"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        event.listen(asked, "connect", never_wait)
        self._asked = Kept(asked)

    async def rows(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        """The statement's rows. Raises SQLAlchemy's errors."""
        try:
            return sent(self._asked.driver, written(statement, values, "sqlite"), values).all()
        except OperationalError:
            self._asked.drop()
            # The file is being recovered or put in order just now: whoever must wait does not wait in the loop.
            async with self.reading() as session:
                return (await core(session, statement, values)).all()
        except BaseException:
            self._asked.drop()
            raise

    def writing(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A session in a transaction, committed at its end or undone when the block raises."""
        return self._writer.transaction()

    def reading(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A session that sees one state of the database; nothing it does is kept."""
        return AsyncSession(self._engine, expire_on_commit=False, autoflush=False)

    async def close(self) -> None:
        """Give all connections back."""
        await self._engine.dispose()
        await self._writer.close()
        self._asked.drop()


class Kept:
    """One connection of `engine`, kept: taking one from a pool and giving it back costs as much as a statement."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._driver: sqlite3.Connection | None = None

    @property
    def connection(self) -> Connection:
        """The connection, opened when there is none."""
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    @property
    def driver(self) -> sqlite3.Connection:
        """The driver's own connection behind it."""
        if self._driver is None:
            self._driver = driver_of(self.connection)
        return self._driver

    def drop(self) -> None:
        """Close it, with whatever was done on it; the next one is a fresh one."""
        self._driver = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def driver_of(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def sent(driver: sqlite3.Connection, wire: Wire, values: Values) -> Answer:
    """The statement's answer. Raises SQLAlchemy's errors."""
    lines = wire.lines(values)
    try:
        cursor = driver.execute(wire.text, lines[0]) if len(lines) == 1 else driver.executemany(wire.text, lines)
        return wire.answer(cursor.fetchall(), cursor.rowcount)
    except sqlite3.Error as error:
        raise wire.failed(error) from error


class Writer:
    """Who writes to the SQLite file at `address` in this process."""

    def __init__(self, address: URL) -> None:
        engine = create_engine(address.set(drivername="sqlite"), hide_parameters=True, poolclass=NullPool)
        event.listen(engine, "connect", lambda connection, _record: prepare(connection, busy_seconds=0))
        self._kept = Kept(engine)
        # SQLite has one writer at a time anyway: waiting here is fair and costs nothing, waiting there is polling.
        self._turn = asyncio.Lock()
        # Of its own: a commit must not wait behind a slow disk or a name that does not resolve.
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="commit")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session with the write lock from its beginning, committed at its end or undone when the block raises."""
        async with self._turn:
            connection = await self._begun()
            session = DirectSession(connection)
            try:
                yield session
                await session.flush()
                await _commit(connection, self._committer)
            except BaseException:
                self._kept.drop()
                raise
            finally:
                session.forget()

    async def close(self) -> None:
        """Give the connection back."""
        self._kept.drop()
        await asyncio.to_thread(self._committer.shutdown)

    async def _begun(self) -> Connection:
        until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                connection = self._kept.connection
                transaction = connection.begin()
                try:
                    self._kept.driver.execute(_BEGIN.text)
                except BaseException:
                    transaction.rollback()
                    raise
                return connection
            except (OperationalError, sqlite3.OperationalError) as error:
                cause = getattr(error, "orig", error)
                if not getattr(cause, "sqlite_errorname", "").startswith(_BUSY) or time.monotonic() > until:
                    self._kept.drop()
                    raise _BEGIN.failed(cause) from error
            await asyncio.sleep(_LOOKS_EVERY)


async def _commit(connection: Connection, committer: Executor) -> None:
    committing = asyncio.get_running_loop().run_in_executor(committer, connection.commit)
    try:
        await asyncio.shield(committing)
    except asyncio.CancelledError:
        # Nobody else is given the connection while a thread is at work on it.
        await asyncio.gather(committing, return_exceptions=True)
        raise


class DirectSession(CoreSession):
    """What the store asks of a session, answered by a plain one: nothing here waits for anybody."""

    engine = "sqlite"

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._driver = driver_of(connection)

    async def core(self, statement: Executable, values: Values) -> Answer:
        return sent(self._driver, written(statement, values, "sqlite"), values)

    async def exec(self, statement: Any, **options: Any) -> Any:
        return self.sync_session.exec(statement, **options)

    async def get(self, *asked: Any, **options: Any) -> Any:
        return self.sync_session.get(*asked, **options)

    async def get_one(self, *asked: Any, **options: Any) -> Any:
        return self.sync_session.get_one(*asked, **options)

    async def flush(self, objects: Any = None) -> None:
        if self._objects is not None:
            self._objects.flush(objects)

    async def delete(self, instance: object) -> None:
        self.sync_session.delete(instance)

    @asynccontextmanager
    async def begin_nested(self) -> AsyncIterator[None]:  # type: ignore[override]  # no other form of it is used
        with self.sync_session.begin_nested():
            yield
