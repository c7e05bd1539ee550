"""Store: migrations, from an empty database or an older one to today's tables, on SQLite and PostgreSQL.

`python -m store.migrate "add a column"` drafts the next one from the declared tables.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from store.database import async_url, configure_sqlite, sqlite_file

MIGRATIONS: Final = Path(__file__).with_name("migrations")
_LOCK: Final = 7_203_118
"""An advisory lock's number in PostgreSQL: processes that start together migrate one after the other."""


class LaterRevision(Exception):
    """The database was migrated by a later release."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"The database is at revision {revision}, which this release does not know (it needs {newest()}): "
            "a later release has migrated it. Install that one"
        )


def upgrade(database_url: str) -> None:
    """Migrate the database to the newest revision. Idempotent; of two callers at once one migrates.

    Raises LaterRevision.
    """
    revision = current(database_url)
    if revision is not None and not knows(revision):
        raise LaterRevision(revision)
    with migrating(database_url) as connection:
        command.upgrade(configuration(connection), "head")


def current(database_url: str) -> str | None:
    """The revision of the database, None before the first. Takes no lock and makes no file."""
    file = sqlite_file(async_url(database_url))
    if file is not None and not file.exists():
        return None
    engine = _engine(database_url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


@cache
def newest() -> str:
    """The revision that this release needs."""
    revision = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert revision is not None
    return revision


def knows(revision: str) -> bool:
    """Whether this release has that migration: a database of an unknown one was migrated by a later release."""
    return revision in {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for work on `connection`."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def migrating(database_url: str) -> Iterator[Connection]:
    """A connection in a transaction that excludes every other migration."""
    engine = _engine(database_url)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
            yield connection
    finally:
        engine.dispose()


def _engine(database_url: str) -> Engine:
    address = async_url(database_url)
    if address.get_backend_name() != "sqlite":
        return create_engine(address, poolclass=NullPool, hide_parameters=True)
    if address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(address.set(drivername="sqlite"), poolclass=NullPool, hide_parameters=True)
    configure_sqlite(engine, begin="BEGIN IMMEDIATE")
    return engine


def draft(message: str) -> None:
    """Write the migration from the newest revision to the declared tables. Review it before it is committed."""
    with TemporaryDirectory() as folder, migrating(f"sqlite:///{folder}/draft.db") as connection:
        config = configuration(connection)
        command.upgrade(config, "head")
        number = len(list((MIGRATIONS / "versions").glob("*.py"))) + 1
        command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")


if __name__ == "__main__":
    draft(" ".join(sys.argv[1:]) or "change the tables")
