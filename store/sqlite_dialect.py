"""Store: SQLAlchemy's dialect of SQLite for an event loop. It calls the standard library's driver in the loop's thread.

A driver that hands each call to a thread costs several times what the statement does (docs/decisions/0037). A statement
takes microseconds here. What can take long does not block the loop: a lock held by another process is waited for
asleep, and a commit, which waits for the disk, runs in a thread.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import util
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import AsyncAdaptedQueuePool

BUSY_SECONDS: Final = 10
"""How long a statement waits for a lock that another process holds before it fails as the driver says."""
_RETRY_SECONDS: Final = 0.002


class SqliteInLoop(SQLiteDialect_pysqlite):
    """`sqlite+inloop://`, for SQLAlchemy's asynchronous engines. Connections must have `busy_timeout = 0`."""

    driver = "inloop"
    is_async = True
    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, url: Any) -> type[AsyncAdaptedQueuePool]:
        return AsyncAdaptedQueuePool

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        util.await_only(_repeat_while_busy(lambda: cursor.execute(statement, parameters)))

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        util.await_only(_repeat_while_busy(lambda: cursor.executemany(statement, parameters)))

    def do_commit(self, dbapi_connection: Any) -> None:
        util.await_only(_commit(dbapi_connection))


class Connection(sqlite3.Connection):
    """A connection whose cursors SQLAlchemy's asynchronous results can close."""

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or Cursor)


class Cursor(sqlite3.Cursor):
    async def _async_soft_close(self) -> None:
        """SQLAlchemy awaits this once it has the rows of a result; there is nothing to wait for."""


async def _repeat_while_busy(execute: Callable[[], object]) -> None:
    """Execute; repeat while another process holds the lock, in which case SQLite has done nothing."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            execute()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
        await asyncio.sleep(_RETRY_SECONDS)


async def _commit(connection: sqlite3.Connection) -> None:
    """Commit in a thread. A cancelled caller waits too: nobody else may use the connection until it has ended."""
    committing = asyncio.get_running_loop().run_in_executor(None, connection.commit)
    try:
        await asyncio.shield(committing)
    except asyncio.CancelledError:
        await asyncio.wait([committing])
        raise


registry.register("sqlite.inloop", __name__, SqliteInLoop.__name__)
