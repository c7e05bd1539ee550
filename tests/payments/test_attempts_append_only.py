"""The table of payment attempts is append-only, on both engines."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from store.database import Database, execute
from tests.payments.recorded_attempts import (
    attempts,
    leave_an_attempt,
)

RESULT = "answer = '{}', answered_at = '2026-11-29 00:00:00+00:00'"


@pytest.mark.parametrize("has_result", [True, False], ids=["with_result", "without_result"])
@pytest.mark.parametrize(
    "change",
    [
        "key = 'another'",
        "subject = 'another'",
        "purpose = 'refund'",
        "acts_on = 'another'",
        "amount = amount + 1",
        "amount = NULL, currency = NULL",
        "currency = 'EUR'",
        "fingerprint = 'another'",
        "first_sent_at = '2026-11-28 00:00:00+00:00'",
    ],
)
async def test_what_was_requested_is_never_changed(database: Database, change: str, has_result: bool) -> None:
    for values in (change, f"{change}, {RESULT}"):
        await refuses(database, f"UPDATE payment_attempts SET {values}", has_result=has_result)  # noqa: S608  ours


@pytest.mark.parametrize("values", [RESULT, "answer = NULL, answered_at = NULL"])
async def test_a_result_is_never_changed(database: Database, values: str) -> None:
    await refuses(database, f"UPDATE payment_attempts SET {values}", has_result=True)  # noqa: S608  the test's own


@pytest.mark.parametrize("has_result", [True, False], ids=["with_result", "without_result"])
async def test_no_attempt_is_removed(database: Database, has_result: bool) -> None:
    await refuses(database, "DELETE FROM payment_attempts", has_result=has_result)


async def test_the_attempts_are_not_emptied_on_postgresql(postgres_url: str) -> None:
    database = Database(postgres_url)
    try:
        await refuses(database, "TRUNCATE payment_attempts", has_result=True)
    finally:
        await database.close()


async def test_no_attempt_is_replaced_on_sqlite(sqlite_database: Database) -> None:
    """INSERT OR REPLACE is left undone."""
    await leave_an_attempt(sqlite_database, has_result=True)
    before = await attempts(sqlite_database)
    async with sqlite_database.transaction() as session:
        statement = (
            "INSERT OR REPLACE INTO payment_attempts (key, subject, purpose, acts_on, fingerprint, first_sent_at) "
            "SELECT key, 'another', purpose, acts_on, fingerprint, first_sent_at FROM payment_attempts"
        )
        await execute(session, text(statement))
    assert await attempts(sqlite_database) == before


async def refuses(database: Database, statement: str, *, has_result: bool) -> None:
    """The table is append-only."""
    await leave_an_attempt(database, has_result=has_result)
    before = await attempts(database)
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction() as session:
            await execute(session, text(statement))
    assert await attempts(database) == before
