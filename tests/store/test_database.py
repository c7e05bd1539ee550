"""Pools, transactions, snapshots and column types on SQLite and PostgreSQL."""

import asyncio
import sqlite3
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import bindparam, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from store.database import QUERIES, Database, async_url
from store.tables.devices import DeviceRow, LineageRow
from tests.store.lineages import NOW, lineage

DEVICE: dict[str, Any] = {
    "serial_number": "A1",
    "serial_text": "A-1",
    "model": "m",
    "region": "r",
    "status": "current",
    "registered_at": NOW,
}


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("sqlite:///a.db", "sqlite+inloop"),
        ("sqlite+aiosqlite:///a.db", "sqlite+inloop"),
        ("postgresql://u:p@host/db", "postgresql+psycopg"),
        ("postgresql+asyncpg://u:p@host/db", "postgresql+psycopg"),
    ],
)
def test_a_url_gets_the_async_driver(given: str, driver: str) -> None:
    assert async_url(given).drivername == driver


def test_another_database_is_refused() -> None:
    with pytest.raises(ValueError, match="SQLite or PostgreSQL"):
        async_url("mysql://host/db")


async def test_a_transaction_that_raises_is_rolled_back(database: Database) -> None:
    async def fail_half_way() -> None:
        async with database.transaction() as session:
            session.add(lineage("lin_1"))
            await session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_half_way()
    async with database.snapshot() as session:
        assert (await session.exec(select(LineageRow))).all() == []


async def test_an_error_does_not_repeat_values(database: Database) -> None:
    async def register() -> None:
        async with database.transaction() as session:
            session.add(lineage("lin_1"))

    await register()
    with pytest.raises(IntegrityError) as raised:
        await register()
    assert "INSERT INTO lineages" in str(raised.value)
    assert "ada@example.com" not in str(raised.value)


async def test_a_snapshot_is_not_committed(database: Database) -> None:
    async with database.snapshot() as session:
        session.add(lineage("lin_1"))
        await session.flush()
    async with database.snapshot() as session:
        assert await session.get(LineageRow, "lin_1") is None


async def test_an_instant_comes_back_aware_and_in_utc(database: Database) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    async with database.transaction() as session:
        session.add(lineage("lin_1", elsewhere))
    async with database.snapshot() as session:
        row = await session.get_one(LineageRow, "lin_1")
        assert row.created_at == NOW
        assert row.created_at.utcoffset() == timedelta(0)


async def test_a_naive_instant_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="time zone"):
        async with database.transaction() as session:
            session.add(lineage("lin_1", NOW.replace(tzinfo=None)))


