"""`aftercare ledger`: the whole ledger as CSV, whatever its length, and its balances computed from the lines."""

import csv
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.money import Money
from store.database import Database
from store.reads import ledger_export
from store.tables.ledger import LedgerEntryRow
from store.writes.ledger import book_charge, book_hold_placed, book_refund

Command = Callable[..., tuple[int, str]]
NOVEMBER, DECEMBER = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MONTH = ("--from", "2026-11-01", "--to", "2026-12-01")
HEAD = "at,subject,account,amount,currency,decimal_amount,key"


async def charge(database: Database, key: str, at: datetime, money: Money, account: str = "service_fees") -> None:
    async with database.transaction() as session:
        await book_charge(session, key.partition(":")[0], key, at, money, account)


async def plant(database: Database, amount: int, key: str = "clm_x:planted") -> None:
    """Writes one line without its counterpart, bypassing `store.writes.ledger`."""
    async with database.transaction() as session:
        at = NOVEMBER + SECOND
        session.add(
            LedgerEntryRow(at=at, subject="clm_x", account="service_fees", amount=amount, currency="USD", key=key)
        )


async def test_a_month_includes_its_first_instant_and_excludes_the_next_months(
    database: Database, aftercare: Command
) -> None:
    fee = Money(15_900, "USD")
    for name, at in (("a", NOVEMBER), ("b", DECEMBER - SECOND), ("c", DECEMBER), ("d", NOVEMBER - SECOND)):
        await charge(database, f"clm_{name}:fee", at, fee)
    code, output = aftercare("ledger", "export", *MONTH)
    assert code == 0
    assert output.splitlines() == [
        HEAD,
        "2026-11-01T00:00:00Z,clm_a,card,-15900,USD,-159.00,clm_a:fee",
        "2026-11-01T00:00:00Z,clm_a,service_fees,15900,USD,159.00,clm_a:fee",
        "2026-11-30T23:59:59Z,clm_b,card,-15900,USD,-159.00,clm_b:fee",
        "2026-11-30T23:59:59Z,clm_b,service_fees,15900,USD,159.00,clm_b:fee",
        "4 lines",
    ]


async def test_amounts_have_the_decimals_of_their_currency(database: Database, aftercare: Command) -> None:
    """Edge case 55."""
    for currency in ("JPY", "KWD"):
        await charge(database, f"clm_{currency}:fee", NOVEMBER, Money(1_234, currency))
    _, output = aftercare("ledger", "export", *MONTH)
    rows = list(csv.DictReader(output.splitlines()[:-1]))
    taken = {row["currency"]: (row["amount"], row["decimal_amount"]) for row in rows if row["account"] != "card"}
    assert taken == {"JPY": ("1234", "1234"), "KWD": ("1234", "1.234")}


async def test_an_export_to_a_file_reports_its_number_of_lines(
    database: Database, aftercare: Command, tmp_path: Path
) -> None:
    await charge(database, "clm_a:fee", NOVEMBER, Money(1, "USD"))
    file = tmp_path / "november.csv"
    assert aftercare("ledger", "export", *MONTH, "--output", file) == (0, f"2 lines written to {file}\n")
    assert len(file.read_text().splitlines()) == 3
    assert not file.with_name("november.csv.part").exists()


async def test_a_file_that_cannot_be_written_is_reported(aftercare: Command, tmp_path: Path) -> None:
    code, output = aftercare("ledger", "export", *MONTH, "--output", tmp_path / "nowhere" / "x.csv")
    assert (code, output) == (2, f"{tmp_path}/nowhere/x.csv cannot be written: No such file or directory\n")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--from", "yesterday", "--to", "2026-12-01"), "--from is a day like 2026-11-01, not 'yesterday'"),
        (("--from", "2026-11-01", "--to", "2026-11-31"), "--to is a day like 2026-11-01, not '2026-11-31'"),
        (("--from", "2026-11-01", "--to", "2026-11-01"), "--from 2026-11-01 must come before --to 2026-11-01"),
        (("--from", "2026-12-01", "--to", "2026-11-01"), "--from 2026-12-01 must come before --to 2026-11-01"),
    ],
)
async def test_invalid_periods_are_reported(aftercare: Command, options: tuple[str, ...], sentence: str) -> None:
    code, output = aftercare("ledger", "export", *options)
    assert code == 2
    assert output.startswith(sentence)


