"""Benchmarks: a made-up programme of any size, written in bulk. The same seed makes the same customers."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Final, cast

import psycopg
from psycopg import sql
from psycopg.types.json import Json
from sqlalchemy import Connection, Table, insert

from domain.catalogue import Catalogue, Region
from domain.coverage import MONTHS, RENEWAL_GRACE_DAYS, Term, new_term, quota_for
from domain.dates import add_months, morning_of, start_of_day
from domain.kinds import Category, ClaimState, DeviceStatus, Service, TermKind
from domain.renewal import REMINDERS, reminder_due
from store.tables.metadata import METADATA

Row = dict[str, Any]

SHARES: Final = {"US": 45, "EU": 35, "JP": 12, "AU": 8}
"""Customers by region, of a hundred."""
HISTORIES: Final = {
    "plain": 70,
    "renewed": 10,
    "refunded": 5,
    "replaced": 4,
    "three_years": 3,
    "lost": 3,
    "searching": 1,
    "reminded": 4,
}
"""What became of a customer, of a hundred: lost has no successor, searching an open flyaway case, sent was reminded."""
_HALF_SPREAD: Final = 548
"""Terms end up to so many days before and after the day of the run: three years in all."""
_LINEAGES_AT_ONCE: Final = 5000
_NAMES: Final = ("Ada Marsh", "Bruno Keller", "Cleo Ortega", "Daichi Mori", "Edda Lund", "Finn Doyle", "Zoë Fournier")
_ORDER: Final = ("lineages", "devices", "terms", "claims", "mails")


@dataclass(frozen=True, slots=True)
class Population:
    """`terms` terms as they stand in the morning of `as_of`. `all_due`: each of them deserves a reminder that day."""

    catalogue: Catalogue
    terms: int
    as_of: date
    all_due: bool = False
    seed: int = 1


@dataclass(slots=True)
class _Batch:
    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in _ORDER})
    lineages: int = 0


def write(connection: Connection, population: Population) -> int:
    """Write the population in the connection's transaction; its number of terms (one or two more than requested)."""
    written = 0
    for batch in _batches(population):
        for name in _ORDER:
            if batch.rows[name]:
                _insert(connection, METADATA.tables[name], batch.rows[name])
        written += len(batch.rows["terms"])
    return written


def _insert(connection: Connection, table: Table, rows: list[Row]) -> None:
    if connection.dialect.name != "postgresql":
        connection.execute(insert(table), rows)
        return
    columns = tuple(rows[0])
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    driver = cast(psycopg.Connection, connection.connection.driver_connection)
    with driver.cursor() as cursor, cursor.copy(into) as copy:
        for row in rows:
            copy.write_row([_plain(row[column]) for column in columns])


def _plain(value: Any) -> Any:
    return Json(value) if isinstance(value, dict) else value


def _batches(population: Population) -> Iterator[_Batch]:
    generator = random.Random(population.seed)
    regions = {region.code: region for region in population.catalogue.regions}
    models = {code: [m for m in population.catalogue.models if code in m.offers] for code in regions}
    shares = [SHARES.get(code, 5) for code in regions]
    batch, number, terms = _Batch(), 0, 0
    while terms < population.terms:
        region = regions[generator.choices(list(regions), shares)[0]]
        customer = _Customer(number, region, generator.choice(models[region.code]).slug, population, generator)
        before = len(batch.rows["terms"])
        customer.add_rows(batch.rows)
        terms += len(batch.rows["terms"]) - before
        number += 1
        batch.lineages += 1
        if batch.lineages == _LINEAGES_AT_ONCE:
            yield batch
            batch = _Batch()
    yield batch


