"""The ledger: double entry, once per key, and lines are never changed, on both engines."""

from typing import get_args

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from domain.money import Money
from messages.payments import CaptureHold, ChargeCard, RefundPayment
from store.database import Database, execute
from store.reads.ledger import ACCOUNTS, CARD
from store.tables.simulated_gateway import GatewayPaymentRow
from store.writes.ledger import LedgerConflict, book_charge, post
from tests.payments.requests import CLAIM, NOW, booked, later

FEE = Money(3_900, "USD")
KEY = f"{CLAIM}:fee"


async def book(database: Database) -> None:
    async with database.transaction() as session:
        await book_charge(session, CLAIM, KEY, NOW, FEE, "service_fees")


async def test_lines_have_moment_account_amount_and_key(database: Database) -> None:
    await book(database)
    view = await booked(database)
    assert [(line.at, line.account, line.amount, line.currency, line.key) for line in view.entries] == [
        (NOW, "card", -3_900, "USD", KEY),
        (NOW, "service_fees", 3_900, "USD", KEY),
    ]
    assert view.balances == {"card": (-FEE,), "service_fees": (FEE,)}
    assert view.balance("parts_charges", "USD") == Money(0, "USD")


async def test_the_same_lines_again_change_nothing(database: Database) -> None:
    await book(database)
    async with database.transaction() as session:
        await book_charge(session, CLAIM, KEY, later(hours=1), FEE, "service_fees")
    assert len((await booked(database)).entries) == 2


@pytest.mark.parametrize(("amount", "account"), [(3_901, "service_fees"), (3_900, "plan_sales")])
async def test_other_lines_under_the_same_key_are_a_conflict(database: Database, amount: int, account: str) -> None:
    await book(database)
    with pytest.raises(LedgerConflict):
        async with database.transaction() as session:
            await book_charge(session, CLAIM, KEY, NOW, Money(amount, "USD"), account)


async def test_what_does_not_sum_to_zero_is_not_booked(database: Database) -> None:
    for lines in ({CARD: FEE}, {CARD: -FEE, "service_fees": Money(3_900, "EUR")}, {CARD: -FEE, "tips": FEE}):
        with pytest.raises(ValueError):
            async with database.transaction() as session:
                await post(session, CLAIM, KEY, NOW, lines)
    assert (await booked(database)).entries == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entries SET amount = amount * 2",
        "UPDATE ledger_entries SET account = 'plan_sales' WHERE account = 'service_fees'",
        "DELETE FROM ledger_entries",
        "DELETE FROM ledger_entries WHERE account = 'card'",
    ],
)
async def test_no_line_is_changed_or_removed(database: Database, statement: str) -> None:
    await book(database)
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction() as session:
            await execute(session, text(statement))
    assert (await booked(database)).balances == {"card": (-FEE,), "service_fees": (FEE,)}


async def test_no_line_is_replaced_on_sqlite(sqlite_database: Database) -> None:
    await book(sqlite_database)
    statement = (
        "INSERT OR REPLACE INTO ledger_entries (at, subject, account, amount, currency, key) "
        "SELECT at, subject, account, amount * 2, currency, key FROM ledger_entries WHERE true"
    )
    with pytest.raises(DBAPIError, match="append-only"):
        async with sqlite_database.transaction() as session:
            await execute(session, text(statement))


@pytest.mark.parametrize(
    ("column", "value"),
    [("captured", 1001), ("captured", -1), ("refunded", 801), ("refunded", -1), ("state", "released"), ("amount", 0)],
)
async def test_the_database_itself_refuses_impossible_payments(database: Database, column: str, value: object) -> None:
    row = GatewayPaymentRow(
        id="pay_a",
        subject=CLAIM,
        kind="charge",
        amount=1000,
        currency="USD",
        captured=800,
        state="captured",
        payment_method="pm_card_visa",
        reference=KEY,
        created_at=NOW,
    )
    async with database.transaction() as session:
        session.add(row)
    statement = text(f"UPDATE gateway_payments SET {column} = :value")  # noqa: S608  the names are the test's own
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await execute(session, statement, {"value": value})


def test_the_ledger_has_every_account_that_messages_name() -> None:
    """A charge to be booked on an unknown account would be retried for ever."""
    named = {
        account
        for message in (CaptureHold, ChargeCard, RefundPayment)
        for account in get_args(message.model_fields["account"].annotation)
    }
    assert named <= set(ACCOUNTS)
