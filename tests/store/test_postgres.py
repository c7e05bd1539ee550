"""PostgreSQL: the classes of its errors, and the state of its connections after them."""

import asyncio
import socket
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel.ext.asyncio.session import AsyncSession

from store.database import TRANSACTIONS, Database, execute
from store.tables.devices import LineageRow
from tests.store.lineages import INSERT_LINEAGE, lineage_ids, lineage_values

PID = text("SELECT pg_backend_pid()")
TERMINATE = text("SELECT pg_terminate_backend(:pid)")
SLEEP = text("SELECT pg_sleep(60)")


@pytest.fixture
async def postgres(postgres_url: str) -> Any:
    opened = Database(postgres_url)
    yield opened
    await opened.close()


async def pid_of(database: Database) -> int:
    async with database.transaction() as session:
        return int((await execute(session, PID)).scalar_one())


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("SELECT 1 / 0", DataError),
        ("SELECT * FROM nowhere", ProgrammingError),
        ("INSERT INTO devices (serial_number) VALUES ('A')", IntegrityError),
        ("DO $$ BEGIN RAISE deadlock_detected; END $$", OperationalError),
        ("DO $$ BEGIN RAISE lock_not_available; END $$", OperationalError),
        ("DO $$ BEGIN RAISE too_many_connections; END $$", OperationalError),
        ("SELECT pg_cancel_backend(pg_backend_pid())", OperationalError),
        ("SELECT pg_terminate_backend(pg_backend_pid())", OperationalError),
    ],
)
async def test_an_error_has_its_class(postgres: Database, statement: str, kind: type[DBAPIError]) -> None:
    with pytest.raises(DBAPIError) as raised:
        async with postgres.transaction() as session:
            await execute(session, text(statement))
    assert type(raised.value) is kind
    assert await lineage_ids(postgres) == []


@pytest.mark.parametrize("what", ["host", "name", "password"])
async def test_a_server_that_refuses_the_connection_is_an_operational_error(postgres_url: str, what: str) -> None:
    address = make_url(postgres_url)
    unreachable = {
        "host": make_url("postgresql://nobody:x@127.0.0.1:1/none"),
        "name": address.set(database="none"),
        "password": address.set(username="nobody", password="x"),
    }
    database = Database(unreachable[what].render_as_string(hide_password=False))
    with pytest.raises(OperationalError):
        await database.ready()
    with pytest.raises(OperationalError):
        async with database.transaction() as session:
            await execute(session, PID)
    with pytest.raises(OperationalError):
        async with database.snapshot() as session:
            await execute(session, PID)
    await database.close()