class _Customer:
    """One lineage with everything that hangs on it."""

    def __init__(
        self, number: int, region: Region, model: str, population: Population, generator: random.Random
    ) -> None:
        self._id = f"lin_{number:08}"
        self._serial = f"RM{number:08}"
        self._number = number
        self._region = region
        self._model = model
        self._as_of = population.as_of
        self._generator = generator
        if population.all_due:
            self._ends_on = self._day(min(REMINDERS.values()), RENEWAL_GRACE_DAYS)
            self._history = "plain"
        else:
            self._ends_on = self._day(-_HALF_SPREAD, _HALF_SPREAD)
            self._history = generator.choices(list(HISTORIES), list(HISTORIES.values()))[0]

    def _day(self, earliest: int, latest: int) -> date:
        return self._as_of - timedelta(days=self._generator.randint(earliest, latest))

    def add_rows(self, rows: dict[str, list[Row]]) -> None:
        kind = TermKind.ONE_YEAR
        if self._history in {"plain", "reminded"} and self._generator.random() < 0.25:
            kind = TermKind.TWO_YEARS
        starts_on = add_months(self._ends_on, -MONTHS[kind])
        bought_at = start_of_day(starts_on, self._region.time_zone)
        rows["lineages"].append(
            {
                "id": self._id,
                "owner_name": _NAMES[self._number % len(_NAMES)],
                "owner_email": f"owner{self._number}@example.com",
                "created_at": bought_at,
                "verified_at": None,
            }
        )
        self._units(rows["devices"], bought_at)
        self._terms(rows["terms"], kind, starts_on, bought_at)
        if self._history == "searching":
            rows["claims"].append(self._case())
        due = reminder_due(self._ends_on, self._as_of)
        if self._history == "reminded" and due is not None:
            rows["mails"].append(self._mail(due))

    def _units(self, devices: list[Row], bought_at: datetime) -> None:
        lost, replaced = self._history == "lost", self._history == "replaced"
        first = {
            "serial_number": self._serial,
            "serial_text": self._serial,
            "lineage_id": self._id,
            "generation": 0,
            "model": self._model,
            "region": self._region.code,
            "status": (DeviceStatus.LOST if lost else DeviceStatus.CURRENT).value,
            "activated_at": bought_at,
            "registered_at": bought_at,
            "claim_id": None,
            "replaced_by": None,
            "replaced_at": None,
            "replaced_on": None,
        }
        if not replaced:
            devices.append(first)
            return
        serial = f"{self._serial}R"
        devices.append(first | {"serial_number": serial, "serial_text": serial, "generation": 1})
        on = bought_at.date() + timedelta(days=90)
        gone = {"status": DeviceStatus.REPLACED.value, "replaced_by": serial, "replaced_on": on}
        devices.append(first | gone | {"replaced_at": bought_at + timedelta(days=90)})

    def _terms(self, terms: list[Row], kind: TermKind, starts_on: date, bought_at: datetime) -> None:
        ended_at = bought_at + timedelta(hours=40) if self._history == "refunded" else None
        if self._history == "three_years":
            before = add_months(starts_on, -MONTHS[TermKind.TWO_YEARS]) - timedelta(days=1)
            terms.append(self._term("a", TermKind.TWO_YEARS, before))
        terms.append(self._term("b", kind, starts_on) | {"ended_at": ended_at})
        # Nobody renews before there is something to renew soon.
        if self._history == "renewed" and self._ends_on <= self._as_of - timedelta(days=min(REMINDERS.values())):
            terms.append(self._term("c", TermKind.ONE_YEAR, terms[-1]["ends_on"] + timedelta(days=1)))

    def _term(self, suffix: str, kind: TermKind, starts_on: date) -> Row:
        term = _begun(self._region.time_zone, kind, starts_on)
        return {
            "id": f"trm_{self._number:08}{suffix}",
            "lineage_id": self._id,
            "region": self._region.code,
            "kind": kind.value,
            "total": term.quota.total,
            "flyaway_cap": term.quota.flyaway_cap,
            "starts_at": term.starts_at,
            "ends_on": term.ends_on,
            "ends_at": term.ends_at,
            "purchased_at": min(start_of_day(starts_on, self._region.time_zone), self._morning()),
            "price_amount": None,
            "price_currency": None,
            "payment_id": None,
            "ended_at": None,
            "refund_id": None,
        }

    def _case(self) -> Row:
        return {
            "id": f"clm_{self._number:08}",
            "lineage_id": self._id,
            "open_lineage": self._id,
            "service": Service.FLYAWAY.value,
            "tier": None,
            "state": ClaimState.AWAITING_DECISION.value,
            "outcome": None,
            "serial_number": self._serial,
            "region": self._region.code,
            "due_at": None,
            "opened_at": self._morning(),
            "closed_at": None,
            "owed_amount": 0,
            "owed_currency": self._region.currency,
            "run_id": "",
            "version": 0,
            "document": {},
            "agreed": None,
        }

    def _mail(self, kind: str) -> Row:
        name = f"trm_{self._number:08}b.{kind}.1"
        return {
            "claim_id": f"trm_{self._number:08}b",
            "kind": kind,
            "occurrence": 1,
            "message_id": f"<{name}@aftercare.example>",
            "recipient": f"owner{self._number}@example.com",
            "subject": "Sent by an earlier run",
            "at": self._morning(),
        }

    def _morning(self) -> datetime:
        """Of the day before the run."""
        return morning_of(self._as_of - timedelta(days=1), self._region.time_zone)


@cache
def _begun(zone: str, kind: TermKind, starts_on: date) -> Term:
    """Customers who begin on one day in one zone have the same term; quotas are a drone's."""
    return new_term("", kind, quota_for(kind, Category.DRONE, True), start_of_day(starts_on, zone), zone)
