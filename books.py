"""A composition root: the commands on the programme's money. No room imports it."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from connect import connect, has_workers
from domain.money import Money, total
from domain.reconciliation import ADVICE
from preflight import StackError
from settings import SettingsError
from surroundings import migrated, prepared_settings

if TYPE_CHECKING:
    from rich.status import Status
    from sqlmodel.ext.asyncio.session import AsyncSession
    from temporalio.client import WorkflowHandle

    from messages.reconciliation import Reconciled
    from store.ledger_book import Balance, Unbalanced
    from store.payment_tables import LedgerEntryRow
    from store.reconciliation_view import Report
    from workflows.reconciliation import ReconcilePayments

ledger_app = typer.Typer(no_args_is_help=True, help="The double-entry ledger: export it, sum it up.")

COLUMNS = ("at", "subject", "account", "amount", "currency", "decimal_amount", "key")
BY_HAND = "reconciliation-by-hand"
"""The workflow that `aftercare reconcile` starts, or waits for when somebody has started it."""
AnswerT = TypeVar("AnswerT")


@ledger_app.command("export")
def ledger_export(
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

    async def export(session: AsyncSession) -> int:
        from store.ledger_book import entries

        count = 0
        with _opened(output) as file:
            sheet = csv.writer(file, lineterminator="\n")
            sheet.writerow(COLUMNS)
            async for page in entries(session, start, end):
                sheet.writerows(map(_cells, page))
                count += len(page)
        return count

    count = _reading(export)
    typer.echo(f"{count} lines{f' written to {output}' if output else ''}", err=True)


@ledger_app.command("balances")
def ledger_balances(
    at: Annotated[
        str | None, typer.Option("--at", metavar="DATE", help="As at the end of that day, UTC; without it, all lines.")
    ] = None,
) -> None:
    """Show what stands on each account, recomputed from the lines. Ends with 1 when a sum is not zero."""
    before = _day("--at", at, days=1) if at is not None else None

    async def sums(session: AsyncSession) -> tuple[tuple[Balance, ...], tuple[Unbalanced, ...]]:
        from store.ledger_book import balances, unbalanced

        return await balances(session, before), await unbalanced(session)

    found, wrong = _reading(sums)
    if not found:
        typer.echo("Nothing was ever booked" + (f" up to {at}" if at else ""))
    for table in _sheets(found):
        Console().print(table)
    unequal = [money for money in _sums(found) if money]
    for each in wrong:
        typer.secho(f"{each.key}: the lines sum to {each.off_by}, not to zero", fg="red", err=True)
    if unequal or wrong:
        typer.secho("The ledger does not balance: somebody wrote to it past the programme", fg="red", err=True)
        raise typer.Exit(1)


def _cells(row: LedgerEntryRow) -> tuple[str | int, ...]:
    decimal = Money(row.amount, row.currency).decimal
    moment = row.at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    return moment, row.subject, row.account, row.amount, row.currency, decimal, row.key


def _sums(found: tuple[Balance, ...]) -> list[Money]:
    """One for each currency, in the order of the currencies."""
    amounts = [balance.amount for balance in found]
    currencies = sorted({money.currency for money in amounts})
    return [total([money for money in amounts if money.currency == currency], currency) for currency in currencies]


def _sheets(found: tuple[Balance, ...]) -> Iterator[Table]:
    """A table for each currency, its sum in the last line."""
    for money in _sums(found):
        table = Table("account", title=money.currency, title_justify="left", show_footer=True)
        table.columns[0].footer = "sum"
        table.add_column("balance", footer=money.decimal, justify="right")
        for balance in found:
            if balance.amount.currency == money.currency:
                table.add_row(balance.account, balance.amount.decimal)
        yield table


def _reading(work: Callable[[AsyncSession], Awaitable[AnswerT]]) -> AnswerT:
    """What `work` answers from one look at the database."""
    from store.database import Database

    database = Database(migrated())

    async def look() -> AnswerT:
        try:
            async with database.reading() as session:
                return await work(session)
        finally:
            await database.close()

    return asyncio.run(look())


def _day(option: str, text: str, days: int = 0) -> datetime:
    """The beginning of that day in UTC, or of the one so many `days` later."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=days)
    except (ValueError, OverflowError):
        raise SettingsError(f"{option} is a day like 2026-11-01, not {text!r}") from None


