"""Every list and every page is found by an index on both engines: what else is stored is not read, and not sorted.

The product's own reads, and what it writes for a claim, are asked of a stored programme; each statement they send is
explained by the engine. Left out is what sums the whole ledger on purpose (`store.reads.ledger_export.balances`, `unbalanced`),
and the first lines of the outbox (`store.reads.outbox.listed`), which are read from the beginning of the table.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import combinations
from typing import Any, Final

import pytest
from sqlalchemy import Engine, text

from activities.payments.simulated.gateway import SimulatedGateway
from activities.record import DatabaseRecord
from benchmarks import programme
from benchmarks.counts import overheard
from benchmarks.databases import plain_engine
from benchmarks.questions import NOW, write_claim
from domain.kinds import Attention, ClaimState, Service
from domain.money import Money
from domain.policy import Policy
from messages.record import IdentifySerial
from store.database import Database
from store.idempotency_keys import IdempotencyKeys
from store.reads import catalogue
from store.reads.claim_counts import open_claims
from store.reads.claim_list import ClaimFilter, write_cursor
from store.reads.due_reminders import due_page
from store.reads.evidence import evidence
from store.reads.ledger import ledger
from store.reads.ledger_export import entries
from store.reads.outbox import due_mails, outbox_status, unreported_mails
from store.reads.queries import Queries
from store.reads.reconciliation import last_counts, last_report, subject_page
from store.reads.shipping_list import ShippingFilter
from store.seed import demo_catalogue
from store.tables.metadata import METADATA
from store.tables.outbox import OutboxMailRow
from store.tables.reconciliation import ReconciliationRow, SeenPaymentRow
from store.webhook_events import WebhookEvents, parked_events
from store.writes.dispatch import identify_serial
from store.writes.outbox import FailedAttempt, mark_reported, record_attempts, retry_mails
from store.writes.payment_attempts import Attempt, record_response, lock_attempt, open_attempt

CLAIMS: Final = 400
SMALL: Final = {"catalogue_models", "catalogue_regions", "catalogue_releases", "reconciliations"}
GROWING: Final = {table.name for table in METADATA.tables.values()} - SMALL
DEEP: Final = write_cursor((NOW - timedelta(days=300), "clm_5"))
FILTERS: Final[dict[str, Any]] = {
    "state": ClaimState.AWAITING_RETURN,
    "service": Service.MAINTENANCE,
    "serial_number": "SN1",
    "region": "AU",
    "attention": Attention.AMOUNT_OWED,
    "due_before": NOW,
}
NEWEST: Final = "claims by nothing"
WALKED: Final = {
    *(NEWEST, "what was shipped", "what was shipped in AU", "subjects to reconcile"),
    *("mails in the outbox", "mails to be tried again"),
}
"""Read from one end along an index until a page is full: all of it is wanted, or nearly all."""
SORTED: Final = {
    *("what is to be shipped", "what is to be shipped in AU", "subjects to reconcile", "notices of a claim"),
    *("reminders", "ledger of a claim", "a claim's payments"),
    *(
        "claims by serial_number and due_before",
        "claims by attention and due_before",
        "claims by " + " and ".join(FILTERS),
    ),
}
"""Put in order after they were found: few, each by an index."""
COARSE: Final = {
    "region": {"claims by region", "claims by service and region"},
    "service": {"claims by service"},
}
"""Columns with few values, whose indexes find a great part of all claims, and the lists that have nothing better."""
ATTEMPTS: Final = """
    INSERT INTO payment_attempts (key, subject, purpose, acts_on, fingerprint, first_sent_at, answer, answered_at)
    SELECT key, min(subject), 'charge', '', 'fingerprint', min(at), '{"result": "charged"}', min(at)
    FROM ledger_entries GROUP BY key