async def test_a_server_that_does_not_respond_is_given_up_after_the_urls_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = Database(f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/db?connect_timeout=2")
        with pytest.raises(OperationalError, match="timeout"):
            await database.ready()
        await database.close()


async def test_an_unknown_option_of_the_url_is_named(postgres_url: str) -> None:
    database = Database(make_url(postgres_url).update_query_dict({"colour": "red"}).render_as_string(False))
    with pytest.raises(ProgrammingError, match="colour"):
        await database.ready()
    await database.close()


async def test_an_error_does_not_repeat_values(postgres: Database) -> None:
    async def write(**changed: Any) -> None:
        async with postgres.transaction() as session:
            await execute(session, INSERT_LINEAGE, lineage_values("lin_ada") | changed)

    await write()
    with pytest.raises(IntegrityError) as taken:
        await write()
    assert "lin_ada" not in str(taken.value)
    assert "DETAIL" not in str(taken.value.orig)


async def test_a_transaction_with_an_ignored_error_is_not_taken_for_committed(postgres: Database) -> None:
    async def write() -> None:
        async with postgres.transaction() as session:
            await execute(session, INSERT_LINEAGE, lineage_values("lin_1"))
            with suppress(DataError):  # the server then executes COMMIT as ROLLBACK, without an error
                await execute(session, text("SELECT 1 / 0"))

    with pytest.raises(DBAPIError, match="COMMIT"):
        await write()
    assert await lineage_ids(postgres) == []


async def test_a_rolled_back_transaction_returns_its_connection(postgres: Database) -> None:
    async def refuse() -> None:
        async with postgres.transaction() as session:
            await execute(session, INSERT_LINEAGE, lineage_values("lin_1"))
            raise ValueError("refused")

    async def fail() -> None:
        async with postgres.transaction() as session:
            session.add(LineageRow(**lineage_values("lin_1")))
            await session.flush()
            await execute(session, text("SELECT 1 / 0"))

    pid = await pid_of(postgres)
    with pytest.raises(ValueError, match="refused"):
        await refuse()
    with pytest.raises(DataError):
        await fail()
    assert await lineage_ids(postgres) == []
    assert await pid_of(postgres) == pid


async def test_a_cancelled_transaction_leaves_no_row_and_no_lock(postgres: Database) -> None:
    async def write() -> None:
        async with postgres.transaction() as session:
            await execute(session, INSERT_LINEAGE, lineage_values("lin_1"))
            await execute(session, SLEEP)

    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await write()
    async with asyncio.timeout(10), postgres.transaction() as session:
        await execute(session, INSERT_LINEAGE, lineage_values("lin_1"))
    assert await lineage_ids(postgres) == ["lin_1"]


async def test_a_connection_lost_in_a_transaction_is_replaced_for_the_next(postgres: Database) -> None:
    pids: list[int] = []

    async def lose_connection(session: AsyncSession) -> None:
        pids.append((await execute(session, PID)).scalar_one())
        await postgres.fetch(TERMINATE, {"pid": pids[-1]})
        await asyncio.sleep(0.1)
        await execute(session, PID)

    for transaction in (postgres.transaction, postgres.snapshot):
        with pytest.raises(OperationalError):
            async with transaction() as session:
                await lose_connection(session)
        async with transaction() as session:
            assert (await execute(session, PID)).scalar() not in pids


async def test_a_caller_waits_for_a_pooled_connection_no_longer_than_the_timeout(
    postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.database.POOL_SECONDS", 0.05)
    async with AsyncExitStack() as others:
        for _ in range(TRANSACTIONS):
            await execute(await others.enter_async_context(postgres.transaction()), PID)
        with pytest.raises(PoolTimeout, match="QueuePool limit"):
            await pid_of(postgres)
    assert await pid_of(postgres)


async def test_a_cancelled_query_is_not_repeated(postgres: Database, postgres_url: str) -> None:
    other = Database(postgres_url)
    ((pid,),) = await postgres.fetch(PID)
    query = asyncio.create_task(postgres.fetch(SLEEP))
    async with asyncio.timeout(20):
        while not query.done():
            await other.fetch(text("SELECT pg_cancel_backend(:pid)"), {"pid": pid})
            await asyncio.sleep(0.05)
        with pytest.raises(OperationalError, match="cancel"):
            await query
    assert await postgres.fetch(PID) == [(pid,)]
    await other.close()


async def test_a_transaction_gets_a_new_connection_when_the_server_closed_the_old_one(postgres: Database) -> None:
    pid = await pid_of(postgres)
    await postgres.fetch(TERMINATE, {"pid": pid})
    async with postgres.transaction() as session:
        await execute(session, INSERT_LINEAGE, lineage_values("lin_1"))
    assert await lineage_ids(postgres) == ["lin_1"]


async def test_closing_the_database_closes_its_connections(postgres_url: str) -> None:
    database, other = Database(postgres_url), Database(postgres_url)
    async with database.snapshot():
        pid = await pid_of(database)
    await database.close()
    backend = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
    async with asyncio.timeout(10):
        while (await other.fetch(backend, {"pid": pid}))[0][0]:
            await asyncio.sleep(0.02)
    await other.close()
