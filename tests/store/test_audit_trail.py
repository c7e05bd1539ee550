"""The audit trail, on both engines: append-only, listed newest first by each filter."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from store.audit_trail import AuditEntry, AuditFilter, AuditTrail
from store.database import Database, execute
from store.reads.claim_list import InvalidCursor, write_cursor

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def entry(minute: int, **fields: Any) -> AuditEntry:
    values = {"actor_id": "key_a", "actor": "Ada", "role": "staff", "action": "waive_charge", "status": 200} | fields
    return AuditEntry(at=NOW + timedelta(minutes=minute), **values)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_entries SET actor = 'Bob'", "UPDATE audit_entries SET status = 201", "DELETE FROM audit_entries"],
)
async def test_no_entry_is_changed_or_removed(database: Database, statement: str) -> None:
    await refuses(database, statement)


async def test_the_trail_is_not_emptied_on_postgresql(postgres_url: str) -> None:
    database = Database(postgres_url)
    try:
        await refuses(database, "TRUNCATE audit_entries")
    finally:
        await database.close()


async def test_no_entry_is_replaced_on_sqlite(sqlite_database: Database) -> None:
    await refuses(
        sqlite_database,
        "INSERT OR REPLACE INTO audit_entries (id, at, actor_id, actor, action, status) "
        "SELECT id, at, actor_id, 'Bob', action, status FROM audit_entries",
    )


async def refuses(database: Database, statement: str) -> None:
    trail = AuditTrail(database)
    await trail.add([entry(0)])
    before = await trail.page(AuditFilter(), 10)
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction() as session:
            await execute(session, text(statement))
    assert await trail.page(AuditFilter(), 10) == before
    assert len(before.items) == 1


@pytest.mark.parametrize(
    ("filters", "chosen"),
    [
        (AuditFilter(), lambda e: True),
        (AuditFilter(claim_id="clm_1"), lambda e: e.claim_id == "clm_1"),
        (AuditFilter(serial_number="SN1"), lambda e: e.serial_number == "SN1"),
        (AuditFilter(actor="key_b"), lambda e: e.actor_id == "key_b"),
        (AuditFilter(action="get_device"), lambda e: e.action == "get_device"),
        (AuditFilter(since=NOW + timedelta(minutes=3)), lambda e: e.at >= NOW + timedelta(minutes=3)),
        (AuditFilter(until=NOW + timedelta(minutes=3)), lambda e: e.at < NOW + timedelta(minutes=3)),
        (
            AuditFilter(claim_id="clm_1", actor="key_b", until=NOW + timedelta(minutes=5)),
            lambda e: e.claim_id == "clm_1" and e.actor_id == "key_b" and e.at < NOW + timedelta(minutes=5),
        ),
    ],
)
async def test_each_filter_chooses_and_pages_have_every_entry_once(
    database: Database, filters: AuditFilter, chosen: Callable[[AuditEntry], bool]
) -> None:
    written = [
        entry(
            number // 2,
            claim_id="clm_1" if number % 2 else None,
            serial_number="SN1" if number % 3 else "SN2",
            actor_id="key_b" if number % 5 else "key_a",
            action="get_device" if number % 4 else "waive_charge",
        )
        for number in range(17)
    ]
    trail = AuditTrail(database)
    await trail.add(written[:9])
    await trail.add(written[9:])
    found: list[AuditEntry] = []
    cursor = None
    while True:
        page = await trail.page(filters, 4, cursor)
        found += page.items
        if (cursor := page.next_cursor) is None:
            break
    assert [each.id for each in found] == sorted((each.id for each in found), reverse=True)
    assert [each.model_copy(update={"id": 0}) for each in reversed(found)] == [e for e in written if chosen(e)]
    assert found


async def test_a_cursor_of_another_list_is_refused(database: Database) -> None:
    for position in ("clm_1", "9" * 19, "-1", "²"):
        with pytest.raises(InvalidCursor):
            await AuditTrail(database).page(AuditFilter(), 10, write_cursor((NOW, position)))
