"""The database keeps its promises on SQLite and on PostgreSQL."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, bindparam, insert, inspect, text, update
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from store.database import QUERIES, Database, async_url, execute
from store.migrate import configuration, migrating, upgrade
from store.reads.queries import Queries
from store.seed import seed_development
from store.tables.devices import DeviceRow, LineageRow
from store.tables.metadata import METADATA
from store.upsert import insert_new, table_of

NOW = datetime(2025, 11, 3, 17, 30, 12, 345678, tzinfo=UTC)

LINEAGES = table_of(LineageRow)
INSERT = insert(LINEAGES)
NAMED = sqlalchemy.select(LINEAGES.c.id, LINEAGES.c.created_at, LINEAGES.c.verified_at).where(
    LINEAGES.c.id == bindparam("name")
)
RENAME = update(LINEAGES).where(LINEAGES.c.id == bindparam("name"))

DEVICE: dict[str, Any] = {
    "serial_number": "A1",
    "serial_text": "A-1",
    "model": "m",
    "region": "r",
    "status": "current",
    "registered_at": NOW,
}


def lineage(name: str, created_at: datetime = NOW) -> LineageRow:
    return LineageRow(id=name, owner_name="Ada", owner_email="ada@example.com", created_at=created_at)


def values(name: str) -> dict[str, Any]:
    return {"id": name, "owner_name": "Ada", "owner_email": "ada@example.com", "created_at": NOW}


async def names(database: Database) -> list[str]:
    return sorted(name for (name,) in await database.fetch(select(LINEAGES.c.id)))


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("sqlite:///a.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:///a.db", "sqlite+aiosqlite"),
        ("postgresql://u:p@host/db", "postgresql+psycopg"),
        ("postgresql+asyncpg://u:p@host/db", "postgresql+psycopg"),
    ],
)
def test_an_address_gets_the_async_driver(given: str, driver: str) -> None:
    assert async_url(given).drivername == driver


def test_another_engine_is_refused() -> None:
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


async def test_foreign_keys_are_held(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            session.add(DeviceRow(**DEVICE, lineage_id="none"))


async def test_writers_wait_for_each_other_and_readers_for_nobody(database: Database) -> None:
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


async def test_a_query_sees_what_was_committed_and_never_what_was_not(database: Database) -> None:
    names = select(LineageRow.id)
    async with database.transaction() as session:
        session.add(lineage("lin_1"))
        await session.flush()
        assert await database.fetch(names) == []
    assert [name for (name,) in await database.fetch(names)] == ["lin_1"]


async def test_a_row_has_the_types_and_names_of_its_columns(database: Database) -> None:
    async with database.transaction() as session:
        session.add(lineage("lin_1"))
    asked = select(LineageRow.id, LineageRow.created_at, LineageRow.verified_at).where(LineageRow.id == bindparam("id"))
    (found,) = await database.fetch(asked, {"id": "lin_1"})
    assert found == ("lin_1", lineage("lin_1").created_at, None)
    assert (found.id, found.created_at.tzinfo) == ("lin_1", UTC)
    assert await database.fetch(asked, {"id": "lin_2"}) == []


async def test_a_query_that_is_cancelled_leaves_the_next_one_alone(postgres_url: str) -> None:
    database = Database(postgres_url)
    for _ in range(QUERIES + 1):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await database.fetch(text("SELECT pg_sleep(30)"), {})
    assert await database.fetch(text("SELECT 1")) == [(1,)]
    await database.close()


async def test_more_queries_than_connections_share_them(postgres_url: str) -> None:
    database = Database(postgres_url)
    asked = (database.fetch(text("SELECT pg_backend_pid(), pg_sleep(0.02)"), {}) for _ in range(5 * QUERIES))
    answers = await asyncio.gather(*asked)
    assert len({pid for ((pid, _),) in answers}) <= QUERIES
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
    asking = asyncio.create_task(database.fetch(select(LineageRow.id)))
    async with asyncio.timeout(5):  # sooner than a connection that waits for its turn
        await asyncio.sleep(0.2)
    waited = not asking.done()
    locked.rollback()
    locked.close()
    assert await asking == []
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
        while turns < 50:  # the loop goes round while it waits
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
    monkeypatch.setattr("store.database.BUSY_SECONDS", 0.1)
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


async def test_a_transaction_cancelled_at_its_commit_is_whole_or_not_there(database: Database) -> None:
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


async def test_a_core_statement_returns_rows_of_python_types_and_counts(database: Database) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    async with database.transaction() as session:
        await execute(session, INSERT, values("lin_1") | {"created_at": elsewhere})
        found = await execute(session, NAMED, {"name": "lin_1"})
        assert found.first() == ("lin_1", NOW, None)
        found = await execute(session, NAMED, {"name": "lin_1"})
        assert [dict(row) for row in found.mappings()] == [{"id": "lin_1", "created_at": NOW, "verified_at": None}]
        assert (await execute(session, RENAME, {"name": "lin_1", "owner_name": "Bea"})).rowcount == 1
        assert (await execute(session, RENAME, {"name": "lin_2", "owner_name": "Bea"})).rowcount == 0


async def test_objects_and_core_statements_share_a_transaction(database: Database) -> None:
    async def fail_half_way() -> None:
        async with database.transaction() as session:
            session.add(lineage("lin_1"))
            await session.flush()
            await execute(session, INSERT, values("lin_2"))
            assert sorted((await session.exec(select(LineageRow.id))).all()) == ["lin_1", "lin_2"]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_half_way()
    assert await names(database) == []


@pytest.mark.parametrize("count", [1, 2, 30])
async def test_rows_inserted_twice_are_there_once(database: Database, count: int) -> None:
    rows = [values(f"lin_{number:02}") for number in range(count)]
    for _ in range(2):
        async with database.transaction() as session:
            await insert_new(session, LineageRow, rows)
    assert await names(database) == [row["id"] for row in rows]


async def test_a_missing_value_is_named(database: Database) -> None:
    with pytest.raises(StatementError, match="name"):
        async with database.transaction() as session:
            await execute(session, NAMED, {})


async def test_a_snapshot_sees_one_state(database: Database) -> None:
    async with database.snapshot() as session:
        before = (await session.exec(select(LineageRow.id))).all()
        async with database.transaction() as other:
            await execute(other, INSERT, values("lin_1"))
        assert (await session.exec(select(LineageRow.id))).all() == before == []
    assert await names(database) == ["lin_1"]


async def test_a_database_that_answers_is_ready(database: Database) -> None:
    await database.ready()


def test_the_migrated_tables_are_the_declared_ones(database_url: str) -> None:
    with migrating(database_url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, METADATA) == []
        for table in METADATA.tables.values():
            checks = {check["name"] for check in inspect(connection).get_check_constraints(table.name)}
            assert checks == {c.name for c in table.constraints if isinstance(c, CheckConstraint)}


def test_migrating_again_changes_nothing(database_url: str) -> None:
    upgrade(database_url)


def test_the_first_migration_can_be_undone(database_url: str) -> None:
    with migrating(database_url) as connection:
        command.downgrade(configuration(connection), "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
        command.upgrade(configuration(connection), "head")


def test_processes_that_start_together_migrate_once(database_url: str) -> None:
    with migrating(database_url) as connection:
        command.downgrade(configuration(connection), "base")
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(upgrade, [database_url] * 4))
    with migrating(database_url) as connection:
        assert len(inspect(connection).get_table_names()) == len(METADATA.tables) + 1


def test_the_ledger_is_append_only_after_migration(database_url: str) -> None:
    line = "INSERT INTO ledger_entries (at, subject, account, amount, currency, key) VALUES ({}) "
    values = "'2025-11-03 00:00:00.000000', 'clm', 'cash', 1, 'USD', 'k'"
    with migrating(database_url) as connection:
        connection.execute(text(line.format(values)))
    for statement in ("UPDATE ledger_entries SET amount = 2", "DELETE FROM ledger_entries"):
        with pytest.raises(Exception, match="append-only"), migrating(database_url) as connection:
            connection.execute(text(statement))


async def test_the_seed_may_run_at_every_start(database: Database, database_url: str) -> None:
    await seed_development(database_url)
    await seed_development(database_url)
    views = Queries(database)
    shown = await views.device("demo mavic3 001", datetime.now(UTC))
    assert shown is not None
    assert shown.care.replacements.left == 2
    assert shown.care.flyaway.left == 1
    assert shown.binding is not None
    assert shown.warranty.active
    async with database.snapshot() as session:
        assert len((await session.exec(select(DeviceRow))).all()) == 8
