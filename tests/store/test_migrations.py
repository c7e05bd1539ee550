"""Migrations and the seed of a development database, on SQLite and PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, inspect, text
from sqlmodel import select

from store.database import Database
from store.migrate import configuration, migrating, upgrade
from store.reads.queries import Queries
from store.seed import seed_development
from store.tables.devices import DeviceRow
from store.tables.metadata import METADATA


def test_the_migrated_tables_are_the_declared_ones(database_url: str) -> None:
    with migrating(database_url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, METADATA) == []
        for table in METADATA.tables.values():
            checks = {check["name"] for check in inspect(connection).get_check_constraints(table.name)}
            assert checks == {c.name for c in table.constraints if isinstance(c, CheckConstraint)}


def test_migrating_again_changes_nothing(database_url: str) -> None:
    upgrade(database_url)


def test_the_first_migration_can_be_downgraded(database_url: str) -> None:
    with migrating(database_url) as connection:
        command.downgrade(configuration(connection), "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
        command.upgrade(configuration(connection), "head")


def test_processes_that_start_at_once_migrate_once(database_url: str) -> None:
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
