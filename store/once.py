"""Store: writing rows that may be there already, alike on both databases.

The statements are built once for each table: building one costs more than sending it.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Integer, Table, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from store.core import core, engine_of


async def insert_once(session: AsyncSession, model: type[SQLModel], row: Mapping[str, Any]) -> bool:
    """Insert `row` unless its primary key or another unique value is taken; whether it was inserted.

    While another transaction writes the same row PostgreSQL waits for its end and then answers False (SQLite has one
    writer at a time), so the one caller that gets True may act.

    As plain values: an object of the model, made to be taken apart again, costs more than its line.
    """
    return (await core(session, _telling(table_of(model), engine_of(session)), row)).first() is not None


async def insert_new(session: AsyncSession, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """The same for several rows of one table, in their order, for whoever need not know which were there."""
    await core(session, _unless_taken(table_of(model), engine_of(session)), rows)


async def insert_each_once(session: AsyncSession, rows: Sequence[SQLModel], key: Mapped[str]) -> set[str]:
    """The same for several rows of one table in one statement: the `key` of each that was inserted.

    Callers who write the same rows at once give them in the same order, or two would wait for each other for ever.
    """
    statement = _unless_taken(table_of(type(rows[0])), engine_of(session))
    inserted = statement.values([_values(row) for row in rows]).returning(key)
    return set((await session.exec(inserted)).scalars())


def table_of(model: type[SQLModel]) -> Table:
    """The table behind a model, for statements that are built once and need no object."""
    table: Table = vars(model)["__table__"]
    return table


def _values(row: SQLModel) -> dict[str, Any]:
    """All of them but a number that the database gives itself."""
    values = row.model_dump()
    if values.get("id", "") is None:
        del values["id"]
    return values


@cache
def _unless_taken(table: Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


@cache
def _telling(table: Table, dialect: str) -> Any:
    return _unless_taken(table, dialect).returning(literal_column("1", Integer))
