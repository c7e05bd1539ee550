"""Store: writing rows that may be there already, alike on both databases."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession


async def insert_once(session: AsyncSession, row: SQLModel) -> bool:
    """Insert `row` unless its primary key or another unique value is taken; whether it was inserted.

    While another transaction writes the same row PostgreSQL waits for its end and then answers False (SQLite has one
    writer at a time), so the one caller that gets True may act.
    """
    statement = _unless_taken(session, type(row), _values(row)).returning(literal_column("1", Integer))
    return await session.scalar(statement) is not None


async def insert_each_once(session: AsyncSession, rows: Sequence[SQLModel], key: Mapped[str]) -> set[str]:
    """The same for several rows of one table in one statement: the `key` of each that was inserted.

    Callers who write the same rows at once give them in the same order, or two would wait for each other for ever.
    """
    statement = _unless_taken(session, type(rows[0]), [_values(row) for row in rows]).returning(key)
    return set((await session.exec(statement)).scalars())


def _values(row: SQLModel) -> dict[str, Any]:
    """All of them but a number that the database gives itself."""
    values = row.model_dump()
    if values.get("id", "") is None:
        del values["id"]
    return values


def _unless_taken(session: AsyncSession, table: type[SQLModel], values: Any) -> sqlite.Insert | postgresql.Insert:
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table).values(values).on_conflict_do_nothing()
    return postgresql.insert(table).values(values).on_conflict_do_nothing()