async def test_a_database_without_tables_is_reported(
    aftercare: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFTERCARE_DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")
    for words in (("export", *MONTH), ("balances",)):
        code, output = aftercare("ledger", *words)
        assert (code, output) == (2, "The database has no tables yet: run `aftercare db upgrade`\n")


async def test_an_unreachable_database_is_reported(aftercare: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERCARE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    code, output = aftercare("ledger", "balances")
    assert code == 2
    assert output.startswith("The database does not answer: ")
    assert "Traceback" not in output


async def test_pages_list_every_line_once_although_many_have_the_same_instant(database: Database) -> None:
    for number in range(5):
        await charge(database, f"clm_{number}:fee", NOVEMBER, Money(1, "USD"))
    async with database.snapshot() as session:
        pages = [page async for page in ledger_export.entries(session, NOVEMBER, DECEMBER, 3)]
    assert [len(page) for page in pages] == [3, 3, 3, 1]
    assert len({row.id for page in pages for row in page}) == 10


async def test_a_long_ledger_is_exported_in_constant_memory(
    sqlite_database: Database, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aftercare: Command
) -> None:
    """An export of ten times the lines takes no more memory."""
    monkeypatch.setenv("AFTERCARE_DATABASE_URL", sqlite_url)
    peaks = []
    for upto in (2_000, 20_000):
        async with sqlite_database.transaction() as session:
            session.add_all(
                LedgerEntryRow(
                    at=NOVEMBER + SECOND, subject="s", account="card", amount=1, currency="USD", key=f"{upto}:{number}"
                )
                for number in range(upto)
            )
        tracemalloc.start()
        assert aftercare("ledger", "export", *MONTH, "--output", tmp_path / "all.csv")[0] == 0
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 2_000_000


async def test_balances_are_recomputed_and_sum_to_zero_for_each_currency(
    database: Database, aftercare: Command
) -> None:
    await charge(database, "clm_a:fee", NOVEMBER, Money(15_900, "USD"))
    await charge(database, "clm_b:fee", NOVEMBER, Money(900, "JPY"))
    async with database.transaction() as session:
        await book_hold_placed(session, "clm_a", "clm_a:authorize:0", NOVEMBER, Money(164_000, "USD"))
        await book_refund(session, "clm_a", "clm_a:refund:0", DECEMBER, Money(5_900, "USD"), "service_fees")
    async with database.snapshot() as session:
        found = {
            (each.amount.currency, each.account): each.amount.amount for each in await ledger_export.balances(session)
        }
        november = await ledger_export.balances(session, DECEMBER)
    assert found == {
        ("JPY", "card"): -900,
        ("JPY", "service_fees"): 900,
        ("USD", "card"): -10_000,
        ("USD", "service_fees"): 10_000,
        ("USD", "holds_open"): 164_000,
        ("USD", "holds_placed"): -164_000,
    }
    assert ledger_export.Balance("service_fees", Money(15_900, "USD")) in november
    code, output = aftercare("ledger", "balances")
    assert code == 0
    lines = [line.strip("┃│ ").split() for line in output.splitlines()]
    assert [words[-1] for words in lines if words and words[0] == "sum"] == ["0", "0.00"]
    assert [words[-1] for words in lines if words and words[0] == "service_fees"] == ["900", "100.00"]
    _, then = aftercare("ledger", "balances", "--at", "2026-11-30")
    assert "159.00" in then
    assert aftercare("ledger", "balances", "--at", "2026-10-31") == (0, "Nothing was ever booked up to 2026-10-31\n")


async def test_an_unbalanced_ledger_exits_with_one(database: Database, aftercare: Command) -> None:
    await plant(database, 500)
    code, output = aftercare("ledger", "balances")
    assert code == 1
    assert "clm_x:planted: the lines sum to USD 5.00, not to zero" in output
    assert output.endswith("The ledger does not balance: somebody wrote to it past the programme\n")


async def test_two_unbalanced_keys_that_cancel_out_are_reported(database: Database, aftercare: Command) -> None:
    await plant(database, 500)
    await plant(database, -500, "clm_x:other")
    code, output = aftercare("ledger", "balances")
    assert code == 1
    assert "clm_x:planted" in output
    assert "clm_x:other" in output
