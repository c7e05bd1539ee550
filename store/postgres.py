"""Store: PostgreSQL, spoken to on connections that are kept.

Statements of tables go to the driver as they are; objects, where they are still used, go through SQLAlchemy's session
on the same connection and in the same transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from typing import Any, Final, TypeAlias, TypeVar

import asyncpg
from sqlalchemy import URL, Executable, event
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel.ext.asyncio.session import AsyncSession

from store.core import CoreSession
from store.wire import Answer, Values, Wire, failed, written

QUESTIONS: Final = 4
"""How many are asked at a time, each on a connection of its own; the others wait for their turn."""
TRANSACTIONS: Final = 10
"""How many that write, and how many that read, are open at a time. They wait for each other's locks."""
TURN_SECONDS: Final = 30
"""How long anybody waits for his turn: a server that keeps all of them busy that long answers nobody."""
CONNECT_SECONDS: Final = 10
"""How long a connection may take to be made, unless the address says `connect_timeout`."""
_STATEMENTS: Final = 512
"""How many a connection keeps prepared: more than there are."""

Driver: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
T = TypeVar("T")

# SQLAlchemy goes by these classes alone.
_DBAPI: Final = PGDialect_asyncpg.import_dbapi()  # type: ignore[no-untyped-call]
_KINDS: Final[Mapping[str, Any]] = {
    "22": _DBAPI.DataError,
    "23": _DBAPI.IntegrityError,
    "42": _DBAPI.ProgrammingError,
    **dict.fromkeys(("08", "40", "53", "55", "57", "58"), _DBAPI.OperationalError),
}
"""The driver's errors by class of SQLSTATE: what the caller did wrong, and what the server could not do just now."""
_ENDS: Final = ("57P01", "57P02", "57P03", "57P05")
"""A server that stops, or a session it has ended."""
_FAILURES: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class PostgresDatabase:
    """The PostgreSQL database at `address`: for questions, for transactions that write and for those that read."""

    def __init__(self, address: URL) -> None:
        # The server is told where a transaction begins and ends; SQLAlchemy must not begin one by itself.
        self._engine = create_async_engine(
            address,
            async_creator=_Opening(address),
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
            hide_parameters=True,
        )
        event.listen(self._engine.sync_engine, "handle_error", _tell, retval=True)
        self._questions = _Connections(self._engine, QUESTIONS)
        self._writing = _Connections(self._engine, TRANSACTIONS)
        self._reading = _Connections(self._engine, TRANSACTIONS)

    async def rows(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        """The statement's rows. Raises SQLAlchemy's errors."""
        wire = written(statement, values, "postgresql")
        return (await self._questions.asked(lambda link: sent(link.driver, wire, values))).all()

    def writing(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A session in a transaction, committed at its end or undone when the block raises."""
        return _transaction(self._writing, "BEGIN", "COMMIT")

    def reading(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A session that sees one state of the database; nothing it does is kept."""
        return _transaction(self._reading, "BEGIN ISOLATION LEVEL REPEATABLE READ", "ROLLBACK")

    async def close(self) -> None:
        """Give all connections back."""
        for connections in (self._questions, self._writing, self._reading):
            await connections.close()
        await self._engine.dispose()


class PostgresSession(CoreSession):
    """A session on `connection`, whose transaction has begun."""

    engine = "postgresql"

    def __init__(self, link: "_Link") -> None:
        super().__init__(link.connection)
        self._driver = link.driver

    async def core(self, statement: Executable, values: Values) -> Answer:
        return await sent(self._driver, written(statement, values, "postgresql"), values)


async def sent(driver: Driver, wire: Wire, values: Values) -> Answer:
    """The statement's answer. Raises SQLAlchemy's errors."""
    lines = wire.lines(values)
    try:
        if len(lines) > 1:
            await driver.executemany(wire.text, lines)
            return wire.answer((), len(lines))
        if wire.has_rows:
            rows = await driver.fetch(wire.text, *lines[0])
            return wire.answer(rows, len(rows))
        return wire.answer((), _changed(await driver.execute(wire.text, *lines[0])))
    except _FAILURES as error:
        raise wire.failed(_told(error)) from error


class _Link:
    """One connection: SQLAlchemy's, and the driver's behind it."""

    def __init__(self, opened: AsyncConnection) -> None:
        self._opened = opened
        assert opened.sync_connection is not None
        self.connection = opened.sync_connection
        driver = self.connection.connection.driver_connection
        assert isinstance(driver, asyncpg.Connection)
        self.driver: Driver = driver

    @property
    def idle(self) -> bool:
        """Whether the next one can use it."""
        return not (self.connection.invalidated or self.driver.is_closed() or self.driver.is_in_transaction())

    async def drop(self) -> None:
        """Close it; the server undoes what it leaves unfinished."""
        await self._opened.invalidate()
        await self._opened.close()


class _Connections:
    """Connections of `engine`, kept: opening one costs more than most transactions."""

    def __init__(self, engine: AsyncEngine, at_once: int) -> None:
        self._engine = engine
        self._turns = asyncio.Semaphore(at_once)
        self._free: list[_Link] = []

    async def asked(self, question: Callable[[_Link], Awaitable[T]]) -> T:
        """What `question` answers on one of them.

        One that was kept may have ended meanwhile. Then it is asked again, on another: it must change nothing.
        """
        await self._turn()
        try:
            link, answer = await self._begun(question)
            await self._back(link)
            return answer
        finally:
            self._turns.release()

    @asynccontextmanager
    async def taken(self, first: Callable[[_Link], Awaitable[None]]) -> AsyncIterator[_Link]:
        """A connection on which `first` has been done, as a question is asked."""
        await self._turn()
        try:
            link, _ = await self._begun(first)
            try:
                yield link
            except Exception:
                await self._back(link)
                raise
            except BaseException:
                await link.drop()
                raise
            await self._back(link)
        finally:
            self._turns.release()

    async def _turn(self) -> None:
        """Wait for a turn. Raises SQLAlchemy's TimeoutError when none comes."""
        try:
            async with asyncio.timeout(TURN_SECONDS if self._turns.locked() else None):
                await self._turns.acquire()
        except TimeoutError:
            raise PoolTimeout(f"the database kept everybody waiting for {TURN_SECONDS} s") from None

    async def close(self) -> None:
        while self._free:
            await self._free.pop().drop()

    async def _begun(self, first: Callable[[_Link], Awaitable[T]]) -> tuple[_Link, T]:
        while True:
            kept = bool(self._free)
            link = self._free.pop() if kept else _Link(await self._engine.connect())
            try:
                return link, await first(link)
            except DBAPIError as error:
                if ended := link.driver.is_closed() or _ends(error):
                    await link.drop()
                else:
                    await self._back(link)
                if not (ended and kept):
                    raise
            except BaseException:
                # Whoever was stopped in the middle leaves a connection nobody knows the state of.
                await link.drop()
                raise

    async def _back(self, link: _Link) -> None:
        if link.idle:
            self._free.append(link)
        else:
            await link.drop()


class _Opening:
    """Opens connections to the database at `address`. Raises what SQLAlchemy takes for a server that is away."""

    def __init__(self, address: URL) -> None:
        self._seconds = float(str(address.query.get("connect_timeout", CONNECT_SECONDS)))
        plain = address.set(drivername="postgresql").difference_update_query(["connect_timeout"])
        self._address = plain.render_as_string(hide_password=False)

    async def __call__(self) -> Driver:
        try:
            return await asyncpg.connect(self._address, timeout=self._seconds, statement_cache_size=_STATEMENTS)
        except TimeoutError as error:
            raise _DBAPI.OperationalError(f"no connection within {self._seconds:g} s", error) from error
        except _FAILURES as error:
            raise _DBAPI.OperationalError(_words(error), error) from error


@asynccontextmanager
async def _transaction(connections: _Connections, begin: str, end: str) -> AsyncIterator[AsyncSession]:
    async with connections.taken(lambda link: _ordered(link.driver, begin)) as link:
        # What SQLAlchemy's session finds begun; it sends nothing.
        with closing(link.connection.begin()):
            session = PostgresSession(link)
            try:
                yield session
                await session.flush()
                await _ordered(link.driver, end)
            except Exception:
                with suppress(DBAPIError):  # what is not undone is dropped
                    await _ordered(link.driver, "ROLLBACK")
                raise
            finally:
                session.forget()


async def _ordered(driver: Driver, order: str) -> None:
    try:
        done = await driver.execute(order)
    except _FAILURES as error:
        raise failed(order, _told(error), "postgresql") from error
    # A transaction in which a statement failed answers COMMIT with ROLLBACK, and with no error.
    if done != order.split()[0]:
        raise failed(order, _DBAPI.InternalError(f"it was answered with {done}"), "postgresql")


def _ends(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None) or ""
    return state[:2] == "08" or state in _ENDS


def _changed(status: str) -> int:
    """How many rows, by the last word of `INSERT 0 1`; -1 when there is no number."""
    count = status.rsplit(" ", 1)[-1]
    return int(count) if count.isdigit() else -1


def _told(error: Exception) -> Exception:
    """The driver's error as SQLAlchemy knows errors. Without its details: they repeat what was written."""
    kind = _DBAPI.OperationalError
    if isinstance(error, asyncpg.PostgresError):
        kind = _KINDS.get((error.sqlstate or "")[:2], _DBAPI.DatabaseError)
    told: Exception = kind(_words(error), error)
    return told


def _words(error: Exception) -> str:
    if type(error) is asyncpg.DataError:
        return str(error).split(":")[0]  # the driver's own: then comes the value
    return str(error.args[0]) if isinstance(error, asyncpg.PostgresError) else str(error) or type(error).__name__


def _tell(context: ExceptionContext) -> Exception | None:
    """The same for what SQLAlchemy itself sends, which leaves most errors unsorted, a connection's end among them."""
    unsorted = context.original_exception
    if type(unsorted) not in (_DBAPI.Error, _DBAPI.InterfaceError):
        return None
    assert isinstance(unsorted.__cause__, Exception)
    return failed(context.statement or "", _told(unsorted.__cause__), "postgresql", ended=context.is_disconnect)
