"""CLI: ``aftercare ledger``: the double-entry ledger as CSV and as balances."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer
from rich.console import Console
from rich.table import Table

from cli.common import run_in_read_session
from domain.money import Money, total
from settings import SettingsError

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from store.reads.ledger_export import Balance, Unbalanced
    from store.tables.ledger import LedgerEntryRow

ledger_app = typer.Typer(no_args_is_help=True, help="The double-entry ledger: export it, sum it up.")

COLUMNS = ("at", "subject", "account", "amount", "currency", "decimal_amount", "key")


@ledger_app.command("export")
def export(
    from_: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day, UTC: 2026-11-01.")],
    to: Annotated[str, typer.Option("--to", metavar="DATE", help="The day behind the last one, UTC: 2026-12-01.")],
    output: Annotated[Path | None, typer.Option(help="Where to; without it, to the screen.")] = None,
) -> None:
    """Write the ledger's lines from --from (included) to --to (excluded) as CSV, by moment. Both are days in UTC.

    `amount` is in minor units, `decimal_amount` the same with the currency's digits. What the programme takes is
    positive on its account and negative on `card`; the lines of one `key` sum to zero. The moment is the claim's own,
    which a fast-forward in development moves ahead.
    """
    start, end = _day("--from", from_), _day("--to", to)
    if start >= end:
        raise SettingsError(f"--from {from_} must come before --to {to}: the day of --to is no longer included")

    async def write(session: AsyncSession) -> int:
        from store.reads.ledger_export import entries

        count = 0
        with _open_output(output) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            async for page in entries(session, start, end):
                writer.writerows(map(_csv_row, page))
                count += len(page)
        return count

    count = run_in_read_session(write)
    typer.echo(f"{count} lines{f' written to {output}' if output else ''}", err=True)


@ledger_app.command("balances")
def balances(
    at: Annotated[
        str | None, typer.Option("--at", metavar="DATE", help="As at the end of that day, UTC; without it, all lines.")
    ] = None,
) -> None:
    """Show what stands on each account, recomputed from the lines. Ends with 1 when a sum is not zero."""
    before = _day("--at", at, days=1) if at is not None else None

    async def read(session: AsyncSession) -> tuple[tuple[Balance, ...], tuple[Unbalanced, ...]]:
        from store.reads import ledger_export

        return await ledger_export.balances(session, before), await ledger_export.unbalanced(session)

    accounts, unbalanced = run_in_read_session(read)
    if not accounts:
        typer.echo("Nothing was ever booked" + (f" up to {at}" if at else ""))
    for table in _tables(accounts):
        Console().print(table)
    for each in unbalanced:
        typer.secho(f"{each.key}: the lines sum to {each.off_by}, not to zero", fg="red", err=True)
    if unbalanced or any(_totals(accounts)):
        typer.secho("The ledger does not balance: somebody wrote to it past the programme", fg="red", err=True)
        raise typer.Exit(1)


def _csv_row(row: LedgerEntryRow) -> tuple[str | int, ...]:
    decimal = Money(row.amount, row.currency).decimal
    at = row.at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    return at, row.subject, row.account, row.amount, row.currency, decimal, row.key


def _totals(accounts: tuple[Balance, ...]) -> list[Money]:
    """The sum of all accounts by currency, ordered by currency."""
    amounts = [balance.amount for balance in accounts]
    currencies = sorted({money.currency for money in amounts})
    return [total([money for money in amounts if money.currency == currency], currency) for currency in currencies]


def _tables(accounts: tuple[Balance, ...]) -> Iterator[Table]:
    """A table for each currency, with its sum in the footer."""
    for money in _totals(accounts):
        table = Table("account", title=money.currency, title_justify="left", show_footer=True)
        table.columns[0].footer = "sum"
        table.add_column("balance", footer=money.decimal, justify="right")
        for balance in accounts:
            if balance.amount.currency == money.currency:
                table.add_row(balance.account, balance.amount.decimal)
        yield table


def _day(option: str, text: str, days: int = 0) -> datetime:
    """The start of the day `text` in UTC, or of the day that many `days` later. Raises SettingsError."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=days)
    except (ValueError, OverflowError):
        raise SettingsError(f"{option} is a day like 2026-11-01, not {text!r}") from None


@contextmanager
def _open_output(output: Path | None) -> Iterator[TextIO]:
    """The file to write to. It gets its final name when it is complete, so that a partial export is never used."""
    if output is None:
        yield sys.stdout
        return
    unfinished = output.with_name(f"{output.name}.part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            yield file
        os.replace(unfinished, output)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise SettingsError(f"{output} cannot be written: {error.strerror}") from error
