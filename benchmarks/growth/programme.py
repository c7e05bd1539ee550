"""Benchmarks: a programme of stored claims of any size, written in bulk: one claim to a device.

The same seed makes the same customers. Ids are scattered as real ones are, so that no index grows at its end alone.
"""

import asyncio
import json
import random
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Final, cast

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Engine

from benchmarks import databases
from benchmarks.growth import scenarios as scenarios
from benchmarks.growth.claim_documents import AT, CLOCK, NUMBER, TERM_BEFORE
from benchmarks.growth.claim_rows import rows
from benchmarks.reminders.population import SHARES
from domain.catalogue import Catalogue, Model, Region
from store.migrate import upgrade
from store.seed import demo_catalogue
from store.tables.metadata import METADATA

AS_OF: Final = date(2026, 11, 23)
IN_THE_WINDOW: Final = 200
"""Terms of the first region that end so that a reminder is due at `AS_OF`, whatever the size of the programme."""
_ENDS_IN: Final = 10
_SCATTER: Final = 387_420_489
_DIGITS: Final = 12
_AT_ONCE: Final = 5000
_OF_EACH: Final = 7
"""How many customers have each scenario at least, however rare it is."""
_MODEL: Final = "mavic-3"
_ORDER: Final = [table.name for table in METADATA.sorted_tables]
Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Customer:
    """Who has the claim of that place in the programme."""

    number: str

    @property
    def claim_id(self) -> str:
        return f"clm_{self.number}"

    @property
    def serial_number(self) -> str:
        return f"SN{self.number}"


def customer(place: int) -> Customer:
    """The customer of that place, counted from 0."""
    return Customer(f"{place * _SCATTER % 10**_DIGITS:0{_DIGITS}}")


def populate(url: str, claims: int) -> str:
    """Make the tables in an empty database and `write`; a sentence on what was done."""
    began = time.perf_counter()
    upgrade(url)
    asyncio.run(databases.load_demo_catalogue(url))
    write(url, claims, demo_catalogue())
    size, seconds = databases.size(url) / 1024**2, time.perf_counter() - began
    return f"{claims:,} claims in {seconds:.0f} s, {size:,.0f} MiB"


def write(url: str, claims: int, catalogue: Catalogue, seed: int = 1) -> None:
    """Write `claims` claims with all their rows into an empty database, and update its statistics."""
    engine = databases.plain_engine(url)
    with engine.connect() as connection:
        into = _into_postgres if connection.dialect.name == "postgresql" else _into_sqlite
        for batch in _batches(claims, catalogue, seed, _text_for(connection.dialect.name)):
            with connection.begin():
                for table in _ORDER:
                    if batch[table]:
                        into(connection, table, _columns(table), batch[table])
    settle(engine)


def settle(engine: Engine) -> None:
    """What the database's maintenance would have done by the time it holds so many claims."""
    databases.settle(engine)
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _batches(
    claims: int, catalogue: Catalogue, seed: int, text: Callable[[Any], Any]
) -> Iterator[dict[str, list[Values]]]:
    generator = random.Random(seed)
    regions = {region.code: region for region in catalogue.regions}
    first, shares = next(iter(regions)), [SHARES.get(code, 5) for code in regions]
    model = next(model for model in catalogue.models if model.slug == _MODEL)
    all_scenarios = [*scenarios.CLOSED, *scenarios.OPEN]
    weights = [scenario.weight for scenario in all_scenarios]
    template = _templates(regions, model, text)
    batch: dict[str, list[Values]] = defaultdict(list)
    for place in range(claims):
        code = generator.choices(list(regions), shares)[0]
        scenario = generator.choices(all_scenarios, weights)[0]
        if IN_THE_WINDOW <= place < IN_THE_WINDOW + _OF_EACH * len(all_scenarios):
            scenario = all_scenarios[place % len(all_scenarios)]  # a small programme has lists as long as a large one's
        clock = f"{generator.randrange(24):02}:{generator.randrange(60):02}:{generator.randrange(60):02}"
        # Only the first ones are in the window of the reminders.
        days = generator.randrange(28, 29 * 7, 7) if generator.random() < 0.2 else generator.randrange(301, 1095, 7)
        if place < IN_THE_WINDOW:
            code, scenario, days = first, scenarios.CLOSED[0], 365 - TERM_BEFORE - _ENDS_IN
        elif scenario in scenarios.OPEN:
            days = generator.randrange(1, 22)
        number = customer(place).number
        for table, values in template(scenario, code, days):
            batch[table].append(
                tuple(
                    value.replace(NUMBER, number).replace(CLOCK, clock) if type(value) is str else value
                    for value in values
                )
            )
        if (place + 1) % _AT_ONCE == 0:
            yield batch
            batch = defaultdict(list)
    yield batch


def _templates(
    regions: dict[str, Region], model: Model, text: Callable[[Any], Any]
) -> Callable[[scenarios.Scenario, str, int], list[tuple[str, Values]]]:
    @cache
    def template(scenario: scenarios.Scenario, code: str, days: int) -> list[tuple[str, Values]]:
        found = rows(scenario, regions[code], model, AS_OF - timedelta(days=days))
        return [(table, tuple(text(row[column]) for column in _columns(table))) for table, row in found]

    return template


def _text_for(dialect: str) -> Callable[[Any], Any]:
    """How the engine is all_scenarios a value in bulk: as the product's own statements leave it there."""
    zone = "+00" if dialect == "postgresql" else ""

    def text(value: Any) -> Any:
        if isinstance(value, datetime):
            value = f"{value:%Y-%m-%d %H:%M:%S.%f}{zone}"
        elif isinstance(value, date):
            value = value.isoformat()
        elif isinstance(value, dict):
            value = json.dumps(value)
        return value.replace(f"{AT:%H:%M:%S}", CLOCK) if isinstance(value, str) else value

    return text


@cache
def _columns(table: str) -> tuple[str, ...]:
    """All but the numbers that the database gives."""
    return tuple(column.name for column in METADATA.tables[table].columns if column.autoincrement is not True)


def _into_sqlite(connection: Connection, table: str, columns: tuple[str, ...], values: list[Values]) -> None:
    driver = cast(sqlite3.Connection, connection.connection.driver_connection)
    driver.execute("PRAGMA cache_size = -400000")
    places = ", ".join("?" * len(columns))
    driver.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", values)  # noqa: S608


def _into_postgres(connection: Connection, table: str, columns: tuple[str, ...], values: list[Values]) -> None:
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    driver = cast(psycopg.Connection, connection.connection.driver_connection)
    with driver.cursor() as cursor, cursor.copy(into) as copy:
        for row in values:
            copy.write_row(row)