"""
"""An attempt for everything that is booked."""
SHORT: Final = 8
A_FEW: Final = 30
Question = Callable[[], Awaitable[object]]


def questions(database: Database) -> Iterator[tuple[str, Question]]:
    """Everything that lists or looks up, by name."""
    views, requests, webhooks = Queries(database), IdempotencyKeys(database), WebhookEvents(database)
    someone = programme.customer(7)
    for wanted in filters():
        name = "claims by " + (" and ".join(wanted) or "nothing")
        yield name, partial(views.claims, ClaimFilter(**wanted))
        yield f"{name}, on", partial(views.claims, ClaimFilter(**wanted), cursor=DEEP)
    for still_open, name in ((True, "what is to be shipped"), (False, "what was shipped")):
        for region in (None, "AU"):
            chosen = ShippingFilter(open=still_open, region=region)
            place = f"{name} in {region}" if region else name
            yield place, partial(views.shipping_requests, chosen)
            yield f"{place}, on", partial(views.shipping_requests, chosen, cursor=DEEP)
    yield "status page", lambda: views.device(someone.serial_number, NOW)
    came = IdentifySerial(serial_number=someone.serial_number, lineage_id="another")
    yield "whose unit came back", lambda: inside(database, lambda s: identify_serial(s, came))
    yield "claim", lambda: views.claim(someone.claim_id)
    yield "timeline", lambda: views.events(someone.claim_id)
    yield "idempotency keys", lambda: requests.delete_before(NOW - timedelta(days=9999))
    yield "webhook", lambda: webhooks.state_of("stripe", "evt_1")
    yield "webhooks", lambda: webhooks.delete_before(NOW - timedelta(days=9999))
    yield "parked webhooks", lambda: inside(database, lambda s: parked_events(s, NOW))
    yield "ledger of a claim", lambda: inside(database, lambda s: ledger(s, someone.claim_id))
    yield "notices of a claim", lambda: inside(database, lambda s: evidence(s, someone.claim_id))
    yield "mails that are due", lambda: due_mails(database, NOW, SHORT)
    yield "mails that were given up", lambda: unreported_mails(database, SHORT)
    yield "mails in the outbox", lambda: outbox_status(database, 0)
    yield "what became of mails", lambda: mails_tried(database, someone.claim_id)
    yield "mails to be tried again", lambda: inside(database, retry_mails)
    yield "payment attempts", lambda: attempted(database)
    yield "open claims", lambda: inside(database, open_claims)
    yield "last reconciliation", lambda: inside(database, last_report)
    yield "last reconciliation's counts", lambda: inside(database, last_counts)
    yield "ledger of a month", lambda: inside(database, a_month)
    yield "reminders", lambda: inside(database, reminders)
    yield "a claim's writes", lambda: write_claim(DatabaseRecord(database, Policy()), 7)
    yield "a claim's payments", lambda: pay(database)
    yield "subjects to reconcile", lambda: inside(database, lambda s: subject_page(s, "rec_1", 9, None, SHORT))
    yield "subjects to reconcile, on", lambda: inside(database, lambda s: subject_page(s, "rec_1", 9, "clm_5", SHORT))


def filters() -> Iterator[dict[str, Any]]:
    """None, each of them, and every pair that narrows what an index has found already."""
    yield {}
    for name, value in FILTERS.items():
        yield {name: value}
    for one, other in combinations(FILTERS, 2):
        yield {one: FILTERS[one], other: FILTERS[other]}
    yield FILTERS


async def mails_tried(database: Database, claim_id: str) -> None:
    """What is written about mails in the outbox, one by one."""
    async with database.transaction() as session:
        await record_attempts(session, [], [1], [FailedAttempt(2, 1, NOW, NOW, "refused")])
        await mark_reported(session, [3])
        await retry_mails(session, claim_id)


async def attempted(database: Database) -> None:
    """An attempt from beginning to end, and once more."""
    attempt = Attempt("clm_new:fee", "clm_new", "charge", "service_fees", Money(5, "USD"), "fingerprint")
    async with database.transaction() as session:
        for _ in range(2):
            await open_attempt(session, attempt, NOW)
        await lock_attempt(session, attempt.key)
        await record_response(session, attempt.key, {"result": "charged"}, NOW)


async def inside(database: Database, ask: Callable[[Any], Awaitable[object]]) -> object:
    async with database.snapshot() as session:
        return await ask(session)


async def pay(database: Database) -> object:
    """All that the simulated gateway can be asked."""
    bank, subject, amount = SimulatedGateway(database, environment="test"), "clm_new", Money(5, "USD")
    for card in ("pm_card_visa", "pm_card_heldTwice"):
        held = await bank.authorize(amount, card, subject=subject, key=f"hold:{card}", at=NOW, sent_at=NOW)
    await bank.release(held.id, key="release", at=NOW)
    charged = await bank.charge(amount, "pm_card_visa", subject=subject, key="charge", at=NOW, sent_at=NOW)
    await bank.refund(charged.id, amount, key="refund", at=NOW)
    await bank.refund(charged.id, amount, key="refund", at=NOW)
    return await bank.find(subject, at=NOW + timedelta(days=99))


async def a_month(session: Any) -> object:
    return [page async for page in entries(session, NOW - timedelta(days=30), NOW, 20)]


async def reminders(session: Any) -> object:
    region = await catalogue.region(session, "US")
    assert region is not None
    found = await due_page(session, region, programme.AS_OF, NOW, None, SHORT)
    assert found.due
    return found


@pytest.fixture
async def stored(database: Database, database_url: str) -> Database:
    """A programme of a few hundred claims, on each engine."""
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
        for place in range(SHORT):
            subject, payment = programme.customer(place).claim_id, f"pay_{place}"
            session.add(
                SeenPaymentRow(
                    reconciliation_id="rec_1", payment_id=payment, subject=subject, reference=payment, **seen
                )
            )
        for place in range(CLAIMS):
            given_up: dict[str, Any] = {"failed_at": NOW, "attempts": 9, "error": "refused"} if place % 2 else {}
            session.add(
                OutboxMailRow(
                    claim_id=programme.customer(place).claim_id,
                    kind="shipped",
                    occurrence=0,
                    at=NOW,
                    document="{}",
                    written_at=NOW,
                    next_try_at=NOW + timedelta(minutes=place),
                    told=place > SHORT,
                    **given_up,
                )
            )
    with plain_engine(database_url).begin() as connection:
        connection.execute(text(ATTEMPTS))
        for table in ("outbox_mails", "payment_attempts"):
            connection.execute(text(f"ANALYZE {table}"))
    return database


async def sent_by(question: Question) -> list[tuple[str, Any]]:
    """The statements that can be explained, with their values."""
    heard: list[tuple[str, Any]] = []
    with overheard(lambda text, values: heard.append((text, values))):
        await question()
    return [sent for sent in heard if sent[0].startswith(("SELECT", "WITH", "DELETE", "UPDATE"))]


async def faults(database: Database, url: str) -> list[str]:
    """What reads or sorts more than it answers with, in words."""
    engine, found = plain_engine(url), []
    explained = _explained_by_postgres if engine.dialect.name == "postgresql" else _explained_by_sqlite
    for name, question in questions(database):
        statements = await sent_by(question)
        assert statements, name
        for statement, values in statements:
            found += [f"{name}: {fault}\n{statement}" for fault in explained(engine, name, statement, values)]
    return found


def _explained_by_sqlite(engine: Engine, name: str, statement: str, values: Any) -> Iterator[str]:
    aliases = dict(re.findall(r"(?:FROM|JOIN) (\w+) AS (\w+)", statement))
    tables = GROWING | {alias for table, alias in aliases.items() if table in GROWING}
    with engine.connect() as connection:
        steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    for step in steps:
        verb, _, rest = step.partition(" ")
        walked = verb == "SCAN" and rest.split()[0] in tables
        if walked and not ("INDEX" in rest and _plain(name) in WALKED):
            yield step
        coarse = next((column for column in COARSE if f"ix_claims_{column} " in step), None)
        if coarse is not None and _plain(name) not in COARSE[coarse]:
            yield step
        if "TEMP B-TREE FOR ORDER BY" in step and _plain(name) not in SORTED:
            yield step


def _explained_by_postgres(engine: Engine, name: str, statement: str, values: Any) -> Iterator[str]:
    with engine.connect() as connection:
        # So few rows are read whole sooner. What matters is whether there is another way: then these make it taken.
        ways = ["seqscan", "bitmapscan", "hashjoin", "mergejoin", "hashagg"]
        for way in ways if _plain(name) in SORTED else [*ways, "sort", "incremental_sort"]:
            connection.execute(text(f"SET LOCAL enable_{way} = off"))
        ((plan,),) = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
    tree = plan if isinstance(plan, list) else json.loads(plan)
    for node in _nodes(tree[0]["Plan"]):
        kind, table = node["Node Type"], node.get("Relation Name")
        if (
            table in GROWING
            and kind != "ModifyTable"
            and "Index Cond" not in node
            and not (kind.startswith("Index") and _plain(name) in WALKED)
        ):
            yield f"{kind} on {table}"
        passed_over = node.get("Rows Removed by Filter", 0) * node["Actual Loops"]
        if table in GROWING and passed_over > A_FEW and not (" and " in name or _plain(name) in WALKED | SORTED):
            yield f"{kind} on {table} passes over {passed_over} rows"
        of_many = any(below.get("Relation Name") in GROWING for below in _nodes(node))
        if kind.endswith("Sort") and of_many and _plain(name) not in SORTED:
            yield f"{kind} by {node['Sort Key']}"


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


def _plain(name: str) -> str:
    return name.removesuffix(", on")


async def test_a_page_says_its_length_where_the_planner_sees_it(stored: Database) -> None:
    asked: list[Question] = [
        partial(Queries(stored).claims, ClaimFilter(), 7),
        partial(Queries(stored).shipping_requests, ShippingFilter(), 7),
    ]
    for question in asked:
        texts = [text for text, _ in await sent_by(question)]
        assert texts
        assert all("LIMIT 8" in text for text in texts), texts


async def test_whatever_is_listed_or_looked_up_is_found_by_an_index(stored: Database, database_url: str) -> None:
    found = await faults(stored, database_url)
    assert not found, "\n\n".join(found)


@pytest.mark.parametrize(
    ("index", "question"),
    [
        ("ix_claims_newest", NEWEST),
        ("ix_claims_region", "claims by region"),
        ("ix_claims_state", "claims by state"),
        ("ix_claims_due", "claims by due_before"),
        ("ix_claim_attention_code", "claims by attention"),
        ("ix_terms_ending", "reminders"),
        ("ix_claim_events_timeline", "timeline"),
        ("ix_dispatch_requests_place", "what was shipped"),
        ("ix_gateway_payments_subject", "a claim's payments"),
        ("ix_payment_attempts_subject", "subjects to reconcile"),
        ("ix_outbox_mails_due", "mails that are due"),
        ("ix_outbox_mails_given_up", "mails that were given up"),
    ],
)
async def test_an_index_that_is_gone_is_missed(stored: Database, database_url: str, index: str, question: str) -> None:
    engine = plain_engine(database_url)
    gone = next(kept for table in METADATA.tables.values() for kept in table.indexes if kept.name == index)
    with engine.begin() as connection:
        gone.drop(connection)
    try:
        found = await faults(stored, database_url)
    finally:
        with engine.begin() as connection:
            gone.create(connection)
    assert any(fault.startswith(f"{question}:") for fault in found)