def reconcile(
    last: Annotated[bool, typer.Option("--last", help="Show the last report instead of making a new one.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
    wait: Annotated[float, typer.Option(min=1, max=86400, help="How many seconds to wait for it.")] = 600,
) -> None:
    """Compare gateway, ledger, claims and processes now and say what differs and what to do. Changes none of them.

    Ends with 0 when everything agrees, 1 when something differs, 2 when it could not run.
    """
    from store import reconciliation_view

    if last:
        report = _reading(reconciliation_view.last_report)
        if report is None:
            raise StackError("There is no report yet: `aftercare reconcile` makes one")
    else:
        name = asyncio.run(_reconciled(wait))
        report = _reading(lambda session: reconciliation_view.report(session, name))
        if report is None:
            raise StackError(f"The worker wrote the report {name} into another database than AFTERCARE_DATABASE_URL")
    if as_json:
        typer.echo(_as_json(report))
    else:
        _show(report)
    raise typer.Exit(1 if report.findings else 0)


async def _reconciled(wait: float) -> str:
    """The id of the report of a reconciliation that was made now, or was under way."""
    from temporalio.client import WorkflowFailureError
    from temporalio.common import WorkflowIDConflictPolicy

    from messages.reconciliation import Reconcile
    from workflows.reconciliation import ReconcilePayments

    settings = prepared_settings()
    migrated()
    client = await connect(wait_seconds=settings.connect_seconds)
    if not await has_workers(client, settings.task_queue):
        raise StackError(f"No worker polls {settings.task_queue!r}: start one with `aftercare worker`")
    handle = await client.start_workflow(
        ReconcilePayments.run,
        Reconcile(),
        id=BY_HAND,
        task_queue=settings.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary="Reconciliation · by hand",
    )
    with Console(stderr=True).status("Reconciling ...") as status:
        result = asyncio.ensure_future(handle.result())
        telling = asyncio.ensure_future(_tell(handle, status))
        try:
            return (await asyncio.wait_for(result, wait)).reconciliation_id
        except TimeoutError:
            raise StackError(
                f"It is still going on after {wait:.0f} s, see {BY_HAND} in Temporal; "
                "`aftercare reconcile --last` shows the report when it is done"
            ) from None
        except WorkflowFailureError as error:
            raise StackError(
                f"The reconciliation did not end well ({error.cause}); see {BY_HAND} in Temporal"
            ) from error
        finally:
            telling.cancel()


async def _tell(handle: WorkflowHandle[ReconcilePayments, Reconciled], status: Status) -> None:
    """Say how far it is, for as long as somebody waits."""
    from temporalio.service import RPCError

    from workflows.reconciliation import ReconcilePayments

    while True:
        await asyncio.sleep(1)
        with suppress(RPCError):
            status.update(f"Reconciling: {await handle.query(ReconcilePayments.progress)}")


def _as_json(report: Report) -> str:
    found = [asdict(finding) | {"advice": ADVICE[finding.code]} for finding in report.findings]
    return json.dumps(asdict(report) | {"findings": found}, indent=2, default=datetime.isoformat)


def _show(report: Report) -> None:
    console = Console()
    for code in sorted({finding.code for finding in report.findings}):
        table = Table("subject", "payment", "what differs", title=code, title_justify="left", caption=ADVICE[code])
        table.caption_justify = "left"
        for column in table.columns[:2]:
            column.no_wrap = True
        for finding in report.findings:
            if finding.code is code:
                table.add_row(finding.subject, finding.payment_id, finding.message)
        console.print(table)
    count = len(report.findings)
    said = f"{count} finding{'' if count == 1 else 's'}" if count else "Everything agrees"
    typer.echo(
        f"{said}: {report.payments_checked} payments, {report.holds_live} live holds, "
        f"as at {report.started_at:%Y-%m-%d %H:%M} UTC"
    )


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    """The file to write to; it gets its name when it is whole, so nobody takes half an export for the whole."""
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
