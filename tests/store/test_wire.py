"""Statements of tables go to the driver as they are, and come back as Python has them."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlmodel
from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, bindparam, insert, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from store.core import core
from store.database import Database
from store.once import insert_new, table_of
from store.tables import LineageRow
from store.wire import written

NOW = datetime(2025, 11, 3, 17, 30, 12, 345678, tzinfo=UTC)
LINEAGES = table_of(LineageRow)
INSERTS = insert(LINEAGES)
NAMED = select(LINEAGES.c.id, LINEAGES.c.created_at, LINEAGES.c.verified_at).where(LINEAGES.c.id == bindparam("asked"))
RENAMES = update(LINEAGES).where(LINEAGES.c.id == bindparam("asked"))
SLEEP = text("SELECT pg_sleep(60)")


def lineage(name: str) -> dict[str, Any]:
    return {"id": name, "owner_name": "Ada", "owner_email": "ada@example.com", "created_at": NOW}


async def names(database: Database) -> list[str]:
    return sorted(name for (name,) in await database.ask(select(LINEAGES.c.id), {}))


async def test_an_answer_has_its_types_its_names_and_its_count(database: Database) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    async with database.writing() as session:
        await core(session, INSERTS, lineage("lin_1") | {"created_at": elsewhere})
        found = await core(session, NAMED, {"asked": "lin_1"})
        assert found.first() == ("lin_1", NOW, None)
        assert [dict(row) for row in (await core(session, NAMED, {"asked": "lin_1"})).mappings()] == [
            {"id": "lin_1", "created_at": NOW, "verified_at": None}
        ]
        assert (await core(session, NAMED, {"asked": "lin_2"})).first() is None
        assert (await core(session, NAMED, {"asked": "lin_2"})).scalar() is None
        assert (await core(session, RENAMES, {"asked": "lin_1", "owner_name": "Bea"})).rowcount == 1
        assert (await core(session, RENAMES, {"asked": "lin_2", "owner_name": "Bea"})).rowcount == 0
        with pytest.raises(ValueError, match="unpack"):
            (await core(session, NAMED, {"asked": "lin_2"})).one()


async def test_objects_and_statements_are_of_one_transaction(database: Database) -> None:
    async def half_way() -> None:
        async with database.writing() as session:
            session.add(LineageRow(**lineage("lin_1")))
            await session.flush()
            await core(session, INSERTS, lineage("lin_2"))
            assert sorted((await session.exec(sqlmodel.select(LineageRow.id))).all()) == ["lin_1", "lin_2"]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await half_way()
    assert await names(database) == []


async def test_what_the_engine_refuses_is_told_without_what_was_written(database: Database) -> None:
    async def write() -> None:
        async with database.writing() as session:
            await core(session, INSERTS, lineage("lin_1"))

    await write()
    with pytest.raises(IntegrityError) as raised:
        await write()
    assert "INSERT INTO lineages" in str(raised.value)
    assert "ada@example.com" not in str(raised.value)
    assert await names(database) == ["lin_1"]


@pytest.mark.parametrize("count", [1, 2, 30])
async def test_several_lines_are_written_each_once(database: Database, count: int) -> None:
    lines = [lineage(f"lin_{number:02}") for number in range(count)]
    for _ in range(2):
        async with database.writing() as session:
            await insert_new(session, LineageRow, lines)
    assert await names(database) == [line["id"] for line in lines]


async def test_a_value_that_is_missing_is_named(database: Database) -> None:
    async with database.writing() as session:
        with pytest.raises(KeyError, match="asked"):
            await core(session, NAMED, {})


def test_a_tables_plain_defaults_are_sent_and_others_are_refused() -> None:
    plain = Table("plain", MetaData(), Column("number", Integer), Column("open", Boolean, default=True))
    made = Table("made", MetaData(), Column("number", Integer), Column("name", String, default=lambda: "made"))
    line = {"number": 1}
    assert written(insert(plain), line, "sqlite").lines(line) == [{"number": 1, "open": True}]
    assert written(insert(plain), line, "postgresql").lines([line, {"number": 2}]) == [[1, True], [2, True]]
    with pytest.raises(AssertionError, match=r"made\.name"):
        written(insert(made), {"number": 1}, "sqlite")


async def test_a_transaction_begins_on_another_connection_when_the_server_had_hung_up(postgres_url: str) -> None:
    database, other = Database(postgres_url), Database(postgres_url)
    async with database.writing() as session:
        pid = (await core(session, text("SELECT pg_backend_pid()"), {})).scalar()
    await other.ask(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    async with database.writing() as session:
        await core(session, INSERTS, lineage("lin_1"))
    assert await names(database) == ["lin_1"]
    async with database.writing() as session:
        await core(session, LINEAGES.delete(), {})
    await database.close()
    await other.close()


async def test_a_question_the_server_cancelled_is_not_asked_again(postgres_url: str) -> None:
    database, other = Database(postgres_url), Database(postgres_url)
    ((pid,),) = await database.ask(text("SELECT pg_backend_pid()"), {})
    asking = asyncio.create_task(database.ask(SLEEP, {}))
    async with asyncio.timeout(20):
        while not asking.done():
            await other.ask(text("SELECT pg_cancel_backend(:pid)"), {"pid": pid})
            await asyncio.sleep(0.05)
        with pytest.raises(OperationalError, match="cancel"):
            await asking
    assert await database.ask(text("SELECT pg_backend_pid()"), {}) == [(pid,)]
    await database.close()
    await other.close()
