"""A database with nothing in it but the tables, for tests that need one of their own."""

from pathlib import Path

from sqlalchemy import CheckConstraint, MetaData, create_engine
from sqlmodel import SQLModel

import store.tables.metadata  # noqa: F401  registers every table
from store.database import Database


def empty_database(folder: Path, *, checks: bool = True) -> Database:
    """A SQLite database under `folder`. Without `checks` it has no CHECK constraints, so that they catch no bug."""
    address = f"sqlite:///{folder / 'payments.db'}"
    engine = create_engine(address)
    with engine.begin() as connection:
        (SQLModel.metadata if checks else _trusting()).create_all(connection)
    engine.dispose()
    return Database(address)


def _trusting() -> MetaData:
    copy = MetaData()
    for table in SQLModel.metadata.sorted_tables:
        twin = table.to_metadata(copy)
        twin.constraints -= {each for each in twin.constraints if isinstance(each, CheckConstraint)}
    return copy
