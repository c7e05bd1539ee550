"""Store: writing a row that may be there already, alike on both databases."""

from sqlalchemy import Integer, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession


async def insert_once(session: AsyncSession, row: SQLModel) -> bool:
    """Insert `row` unless its primary key or another unique value is taken; whether it was inserted.

    While another transaction writes the same row PostgreSQL waits for its end and then answers False (SQLite has one
    writer at a time), so the one caller that gets True may act.
    """
    values, written = row.model_dump(), literal_column("1", Integer)
    if session.get_bind().dialect.name == "sqlite":
        into_sqlite = sqlite.insert(type(row)).values(values).on_conflict_do_nothing().returning(written)
        return await session.scalar(into_sqlite) is not None
    into_postgres = postgresql.insert(type(row)).values(values).on_conflict_do_nothing().returning(written)
    return await session.scalar(into_postgres) is not None
