"""Every query uses an index on both databases: it reads and sorts no other rows than those it returns.

The product's queries, and its writes for a claim, run on a stored programme; the database explains each of their
statements. Not included are the sums over the whole ledger (`store.reads.ledger_export.balances`, `unbalanced`,
`store.reads.ledger_totals`) and the list of the outbox (`store.reads.outbox.list_mails`), which reads the table from
its beginning.
"""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any, Final

import pytest
from sqlalchemy import Engine, text

from benchmarks.counters import on_statement
from benchmarks.databases import plain_engine
from benchmarks.growth import programme
from benchmarks.growth.queries import NOW
from store.audit_trail import AuditEntry, AuditTrail
from store.database import Database
from store.reads.claim_list import ClaimFilter
from store.reads.device_list import CareFilter
from store.reads.queries import Queries
from store.reads.shipping_list import ShippingFilter
from store.seed import demo_catalogue
from store.tables.metadata import METADATA
from store.tables.outbox import OutboxMailRow
from store.tables.reconciliation import ReconciliationRow, SeenPaymentRow
from tests.store.every_query import FILTERS, NEWEST, SHORT, Query, device_filters, device_query, every_query

CLAIMS: Final = 400
SMALL_TABLES: Final = {"catalogue_models", "catalogue_regions", "catalogue_releases", "reconciliations"}
GROWING_TABLES: Final = {table.name for table in METADATA.tables.values()} - SMALL_TABLES
FULL_INDEX_SCANS: Final = {
    *(NEWEST, "closed shipping requests", "closed shipping requests in AU", "subjects to reconcile"),
    *("mails in the outbox", "mails to retry", "plans in question"),
    *("devices by active", "devices by none", "audit by nothing"),
}
"""Queries that read an index from one end until the page is full: nearly all of its rows match."""
SORTED_QUERIES: Final = {
    *("open shipping requests", "open shipping requests in AU", "subjects to reconcile", "notices of a claim"),
    *("reminders", "ledger of a claim", "a claim's payments", "plans"),
    *("claims of an owner", "claims of a parcel", "claims by q"),
    *(
        device_query(values)
        for values in device_filters("")
        if values.keys() & {"q", "owner_email"} or values.get("care") is CareFilter.ENDING
    ),
    *(
        "claims by serial_number and due_before",
        "claims by attention and due_before",
        "claims by " + " and ".join(FILTERS),
    ),
}
"""Queries that sort the few rows they find by indexes."""
UNSELECTIVE: Final = {
    "region": {"claims by region", "claims by service and region"},
    "service": {"claims by service"},
}
"""Columns with few values, whose indexes find many claims, and the lists that have no better index."""
INSERT_ATTEMPTS: Final = """
    INSERT INTO payment_attempts (key, subject, purpose, acts_on, fingerprint, first_sent_at, answer, answered_at)
    SELECT key, min(subject), 'charge', '', 'fingerprint', min(at), '{"result": "charged"}', min(at)
    FROM ledger_entries GROUP BY key
"""
"""A payment attempt for every key in the ledger."""
MAX_ROWS_FILTERED: Final = 30


@pytest.fixture
async def stored(database: Database, database_url: str) -> Database:
    """A programme of a few hundred claims, on each database."""
    programme.write(database_url, CLAIMS, demo_catalogue())
    run = ReconciliationRow(id="rec_1", started_at=NOW)
    seen: dict[str, Any] = {
        "kind": "charge",
        "status": "captured",
        "currency": "USD",
        "amount": 1,
        "captured": 1,
        "refunded": 0,
    }
    async with database.transaction() as session:
        session.add(run)
        await session.flush()
        for number in range(SHORT):
            subject, payment = programme.customer(number).claim_id, f"pay_{number}"
            session.add(
                SeenPaymentRow(
                    reconciliation_id="rec_1", payment_id=payment, subject=subject, reference=payment, **seen
                )
            )
        for number in range(CLAIMS):
            given_up: dict[str, Any] = {"failed_at": NOW, "attempts": 9, "error": "refused"} if number % 2 else {}
            session.add(
                OutboxMailRow(
                    claim_id=programme.customer(number).claim_id,
                    kind="shipped",
                    occurrence=0,
                    at=NOW,
                    document="{}",
                    written_at=NOW,
                    next_try_at=NOW + timedelta(minutes=number),
                    told=number > SHORT,
                    **given_up,
                )
            )
    await AuditTrail(database).add([_audit_entry(number) for number in range(CLAIMS)])
    with plain_engine(database_url).begin() as connection:
        connection.execute(text(INSERT_ATTEMPTS))
        for table in ("outbox_mails", "payment_attempts", "audit_entries"):
            connection.execute(text(f"ANALYZE {table}"))
    return database


def _audit_entry(number: int) -> AuditEntry:
    """One a minute, of 100 keys, about a claim or a device."""
    customer = programme.customer(number)
    about = {"claim_id": customer.claim_id} if number % 2 else {"serial_number": customer.serial_number}
    key = f"key_{number % 100}"
    at = NOW - timedelta(minutes=number)
    return AuditEntry(at=at, actor_id=key, actor=key, role="staff", action="get_device", status=200, **about)


