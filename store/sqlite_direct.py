"""Store: SQLite called where it is asked, in the form SQLAlchemy wants of a driver for asyncio.

A driver made for asyncio hands each call to a thread and waits to be told of its end, several times a statement. SQLite
is in this process and a statement takes microseconds, so it is called at once. Two things can take long and block
nobody: another process's turn is waited for asleep, and a commit, which waits for the disk, is made in a thread.
"""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

BUSY_SECONDS: Final = 10
"""How long one writer waits for another before it gives up."""
_LOOKS_EVERY: Final = 0.002


def direct(file: str) -> Callable[[], Awaitable["DirectConnection"]]:
    """What opens connections to `file`, for SQLAlchemy's `async_creator`."""

    async def connect() -> DirectConnection:
        # Threads take turns: a commit is awaited before the next call.
        connection = sqlite3.connect(file, check_same_thread=False)
        prepare(connection)
        connection.execute("PRAGMA busy_timeout = 0")
        return DirectConnection(connection)

    return connect


def prepare(connection: Any) -> None:
    """Make SQLite keep its promises: real transactions, foreign keys, readers beside one writer.

    The driver's own idea of when a transaction begins is switched off, for BEGIN to be sent instead, as SQLAlchemy's
    SQLite dialect documents.
    """
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


class DirectConnection:
    """The calls SQLAlchemy makes of aiosqlite's connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def cursor(self) -> "DirectCursor":
        return DirectCursor(self._connection.cursor())

    async def create_function(self, *args: Any, **options: Any) -> None:
        self._connection.create_function(*args, **options)

    async def commit(self) -> None:
        await asyncio.to_thread(self._connection.commit)

    async def rollback(self) -> None:
        self._connection.rollback()

    async def close(self) -> None:
        self._connection.close()

    def stop(self) -> None:
        self._connection.close()


class DirectCursor:
    """The calls SQLAlchemy makes of aiosqlite's cursor."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    @property
    def description(self) -> Any:
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._cursor.lastrowid

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._cursor.execute(statement, parameters)
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
            await asyncio.sleep(_LOOKS_EVERY)

    async def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
        self._cursor.executemany(statement, parameters)

    async def fetchall(self) -> list[Any]:
        return self._cursor.fetchall()

    async def close(self) -> None:
        self._cursor.close()

    async def __aenter__(self) -> "DirectCursor":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._cursor.close()
