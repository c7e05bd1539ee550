"""Store: the database engine, its connection pools, and the unit of work.

SQLite is opened by the standard library's driver (`store.sqlite_dialect`) and PostgreSQL by psycopg, both through
SQLAlchemy's pools. There are three pools, so that transactions waiting for a lock do not block single queries: queries
(autocommit), snapshots (read only) and transactions (read and write).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Connection, CursorResult, Engine, Executable, Row, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InternalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from store.sqlite_dialect import BUSY_SECONDS
from store.sqlite_dialect import Connection as SqliteConnection

QUERIES: Final = 4
"""Connections for single queries."""
TRANSACTIONS: Final = 10
"""Connections for snapshots, and as many for transactions; SQLite has one writer."""
POOL_SECONDS: Final = 30
"""How long a caller waits for a connection of the pool before it gets SQLAlchemy's TimeoutError."""
CONNECT_SECONDS: Final = 10
"""How long PostgreSQL may take to accept a connection, unless the URL says `connect_timeout`."""


def async_url(url: str) -> URL:
    """`url` with the driver of its database: our dialect or psycopg. Raises ValueError for any other database."""
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return parsed.set(drivername="sqlite+inloop")
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise ValueError(f"the database is SQLite or PostgreSQL, not {other}")


def sqlite_file(address: URL) -> Path | None:
    """The file of a SQLite database; None for one in memory and for PostgreSQL."""
    if address.get_backend_name() != "sqlite" or address.database in (None, "", ":memory:"):
        return None
    return Path(address.database)


def configure_sqlite(engine: Engine, begin: str | None) -> None:
    """Set up each connection; send `begin` where a transaction begins, as SQLAlchemy's SQLite dialect documents."""

    # The asynchronous dialect waits asleep for a lock; the driver would block the event loop.
    busy_milliseconds = 0 if engine.dialect.is_async else BUSY_SECONDS * 1000

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (f"busy_timeout = {busy_milliseconds}", "journal_mode = WAL", "foreign_keys = ON"):
            engine.dialect.do_execute(cursor, f"PRAGMA {pragma}", ())
        cursor.close()

    if begin is not None:

        @event.listens_for(engine, "begin")
        def send_begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)


class Database:
    """One database with its connection pools. `url` is SQLAlchemy's; plain `postgresql://` and `sqlite://` will do."""

    def __init__(self, url: str) -> None:
        address = async_url(url)
        self.file = sqlite_file(address)
        """SQLite's file; None for another database."""
        if address.get_backend_name() == "sqlite":
            self._queries = _sqlite(address, begin=None, pool_size=QUERIES, skip_autocommit_rollback=True)
            self._snapshots = _sqlite(address, begin="BEGIN", pool_size=TRANSACTIONS)
            # The pool queues the writers of this process; SQLite's lock, taken first, those of other processes.
            self._transactions = _sqlite(address, begin="BEGIN IMMEDIATE", pool_size=1)
        else:
            self._queries = _postgresql(address, "AUTOCOMMIT", QUERIES, skip_autocommit_rollback=True)
            self._snapshots = _postgresql(address, "REPEATABLE READ", TRANSACTIONS)
            self._transactions = _postgresql(address, "READ COMMITTED", TRANSACTIONS)

    async def fetch(
        self, statement: Executable, values: Mapping[str, Any] | None = None
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        """The rows of one statement that only reads. Raises SQLAlchemy's errors."""
        async with self._queries.connect() as connection:
            return (await connection.execute(statement, values)).all()

    def connect(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection in autocommit mode, for queries that need not see one state of the database."""
        return self._queries.connect()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncSession]:
        """A session that sees one state of the database; nothing it does is kept."""
        async with (
            self._snapshots.connect() as connection,
            AsyncSession(connection, expire_on_commit=False, autoflush=False) as session,
        ):
            yield session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session whose transaction is committed when the block ends and rolled back when it raises.

        Transactions do not nest: on SQLite an inner one would wait for the outer one until the pool's timeout.
        """
        async with (
            self._transactions.begin() as connection,
            AsyncSession(connection, expire_on_commit=False) as session,
        ):
            yield session
            await session.flush()

    async def ready(self) -> None:
        """Query the database; raises SQLAlchemy's error when it does not respond."""
        await self.fetch(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections."""
        for engine in (self._queries, self._snapshots, self._transactions):
            await engine.dispose()


async def execute(
    session: AsyncSession, statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
) -> CursorResult[*tuple[Any, ...]]:
    """Run a Core statement on the session's connection: SQLModel's `exec` is for selects of models."""
    return await connection_of(session).execute(statement, values)


def connection_of(session: AsyncSession) -> AsyncConnection:
    """The connection of a session of `snapshot` or `transaction`."""
    assert isinstance(session.bind, AsyncConnection)
    return session.bind


def _sqlite(address: URL, begin: str | None, **options: Any) -> AsyncEngine:
    engine = create_async_engine(
        address,
        connect_args={"check_same_thread": False, "factory": SqliteConnection},
        hide_parameters=True,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        **options,
    )
    configure_sqlite(engine.sync_engine, begin)
    return engine


def _postgresql(address: URL, isolation_level: Any, pool_size: int, **options: Any) -> AsyncEngine:
    engine = create_async_engine(
        address.update_query_dict({"connect_timeout": f"{CONNECT_SECONDS}"} | dict(address.query)),
        # A pooler such as pgbouncer hands each transaction to any of its connections: nothing may stay prepared there.
        connect_args={"prepare_threshold": None},
        hide_parameters=True,
        isolation_level=isolation_level,
        max_overflow=0,
        pool_pre_ping=True,
        pool_size=pool_size,
        pool_timeout=POOL_SECONDS,
        **options,
    )
    event.listen(engine.sync_engine, "handle_error", _omit_values)
    event.listen(engine.sync_engine, "commit", _check_transaction)
    return engine


def _omit_values(context: ExceptionContext) -> None:
    """Reduce an error to its primary message: DETAIL and CONTEXT repeat values, and Temporal's history keeps errors."""
    error = context.original_exception
    if isinstance(error, psycopg.Error) and (message := error.diag.message_primary):
        error.args = (message,)
        if context.sqlalchemy_exception is not None:
            kind = type(error)
            context.sqlalchemy_exception.args = (f"({kind.__module__}.{kind.__qualname__}) {message}",)


def _check_transaction(connection: Connection) -> None:
    """Raise InternalError when a statement failed: PostgreSQL then executes COMMIT as ROLLBACK, without an error."""
    driver: Any = connection.connection.driver_connection
    if driver.info.transaction_status == TransactionStatus.INERROR:
        raise InternalError("COMMIT", None, psycopg.errors.InFailedSqlTransaction("a statement before it failed"))
