"""CLI: ``aftercare mail``: mails that are still in the outbox, and their retry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.common import run_with_database
from settings import SettingsError

if TYPE_CHECKING:
    from messages.mail import OutboxStatus
    from store.database import Database
    from store.reads.outbox import OutboxEntry

mail_app = typer.Typer(no_args_is_help=True, help="Mails that have not gone out: see them, send them again.")

MAX_SHOWN = 200


@mail_app.command("waiting")
def waiting() -> None:
    """Show the mails that wait and those that were given up, the oldest first. Ends with 1 when any was given up."""

    async def read(database: Database) -> tuple[list[OutboxEntry], OutboxStatus]:
        from store.reads.outbox import list_mails, outbox_status

        return await list_mails(database, MAX_SHOWN), await outbox_status(database, sent=0)

    lines, status = run_with_database(read)
    if lines:
        Console().print(_table(lines))
    hint = " (to send them again: `aftercare mail retry`)" if status.given_up else ""
    typer.echo(f"Waiting: {status.waiting}, {status.failing} of them failed before. Given up: {status.given_up}{hint}")
    raise typer.Exit(1 if status.given_up else 0)


@mail_app.command("retry")
def retry(
    claim: Annotated[str | None, typer.Argument(help="Of this claim: those given up and those that wait.")] = None,
    given_up: Annotated[bool, typer.Option("--given-up", help="Every mail that was given up, of any claim.")] = False,
) -> None:
    """Have mails tried again at once, and for another three days. The delivery sends them; this command does not."""
    if (claim is None) is not given_up:
        raise SettingsError("Name a claim, or --given-up for every mail that was given up")

    async def reset(database: Database) -> int:
        from store.writes.outbox import retry_mails

        async with database.transaction() as session:
            return await retry_mails(session, claim)

    count = run_with_database(reset)
    typer.echo(f"{count} mail{'' if count == 1 else 's'} will be tried now")


def _table(lines: list[OutboxEntry]) -> Table:
    table = Table(
        "claim", "mail", "written", "attempts", "next try", "last error", title=f"The oldest {MAX_SHOWN} at most"
    )
    table.columns[0].no_wrap = True
    for line in lines:
        occurrence = f" {line.occurrence}" if line.occurrence > 1 else ""
        next_try = "given up" if line.failed_at else f"{line.next_try_at:%Y-%m-%d %H:%M:%S}"
        cells = line.claim_id, f"{line.kind}{occurrence}", f"{line.written_at:%Y-%m-%d %H:%M:%S}", str(line.attempts)
        table.add_row(*cells, next_try, line.error or "")
    return table
