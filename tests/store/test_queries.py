"""The queries: status page, claim list with cursors, timeline, quotes."""

import base64
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import sqlite
from sqlmodel import col, select

from domain.claim import Claim
from domain.kinds import Attention, ClaimState, Outcome, Service, TermKind, Tier
from domain.money import Money
from domain.policy import Policy
from domain.returns import window
from store.database import Database
from store.reads.claim_list import claim_page, read_cursor, write_cursor
from store.reads.queries import ClaimFilter, InvalidCursor, Queries
from store.tables.claims import ClaimRow, EventRow
from tests.store.programme import NOW, Programme, line


async def make_claims(programme: Programme, count: int) -> list[Claim]:
    """`count` claims on as many devices, two in each second, oldest first."""
    claims = []
    for n in range(count):
        await programme.device(f"DX-200{n}", region="US" if n % 3 else "EU", email=f"{n}@example.com")
        at = NOW + timedelta(seconds=n // 2)
        country = "US" if n % 3 else "DE"
        claims.append((await programme.reserve(programme.reservation(f"DX-200{n}", at=at, country=country))).claim)
    return claims


async def test_pages_list_every_claim_once_newest_first(programme: Programme) -> None:
    claims = await make_claims(programme, 7)
    seen: list[Claim] = []
    cursor = None
    for _ in range(4):
        page = await programme.queries.claims(limit=2, cursor=cursor)
        seen += page.items
        cursor = page.next_cursor
        # A claim made meanwhile belongs before the first page and must change none of the others.
        await programme.device(f"NX-200{len(seen)}")
        await programme.reserve(programme.reservation(f"NX-200{len(seen)}", at=NOW + timedelta(hours=len(seen))))
    assert cursor is None
    assert seen == sorted(claims, key=lambda claim: (claim.opened_at, claim.id), reverse=True)


async def test_filters_narrow_the_list_together(programme: Programme) -> None:
    claims = await make_claims(programme, 6)
    due = window(NOW, 14, "UTC", (), Policy())
    flagged = replace(claims[4], state=ClaimState.AWAITING_RETURN, attention=(Attention.HOLD_AT_RISK,), returning=due)
    await programme.save(flagged)
    await programme.close(claims[3], Outcome.CANCELLED, gives_back=True)

    async def ids(filters: ClaimFilter) -> list[str]:
        return [claim.id for claim in (await programme.queries.claims(filters)).items]

    eu = [claims[3].id, claims[0].id]
    assert await ids(ClaimFilter(region="EU")) == eu
    assert await ids(ClaimFilter(region="EU", state=ClaimState.CLOSED)) == eu[:1]
    assert await ids(ClaimFilter(attention=Attention.HOLD_AT_RISK)) == [flagged.id]
    assert await ids(ClaimFilter(attention=Attention.REFUND_DUE)) == []
    assert await ids(ClaimFilter(serial_number="dx 2004")) == [flagged.id]
    assert await ids(ClaimFilter(due_before=due.due_at)) == []
    assert await ids(ClaimFilter(due_before=due.due_at + timedelta(seconds=1))) == [flagged.id]
    assert await ids(ClaimFilter(service=Service.FLYAWAY)) == []
    assert len(await ids(ClaimFilter(service=Service.CARE_EXPRESS))) == 6


@pytest.mark.parametrize("state", [None, ClaimState.AWAITING_RETURN])
async def test_the_due_list_is_ordered_by_due_instant_across_pages(
    programme: Programme, state: ClaimState | None
) -> None:
    expected = []
    for position, claim in enumerate(await make_claims(programme, 6)):
        if position == 2:
            continue  # a claim without a due instant
        returning = window(NOW + timedelta(days=(position * 7) % 4), 14, "UTC", (), Policy())
        await programme.save(replace(claim, state=ClaimState.AWAITING_RETURN, returning=returning))
        expected.append((returning.due_at, claim.id))
    filters = ClaimFilter(due_before=NOW + timedelta(days=17), state=state)
    expected = sorted((position for position in expected if position[0] < NOW + timedelta(days=17)), reverse=True)
    assert len(expected) < 5
    seen: list[str] = []
    cursor = None
    while True:
        page = await programme.queries.claims(filters, limit=2, cursor=cursor)
        seen += [claim.id for claim in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [claim_id for _, claim_id in expected]


def forged(opened_at: object, claim_id: object = "clm_1") -> str:
    """A forged cursor in the format of `write_cursor`."""
    return base64.urlsafe_b64encode(json.dumps([opened_at, claim_id]).encode()).decode().rstrip("=")


CURSORS = [
    *("", "x", "!!", "bnVsbA", "WyJhIiwiYiJd", "WyIyMDI1LTAxLTAxIiwiYiJd", "é", "\0", "[" * 5000),
    forged("0001-01-01T00:00:00+14:00"),
    forged("0001-01-01T00:00:00+00:00"),
    forged("9999-12-31T23:59:59-14:00"),
    forged("9999-12-31T23:59:59+00:00"),
    forged("2025-11-03T10:00:00"),
    forged("2025-11-03T10:00:00+01:00"),
    forged("20251103T100000+0000"),
    forged("2025-11-03T10:00:00+00:00", "clm\0"),
    forged("2025-11-03T10:00:00+00:00", "clm\ud800"),
    forged("2025-11-03T10:00:00+00:00", 7),
    forged(None),
    forged("2025-11-03T10:00:00+00:00") + "=",
    base64.urlsafe_b64encode(b"[" * 100_000).decode(),
]


@pytest.mark.parametrize("cursor", CURSORS)
async def test_a_cursor_that_was_not_issued_is_refused(sqlite_database: Database, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        await Queries(sqlite_database).claims(cursor=cursor)


async def test_every_claim_list_uses_an_index(sqlite_database: Database) -> None:
    position = (NOW, "clm_1")
    for filters in (
        ClaimFilter(),
        ClaimFilter(state=ClaimState.CLOSED),
        ClaimFilter(service=Service.FLYAWAY),
        ClaimFilter(serial_number="A"),
        ClaimFilter(region="US"),
        ClaimFilter(attention=Attention.REFUND_DUE),
        ClaimFilter(due_before=NOW),
        ClaimFilter(state=ClaimState.AWAITING_RETURN, due_before=NOW, attention=Attention.HOLD_AT_RISK),
    ):
        for after in (None, position):
            plan = await explain(sqlite_database, claim_page(filters, after, 50))
            assert all("INDEX" in step for step in plan if step.startswith(("SCAN", "SEARCH"))), (filters, plan)
            if filters.attention is None:
                assert not any("TEMP B-TREE" in step for step in plan), (filters, plan)


async def test_timeline_and_history_use_indexes(sqlite_database: Database) -> None:
    for query in (
        select(EventRow).where(EventRow.claim_id == "c", col(EventRow.id) > 1).order_by(col(EventRow.id)),
        select(ClaimRow.id).where(ClaimRow.open_lineage == "l"),
        select(ClaimRow).where(ClaimRow.lineage_id == "l").order_by(col(ClaimRow.opened_at), col(ClaimRow.id)),
    ):
        plan = await explain(sqlite_database, query)
        assert all("INDEX" in step for step in plan), plan
        assert not any("TEMP B-TREE" in step for step in plan), plan


async def explain(database: Database, query: object) -> list[str]:
    """The steps of SQLite's plan for `query`."""
    compiled = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[attr-defined]
    async with database.snapshot() as session:
        rows = await session.exec(text(f"EXPLAIN QUERY PLAN {compiled}"))  # type: ignore[call-overload]
        return [row[3] for row in rows]


async def test_the_timeline_continues_after_a_given_event(programme: Programme) -> None:
    await programme.device()
    claim = (await programme.reserve(programme.reservation())).claim
    await programme.save(claim, 1, events=(line(1), line(2)))
    first = await programme.queries.events(claim.id)
    await programme.save(claim, 2, events=(line(2), line(3)))
    following = await programme.queries.events(claim.id, first[-1].id)
    assert [event.title for event in following] == ["note 3"]
    numbers = [event.id for event in await programme.queries.events(claim.id)]
    assert numbers == sorted(set(numbers))
    assert await programme.queries.events("clm_none") == []


async def test_a_claim_is_read_back_as_it_was_saved(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation(replace_battery=True))
    sent = await programme.dispatch(reserved, "M3-2002")
    whole = replace(
        reserved.claim,
        state=ClaimState.AWAITING_RETURN,
        replacement_serial_number="M3-2002",
        dispatched_on=sent.dispatched_on,
        returning=sent.returning,
        deadline=NOW,
        wait_reason="the return",
    )
    await programme.save(whole)
    assert await programme.queries.claim(whole.id) == whole
    assert await programme.queries.claim("clm_none") is None
    assert await programme.queries.claim("clm\0none") is None


async def test_the_status_page_shows_cover_warranty_and_history(programme: Programme) -> None:
    """R-STA-1, R-PLN-4."""
    await programme.device(kind=TermKind.TWO_YEARS)
    shown = await programme.queries.device("M3-2001", NOW)
    assert shown is not None
    assert shown.model_dump(mode="json") == {
        "serial_number": "M3-2001",
        "model": "mavic-3",
        "category": "camera_drone",
        "region": "US",
        "status": "current",
        "owner": {"name": "Ada", "email": "ada@example.com", "phone": None, "language": None},
        "activated_at": "2025-07-26T17:30:00Z",
        "lineage": ["M3-2001"],
        "current_serial_number": "M3-2001",
        "binding": {"remote_controller": "RC1", "bound_at": "2025-07-26T17:30:00Z", "counts_for_flyaway": True},
        "care": {
            "periods": [{"term": "2y", "starts_on": "2025-07-26", "ends_on": "2027-07-26", "question": None}],
            "active": True,
            "ends_on": "2027-07-26",
            "renewable_until": "2027-08-10",
            "replacements": {"total": 4, "used": 0, "reserved": 0, "left": 4},
            "flyaway": {"total": 2, "used": 0, "reserved": 0, "left": 2},
        },
        "warranty": {"ends_on": "2027-07-26", "active": True},
        "service_history": [],
        "flyaway_records": [],
        "open_claim_id": None,
        "region_moves": [],
    }
    later = await programme.queries.device("M3-2001", datetime(2027, 8, 1, tzinfo=UTC))
    assert later is not None
    assert (later.care.active, later.warranty.active) == (False, False)
    assert later.care.replacements.total == 0
    assert later.care.renewable_until == date(2027, 8, 10)
    assert await programme.queries.device("NOBODY", NOW) is None


async def test_the_status_page_names_instants_to_the_second_as_claims_do(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation(at=NOW + timedelta(microseconds=999_999)))
    await programme.save(replace(reserved.claim, state=ClaimState.CLOSED, closed_at=NOW + timedelta(seconds=5.5)))
    shown = await programme.queries.device("M3-2001", NOW + timedelta(days=1))
    assert shown is not None
    assert [(case.opened_at, case.closed_at) for case in shown.service_history] == [(NOW, NOW + timedelta(seconds=5))]


async def test_a_quote_shows_fee_hold_window_and_default_charge(programme: Programme) -> None:
    await programme.device()
    quote = await programme.queries.quote(Service.CARE_EXPRESS, Tier.PREMIUM, "m3 2001", NOW)
    assert quote is not None
    assert (quote.fee, quote.hold, quote.default_charge) == (
        Money(15900, "USD"),
        Money(164000, "USD"),
        Money(164000, "USD"),
    )
    assert quote.return_window_days == 14
    assert quote.latest_arrival_example == datetime(2025, 11, 18, 7, 59, 59, tzinfo=UTC)
    standard = await programme.queries.quote(Service.CARE_EXPRESS, Tier.STANDARD, "M3-2001", NOW)
    assert standard is not None
    assert (standard.hold, standard.return_window_days, standard.default_charge) == (None, None, None)
    flyaway = await programme.queries.quote(Service.FLYAWAY, None, "M3-2001", NOW)
    assert flyaway is not None
    assert (flyaway.fee, flyaway.hold) == (Money(73900, "USD"), None)
    assert await programme.queries.quote(Service.CARE_EXPRESS, None, "NOBODY", NOW) is None
    await programme.device("ACTION", model="osmo-action-4", bound=False)
    assert await programme.queries.quote(Service.FLYAWAY, None, "ACTION", NOW) is None


def test_a_cursor_round_trips() -> None:
    position = (NOW, "clm_1")
    assert read_cursor(write_cursor(position)) == position
