"""Store: INSERT ... ON CONFLICT DO NOTHING on both databases.

Statements are built once per table: building one costs more than executing it.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Integer, Table, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from store.database import execute


async def insert_once(session: AsyncSession, model: type[SQLModel], row: Mapping[str, Any]) -> bool:
    """Insert `row` unless its primary key or another unique value is taken; whether it was inserted.

    While another transaction inserts the same row PostgreSQL waits for its end and then returns False (SQLite has one
    writer at a time), so exactly one caller gets True.

    `row` is plain values: to build a model object and dump it costs more than the insert.
    """
    statement = _insert_returning(table_of(model), session.get_bind().dialect.name)
    return (await execute(session, statement, row)).first() is not None


async def insert_new(session: AsyncSession, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """The same for several rows of one table, in their order, without a result."""
    await execute(session, _insert_or_ignore(table_of(model), session.get_bind().dialect.name), rows)


async def insert_each_once(session: AsyncSession, rows: Sequence[SQLModel], key: Mapped[str]) -> set[str]:
    """The same for several rows of one table in one statement: the `key` of each that was inserted.

    Callers that may write the same rows at once pass them in the same order, or they deadlock.
    """
    statement = _insert_or_ignore(table_of(type(rows[0])), session.get_bind().dialect.name)
    inserted = statement.values([_values(row) for row in rows]).returning(key)
    return set((await session.exec(inserted)).scalars())


def table_of(model: type[SQLModel]) -> Table:
    """The table of a model, for Core statements."""
    table: Table = vars(model)["__table__"]
    return table


def _values(row: SQLModel) -> dict[str, Any]:
    """The row's values, without an `id` that the database assigns."""
    values = row.model_dump()
    if values.get("id", "") is None:
        del values["id"]
    return values


@cache
def _insert_or_ignore(table: Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


@cache
def _insert_returning(table: Table, dialect: str) -> Any:
    return _insert_or_ignore(table, dialect).returning(literal_column("1", Integer))
