"""Every statement of the product that lists or looks up rows, by name."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import combinations
from typing import Any, Final

from activities.payments.simulated.gateway import SimulatedGateway
from activities.record import DatabaseRecord
from benchmarks.growth import programme
from benchmarks.growth.queries import NOW, write_claim
from domain.kinds import Attention, ClaimState, Service
from domain.money import Money
from domain.policy import Policy
from messages.record import IdentifySerial
from store.audit_trail import AuditFilter, AuditTrail
from store.database import Database
from store.idempotency_keys import IdempotencyKeys
from store.reads import catalogue
from store.reads.claim_counts import open_claims
from store.reads.claim_list import ClaimFilter, write_cursor
from store.reads.delivered_notices import delivered_kinds
from store.reads.device_list import CareFilter, DeviceFilter, device_page
from store.reads.due_reminders import due_page
from store.reads.evidence import evidence
from store.reads.ledger import ledger
from store.reads.ledger_export import entries
from store.reads.outbox import due_mails, outbox_status, unreported_mails
from store.reads.queries import Queries
from store.reads.reconciliation import last_counts, last_report, subject_page
from store.reads.shipping_list import ShippingFilter
from store.webhook_events import WebhookEvents, parked_events
from store.writes.dispatch import identify_serial
from store.writes.outbox import FailedAttempt, mark_reported, record_attempts, retry_mails
from store.writes.payment_attempts import Attempt, lock_attempt, open_attempt, record_response

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
SHORT: Final = 8
FEW_END: Final = NOW + timedelta(days=180)
"""In the days after it few terms of the stored programme end, as is usual; at `NOW` half of them do."""
Query = Callable[[], Awaitable[object]]


def every_query(database: Database) -> Iterator[tuple[str, Query]]:
    """The queries of the product by name, each ready to be executed."""
    queries, keys, webhooks = Queries(database), IdempotencyKeys(database), WebhookEvents(database)
    customer = programme.customer(7)
    for values in filter_combinations():
        name = "claims by " + (" and ".join(values) or "nothing")
        yield name, partial(queries.claims, ClaimFilter(**values))
        yield f"{name}, next page", partial(queries.claims, ClaimFilter(**values), cursor=DEEP)
    for still_open, name in ((True, "open shipping requests"), (False, "closed shipping requests")):
        for region in (None, "AU"):
            chosen = ShippingFilter(open=still_open, region=region)
            label = f"{name} in {region}" if region else name
            yield label, partial(queries.shipping_requests, chosen)
            yield f"{label}, next page", partial(queries.shipping_requests, chosen, cursor=DEEP)
    yield "status page", lambda: queries.device(customer.serial_number, NOW)
    unit = IdentifySerial(serial_number=customer.serial_number, lineage_id="another")
    yield "lineage of a unit", lambda: in_snapshot(database, lambda s: identify_serial(s, unit))
    yield "claim", lambda: queries.claim(customer.claim_id)
    yield "claim with its address", lambda: queries.claim_with_address(customer.claim_id)
    yield "plans", lambda: queries.plans(customer.serial_number)
    yield "plans in question", queries.plan_questions
    yield "plans in question, next page", partial(queries.plan_questions, cursor=DEEP)
    yield "timeline", lambda: queries.events(customer.claim_id)
    yield "ends of timelines", lambda: queries.timeline_ends([customer.claim_id])
    yield "idempotency keys", lambda: keys.delete_before(NOW - timedelta(days=9999))
    yield "webhook", lambda: webhooks.state_of("stripe", "evt_1")
    yield "webhooks", lambda: webhooks.delete_before(NOW - timedelta(days=9999))
    yield "parked webhooks", lambda: in_snapshot(database, lambda s: parked_events(s, NOW))
    yield "ledger of a claim", lambda: in_snapshot(database, lambda s: ledger(s, customer.claim_id))
    yield "notices of a claim", lambda: in_snapshot(database, lambda s: evidence(s, customer.claim_id))
    owned = ClaimFilter(owner_email="ada@example.com")
    yield "claims of an owner", lambda: queries.claims(owned)
    yield "claims of an owner, next page", lambda: queries.claims(owned, cursor=DEEP)
    shipped = ClaimFilter(tracking_number="1Z999")
    yield "claims of a parcel", lambda: queries.claims(shipped)
    yield "claims of a parcel, next page", lambda: queries.claims(shipped, cursor=DEEP)
    called = ClaimFilter(q=customer.serial_number)
    yield "claims by q", lambda: queries.claims(called)
    yield "claims by q, next page", lambda: queries.claims(called, cursor=DEEP)
    place = NOW - timedelta(days=300), "SN5"
    for values in device_filters(customer.serial_number):
        name, filters = device_query(values), DeviceFilter(**values)
        at = FEW_END if filters.care is CareFilter.ENDING else NOW
        yield name, partial(device_page, database, filters, at, None, SHORT)
        yield f"{name}, next page", partial(device_page, database, filters, at, place, SHORT)
    trail = AuditTrail(database)
    audited: list[dict[str, Any]] = [
        {"claim_id": customer.claim_id},
        {"serial_number": customer.serial_number},
        {"actor": "key_7"},
        {"since": NOW - timedelta(minutes=SHORT)},
        {"until": NOW - timedelta(minutes=300)},
    ]
    for filters_ in ({}, *audited):
        name = "audit by " + (" and ".join(filters_) or "nothing")
        yield name, partial(trail.page, AuditFilter(**filters_), SHORT)
        yield f"{name}, next page", partial(trail.page, AuditFilter(**filters_), SHORT, write_cursor((NOW, "5")))
    yield "delivered notices of a claim", lambda: delivered_kinds(database, customer.claim_id)
    yield "due mails", lambda: due_mails(database, NOW, SHORT)
    yield "given-up mails", lambda: unreported_mails(database, SHORT)
    yield "mails in the outbox", lambda: outbox_status(database, 0)
    yield "attempts of mails", lambda: write_mail_attempts(database, customer.claim_id)
    yield "mails to retry", lambda: in_snapshot(database, retry_mails)
    yield "payment attempts", lambda: write_payment_attempt(database)
    yield "open claims", lambda: in_snapshot(database, open_claims)
    yield "last reconciliation", lambda: in_snapshot(database, last_report)
    yield "last reconciliation's counts", lambda: in_snapshot(database, last_counts)
    yield "ledger of a month", lambda: in_snapshot(database, ledger_of_a_month)
    yield "reminders", lambda: in_snapshot(database, due_reminders)
    yield "a claim's writes", lambda: write_claim(DatabaseRecord(database, Policy()), 7)
    yield "a claim's payments", lambda: call_gateway(database)
    yield "subjects to reconcile", lambda: in_snapshot(database, lambda s: subject_page(s, "rec_1", 9, None, SHORT))
    yield (
        "subjects to reconcile, next page",
        lambda: in_snapshot(database, lambda s: subject_page(s, "rec_1", 9, "clm_5", SHORT)),
    )


def filter_combinations() -> Iterator[dict[str, Any]]:
    """No filter, each filter, every pair, and all of them."""
    yield {}
    for name, value in FILTERS.items():
        yield {name: value}
    for one, other in combinations(FILTERS, 2):
        yield {one: FILTERS[one], other: FILTERS[other]}
    yield FILTERS


def device_query(values: dict[str, Any]) -> str:
    """The name of the query for devices with these filters."""
    return "devices by " + " and ".join(str(value) if key == "care" else key for key, value in values.items())


def device_filters(serial_number: str) -> Iterator[dict[str, Any]]:
    """Each filter of the list of devices, every pair, and a name of two words."""
    cares: list[dict[str, Any]] = [{"care": care} for care in CareFilter]
    others: list[dict[str, Any]] = [
        {"q": serial_number},
        {"owner_email": "ada@example.com"},
        {"model": "mavic-3"},
        {"region": "AU"},
    ]
    yield from ({"q": "ada zoe"}, *others, *cares)
    for one, other in combinations(others, 2):
        yield one | other
    for one in others:
        yield from (one | care for care in cares)


async def write_mail_attempts(database: Database, claim_id: str) -> None:
    """The writes for single mails in the outbox."""
    async with database.transaction() as session:
        await record_attempts(session, [], [1], [FailedAttempt(2, 1, NOW, NOW, "refused")])
        await mark_reported(session, [3])
        await retry_mails(session, claim_id)


async def write_payment_attempt(database: Database) -> None:
    """All statements of a payment attempt and its repetition."""
    attempt = Attempt("clm_new:fee", "clm_new", "charge", "service_fees", Money(5, "USD"), "fingerprint")
    async with database.transaction() as session:
        for _ in range(2):
            await open_attempt(session, attempt, NOW)
        await lock_attempt(session, attempt.key)
        await record_response(session, attempt.key, {"result": "charged"}, NOW)


async def in_snapshot(database: Database, read: Callable[[Any], Awaitable[object]]) -> object:
    async with database.snapshot() as session:
        return await read(session)


async def call_gateway(database: Database) -> object:
    """Every operation of the simulated gateway."""
    gateway, subject, amount = SimulatedGateway(database, environment="test"), "clm_new", Money(5, "USD")
    for card in ("pm_card_visa", "pm_card_heldTwice"):
        held = await gateway.authorize(amount, card, subject=subject, key=f"hold:{card}", at=NOW, sent_at=NOW)
    await gateway.release(held.id, key="release", at=NOW)
    charged = await gateway.charge(amount, "pm_card_visa", subject=subject, key="charge", at=NOW, sent_at=NOW)
    await gateway.refund(charged.id, amount, key="refund", at=NOW)
    await gateway.refund(charged.id, amount, key="refund", at=NOW)
    return await gateway.find(subject, at=NOW + timedelta(days=99))


async def ledger_of_a_month(session: Any) -> object:
    return [page async for page in entries(session, NOW - timedelta(days=30), NOW, 20)]


async def due_reminders(session: Any) -> object:
    region = await catalogue.region(session, "US")
    assert region is not None
    found = await due_page(session, region, programme.AS_OF, NOW, None, SHORT)
    assert found.due
    return found
