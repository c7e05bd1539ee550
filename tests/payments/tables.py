"""A database with nothing in it but the tables, for tests that need one of their own."""

from pathlib import Path

from sqlalchemy import CheckConstraint, MetaData
from sqlmodel import SQLModel

import store.payment_tables  # noqa: F401  the tables below are known once this is read
from store.database import Database


async def empty_database(folder: Path, *, checks: bool = True) -> Database:
    """A SQLite database under `folder`. Without `checks` it believes everything, as a bug of ours would like it to."""
    database = Database(f"sqlite:///{folder / 'payments.db'}")
    tables = SQLModel.metadata if checks else _trusting()
    async with database.writing() as session:
        await (await session.connection()).run_sync(tables.create_all)
    return database


def _trusting() -> MetaData:
    copy = MetaData()
    for table in SQLModel.metadata.sorted_tables:
        twin = table.to_metadata(copy)
        twin.constraints -= {each for each in twin.constraints if isinstance(each, CheckConstraint)}
    return copy