async def statements_of(query: Query) -> list[tuple[str, Any]]:
    """The statements of the query that can be explained, with their values."""
    statements: list[tuple[str, Any]] = []
    with on_statement(lambda text, values: statements.append((text, values))):
        await query()
    return [each for each in statements if each[0].startswith(("SELECT", "WITH", "DELETE", "UPDATE"))]


async def find_faults(database: Database, url: str) -> list[str]:
    """Descriptions of the statements that read or sort more rows than they return."""
    engine, found = plain_engine(url), []
    faults_of = _faults_on_postgres if engine.dialect.name == "postgresql" else _faults_on_sqlite
    for name, query in every_query(database):
        statements = await statements_of(query)
        assert statements, name
        for statement, values in statements:
            found += [f"{name}: {fault}\n{statement}" for fault in faults_of(engine, name, statement, values)]
    return found


def _faults_on_sqlite(engine: Engine, name: str, statement: str, values: Any) -> Iterator[str]:
    aliases = dict(re.findall(r"(?:FROM|JOIN) (\w+) AS (\w+)", statement))
    tables = GROWING_TABLES | {alias for table, alias in aliases.items() if table in GROWING_TABLES}
    with engine.connect() as connection:
        steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    for step in steps:
        verb, _, rest = step.partition(" ")
        full_scan = verb == "SCAN" and rest.split()[0] in tables
        if full_scan and not ("INDEX" in rest and _without_page(name) in FULL_INDEX_SCANS):
            yield step
        unselective = next((column for column in UNSELECTIVE if f"ix_claims_{column} " in step), None)
        if unselective is not None and _without_page(name) not in UNSELECTIVE[unselective]:
            yield step
        if "TEMP B-TREE FOR ORDER BY" in step and _without_page(name) not in SORTED_QUERIES:
            yield step


def _faults_on_postgres(engine: Engine, name: str, statement: str, values: Any) -> Iterator[str]:
    with engine.connect() as connection:
        # PostgreSQL would read so small a table. With these plan types disabled it uses an index if it can.
        plan_types = ["seqscan", "bitmapscan", "hashjoin", "mergejoin", "hashagg"]
        sort_types = [] if _without_page(name) in SORTED_QUERIES else ["sort", "incremental_sort"]
        for plan_type in [*plan_types, *sort_types]:
            connection.execute(text(f"SET LOCAL enable_{plan_type} = off"))
        ((plan,),) = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
    tree = plan if isinstance(plan, list) else json.loads(plan)
    for node in _nodes(tree[0]["Plan"]):
        kind, table = node["Node Type"], node.get("Relation Name")
        if (
            table in GROWING_TABLES
            and kind != "ModifyTable"
            and "Index Cond" not in node
            and not (kind.startswith("Index") and _without_page(name) in FULL_INDEX_SCANS)
        ):
            yield f"{kind} on {table}"
        filtered = node.get("Rows Removed by Filter", 0) * node["Actual Loops"]
        if (
            table in GROWING_TABLES
            and filtered > MAX_ROWS_FILTERED
            and not (" and " in name or _without_page(name) in FULL_INDEX_SCANS | SORTED_QUERIES)
        ):
            yield f"{kind} on {table} filters out {filtered} rows"
        of_growing_table = any(child.get("Relation Name") in GROWING_TABLES for child in _nodes(node))
        if kind.endswith("Sort") and of_growing_table and _without_page(name) not in SORTED_QUERIES:
            yield f"{kind} by {node['Sort Key']}"


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _without_page(name: str) -> str:
    return name.removesuffix(", next page")


async def test_a_page_has_its_limit_as_a_literal(stored: Database) -> None:
    queries: list[Query] = [
        partial(Queries(stored).claims, ClaimFilter(), 7),
        partial(Queries(stored).shipping_requests, ShippingFilter(), 7),
    ]
    for query in queries:
        texts = [text for text, _ in await statements_of(query)]
        assert texts
        assert all("LIMIT 8" in text for text in texts), texts


async def test_every_query_uses_an_index(stored: Database, database_url: str) -> None:
    found = await find_faults(stored, database_url)
    assert not found, "\n\n".join(found)


@pytest.mark.parametrize(
    ("index", "query"),
    [
        ("ix_claims_newest", NEWEST),
        ("ix_claims_region", "claims by region"),
        ("ix_claims_state", "claims by state"),
        ("ix_claims_due", "claims by due_before"),
        ("ix_claim_attention_code", "claims by attention"),
        ("ix_terms_ending", "reminders"),
        ("ix_claim_events_timeline", "timeline"),
        ("ix_dispatch_requests_place", "closed shipping requests"),
        ("ix_gateway_payments_subject", "a claim's payments"),
        ("ix_payment_attempts_subject", "subjects to reconcile"),
        ("ix_outbox_mails_due", "due mails"),
        ("ix_outbox_mails_given_up", "given-up mails"),
        ("ix_devices_region", "devices by region"),
        ("ix_terms_ends", "devices by ending"),
    ],
)
async def test_a_dropped_index_is_detected(stored: Database, database_url: str, index: str, query: str) -> None:
    engine = plain_engine(database_url)
    dropped = next(each for table in METADATA.tables.values() for each in table.indexes if each.name == index)
    with engine.begin() as connection:
        dropped.drop(connection)
    try:
        found = await find_faults(stored, database_url)
    finally:
        with engine.begin() as connection:
            dropped.create(connection)
    assert any(fault.startswith(f"{query}:") for fault in found)
