"""What is held, at risk, captured and refunded, as the metrics have it: what the ledger's lines say, each read once."""

from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import select

from benchmarks.growth import programme
from domain.kinds import Attention
from domain.money import Money
from store.database import Database
from store.reads.ledger import CARD, HOLDS_OPEN
from store.reads.ledger_totals import LedgerTotals, Totals
from store.seed import demo_catalogue
from store.tables.claims import AttentionRow
from store.tables.ledger import LedgerEntryRow
from store.writes.ledger import book_charge, book_hold_captured, book_hold_ended, book_hold_placed, book_refund
from tests.payments.empty_database import empty_database

AT = datetime(2026, 11, 30, tzinfo=UTC)
HOLD, FEE, PART = Money(164_000, "USD"), Money(15_900, "USD"), Money(1_200, "USD")
YEN = Money(18_600, "JPY")


async def read(totals: LedgerTotals, database: Database) -> Totals:
    async with database.snapshot() as session:
        return await totals.read(session)


async def book(database: Database, claim: str) -> None:
    """A hold that is captured in part, one that is released, a fee that is charged and given back in part."""
    async with database.transaction() as session:
        await book_hold_placed(session, claim, f"{claim}:a", AT, HOLD)
        await book_hold_captured(session, claim, f"{claim}:b", AT, HOLD, PART, "parts_charges")
        await book_hold_placed(session, claim, f"{claim}:c", AT, HOLD)
        await book_hold_ended(session, claim, f"{claim}:d", AT, HOLD)
        await book_charge(session, claim, f"{claim}:e", AT, FEE, "service_fees")
        await book_charge(session, claim, f"{claim}:f", AT, YEN, "service_fees")
        await book_refund(session, claim, f"{claim}:g", AT, PART, "service_fees")


async def test_amounts_are_by_currency_and_an_ended_hold_is_not_held(database: Database) -> None:
    await book(database, "clm_1")
    async with database.transaction() as session:
        await book_hold_placed(session, "clm_2", "clm_2:a", AT, HOLD)
    found = await read(LedgerTotals(), database)
    assert found.held == {"USD": HOLD.amount}
    assert found.captured == {"USD": PART.amount + FEE.amount, "JPY": YEN.amount}
    assert found.refunded == {"USD": PART.amount, "JPY": 0}


async def test_a_hold_is_at_risk_while_its_claim_is_flagged(database: Database, database_url: str) -> None:
    programme.write(database_url, 8, demo_catalogue())
    claim = programme.customer(3).claim_id
    before = await read(LedgerTotals(), database)
    async with database.transaction() as session:
        await book_hold_placed(session, claim, f"{claim}:another", AT, HOLD)
        await book_hold_placed(session, "clm_other", "clm_other:a", AT, HOLD)
        held = [
            line.amount
            for line in await session.exec(select(LedgerEntryRow).where(LedgerEntryRow.subject == claim))
            if line.account == HOLDS_OPEN and line.currency == "USD"
        ]
        session.add(AttentionRow(claim_id=claim, code=Attention.HOLD_AT_RISK.value, opened_at=AT))
    found = await read(LedgerTotals(), database)
    assert found.at_risk["USD"] - before.at_risk["USD"] == sum(held)


async def test_kept_sums_and_new_lines_are_the_whole_ledger(database: Database, database_url: str) -> None:
    programme.write(database_url, 8, demo_catalogue())
    totals = LedgerTotals(newest=4)
    for number in range(3):
        await book(database, f"clm_more{number}")
        found = await read(totals, database)
        async with database.snapshot() as session:
            lines = (await session.exec(select(LedgerEntryRow))).all()
        on_cards = [line for line in lines if (line.account, line.currency) == (CARD, "USD")]
        assert found.held["USD"] == sum(
            line.amount for line in lines if (line.account, line.currency) == (HOLDS_OPEN, "USD")
        )
        assert found.captured["USD"] == -sum(min(line.amount, 0) for line in on_cards)
        assert found.refunded["USD"] == sum(max(line.amount, 0) for line in on_cards)


async def test_lines_are_not_read_again(database: Database, tmp_path: Path) -> None:
    """Where there are no lines the kept sums are found alone."""
    await book(database, "clm_1")
    totals = LedgerTotals(newest=0)
    found = await read(totals, database)
    empty = empty_database(tmp_path)
    assert (await read(totals, empty)).captured == found.captured
    await empty.close()
