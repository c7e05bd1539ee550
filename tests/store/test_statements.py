"""Core statements and inserts of rows that may exist, on SQLite and PostgreSQL."""

from datetime import timedelta, timezone

import pytest
import sqlalchemy
from sqlalchemy import bindparam, update
from sqlalchemy.exc import StatementError
from sqlmodel import select

from store.database import Database, execute
from store.tables.devices import LineageRow
from store.upsert import insert_new
from tests.store.lineages import INSERT_LINEAGE, LINEAGES, NOW, lineage, lineage_ids, lineage_values

SELECT_BY_NAME = sqlalchemy.select(LINEAGES.c.id, LINEAGES.c.created_at, LINEAGES.c.verified_at).where(
    LINEAGES.c.id == bindparam("name")
)


UPDATE_OWNER = update(LINEAGES).where(LINEAGES.c.id == bindparam("name"))


async def test_a_core_statement_returns_rows_of_python_types_and_counts(database: Database) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    async with database.transaction() as session:
        await execute(session, INSERT_LINEAGE, lineage_values("lin_1") | {"created_at": elsewhere})
        found = await execute(session, SELECT_BY_NAME, {"name": "lin_1"})
        assert found.first() == ("lin_1", NOW, None)
        found = await execute(session, SELECT_BY_NAME, {"name": "lin_1"})
        assert [dict(row) for row in found.mappings()] == [{"id": "lin_1", "created_at": NOW, "verified_at": None}]
        assert (await execute(session, UPDATE_OWNER, {"name": "lin_1", "owner_name": "Bea"})).rowcount == 1
        assert (await execute(session, UPDATE_OWNER, {"name": "lin_2", "owner_name": "Bea"})).rowcount == 0


async def test_objects_and_core_statements_share_a_transaction(database: Database) -> None:
    async def fail_half_way() -> None:
        async with database.transaction() as session:
            session.add(lineage("lin_1"))
            await session.flush()
            await execute(session, INSERT_LINEAGE, lineage_values("lin_2"))
            assert sorted((await session.exec(select(LineageRow.id))).all()) == ["lin_1", "lin_2"]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_half_way()
    assert await lineage_ids(database) == []


@pytest.mark.parametrize("count", [1, 2, 30])
async def test_rows_inserted_twice_are_stored_once(database: Database, count: int) -> None:
    rows = [lineage_values(f"lin_{number:02}") for number in range(count)]
    for _ in range(2):
        async with database.transaction() as session:
            await insert_new(session, LineageRow, rows)
    assert await lineage_ids(database) == [row["id"] for row in rows]


async def test_a_missing_value_is_named(database: Database) -> None:
    with pytest.raises(StatementError, match="name"):
        async with database.transaction() as session:
            await execute(session, SELECT_BY_NAME, {})


async def test_a_snapshot_sees_one_state(database: Database) -> None:
    async with database.snapshot() as session:
        before = (await session.exec(select(LineageRow.id))).all()
        async with database.transaction() as other:
            await execute(other, INSERT_LINEAGE, lineage_values("lin_1"))
        assert (await session.exec(select(LineageRow.id))).all() == before == []
    assert await lineage_ids(database) == ["lin_1"]