async def test_foreign_keys_are_enforced(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            session.add(DeviceRow(**DEVICE, lineage_id="none"))


async def test_writers_wait_for_each_other_and_readers_do_not_wait(database: Database) -> None:
    async def write(number: int) -> None:
        async with database.transaction() as session:
            await session.exec(select(LineageRow))
            await asyncio.sleep(0.01)
            session.add(lineage(f"lin_{number}"))

    async def read() -> None:
        async with database.snapshot() as session:
            await session.exec(select(LineageRow))

    await asyncio.gather(*(write(number) for number in range(12)), *(read() for _ in range(12)))
    async with database.snapshot() as session:
        assert len((await session.exec(select(LineageRow))).all()) == 12


async def test_a_query_sees_committed_rows_only(database: Database) -> None:
    names = select(LineageRow.id)
    async with database.transaction() as session:
        session.add(lineage("lin_1"))
        await session.flush()
        assert await database.fetch(names) == []
    assert [name for (name,) in await database.fetch(names)] == ["lin_1"]


async def test_a_row_has_the_types_and_names_of_its_columns(database: Database) -> None:
    async with database.transaction() as session:
        session.add(lineage("lin_1"))
    query = select(LineageRow.id, LineageRow.created_at, LineageRow.verified_at).where(LineageRow.id == bindparam("id"))
    (found,) = await database.fetch(query, {"id": "lin_1"})
    assert found == ("lin_1", lineage("lin_1").created_at, None)
    assert (found.id, found.created_at.tzinfo) == ("lin_1", UTC)
    assert await database.fetch(query, {"id": "lin_2"}) == []


async def test_a_cancelled_query_does_not_affect_the_next_one(postgres_url: str) -> None:
    database = Database(postgres_url)
    for _ in range(QUERIES + 1):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await database.fetch(text("SELECT pg_sleep(30)"), {})
    assert await database.fetch(text("SELECT 1")) == [(1,)]
    await database.close()


async def test_more_queries_than_connections_share_them(postgres_url: str) -> None:
    database = Database(postgres_url)
    query = (database.fetch(text("SELECT pg_backend_pid(), pg_sleep(0.02)"), {}) for _ in range(5 * QUERIES))
    results = await asyncio.gather(*query)
    assert len({pid for ((pid, _),) in results}) <= QUERIES
    await database.close()


async def test_a_query_gets_a_new_connection_when_the_server_closed_the_old_one(postgres_url: str) -> None:
    database, other = Database(postgres_url), Database(postgres_url)
    pids = {(await database.fetch(text("SELECT pg_backend_pid()"), {}))[0][0] for _ in range(20)}
    for pid in pids:
        await other.fetch(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    assert await database.fetch(text("SELECT 1")) == [(1,)]
    await database.close()
    await other.close()


async def test_a_query_waits_while_a_sqlite_file_is_locked_and_the_event_loop_runs(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    locked = sqlite3.connect(str(async_url(sqlite_url).database))
    locked.execute("PRAGMA locking_mode = EXCLUSIVE")
    locked.execute("BEGIN EXCLUSIVE")
    locked.execute("DELETE FROM mails")
    waiting = asyncio.create_task(database.fetch(select(LineageRow.id)))
    async with asyncio.timeout(5):  # shorter than BUSY_SECONDS
        await asyncio.sleep(0.2)
    waited = not waiting.done()
    locked.rollback()
    locked.close()
    assert await waiting == []
    assert waited
    await database.close()


async def test_a_transaction_waits_for_another_process_and_the_event_loop_runs(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    other = sqlite3.connect(str(async_url(sqlite_url).database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def write() -> None:
        async with database.transaction() as session:
            session.add(lineage("lin_1"))

    writing = asyncio.create_task(write())
    turns = 0
    async with asyncio.timeout(5):
        while turns < 50:  # the event loop runs while the transaction waits
            await asyncio.sleep(0.002)
            turns += 1
    assert not writing.done()
    other.execute("ROLLBACK")
    other.close()
    await writing
    assert await database.fetch(select(LineageRow.id)) == [("lin_1",)]
    await database.close()


async def test_a_transaction_that_waits_too_long_fails_and_the_next_one_succeeds(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.sqlite_dialect.BUSY_SECONDS", 0.1)
    database = Database(sqlite_url)
    other = sqlite3.connect(str(async_url(sqlite_url).database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="locked"):
        async with database.transaction() as session:
            await session.exec(select(LineageRow.id))
    other.execute("ROLLBACK")
    other.close()
    async with database.transaction() as session:
        session.add(lineage("lin_1"))
    assert await database.fetch(select(LineageRow.id)) == [("lin_1",)]
    await database.close()


async def test_a_savepoint_can_be_rolled_back(database: Database) -> None:
    async def half(session: AsyncSession) -> None:
        async with session.begin_nested():
            session.add(DeviceRow(**DEVICE, lineage_id="none"))
            await session.flush()

    async with database.transaction() as session:
        session.add(lineage("lin_1"))
        await session.flush()
        with pytest.raises(IntegrityError):
            await half(session)
    assert [name for (name,) in await database.fetch(select(LineageRow.id))] == ["lin_1"]
    assert await database.fetch(select(DeviceRow.serial_number)) == []


async def test_a_transaction_cancelled_at_its_commit_is_committed_whole_or_rolled_back(database: Database) -> None:
    """The task is cancelled at any moment; the next transaction finds a consistent database."""

    async def write(name: str) -> None:
        async with database.transaction() as session:
            session.add(lineage(name))
            session.add(lineage(f"{name}_too"))

    for number in range(20):
        writing = asyncio.create_task(write(f"lin_{number}"))
        for _ in range(number):
            await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait([writing])
    await write("lin_last")
    names = {name for (name,) in await database.fetch(select(LineageRow.id))}
    assert {"lin_last", "lin_last_too"} <= names
    assert {name.removesuffix("_too") for name in names} == {name for name in names if not name.endswith("_too")}
    assert len(names) % 2 == 0


async def test_a_reachable_database_is_ready(database: Database) -> None:
    await database.ready()
