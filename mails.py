"""A composition root: the commands on mails that have not gone out. No room imports it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from settings import SettingsError
from surroundings import migrated

if TYPE_CHECKING:
    from messages.mail import MailStanding
    from store.database import Database
    from store.outbox import OutboxLine

mail_app = typer.Typer(no_args_is_help=True, help="Mails that have not gone out: see them, send them again.")

SHOWN = 200
ResultT = TypeVar("ResultT")


@mail_app.command("waiting")
def waiting() -> None:
    """Show the mails that wait and those that were given up, the oldest first. Ends with 1 when any was given up."""

    async def look(database: Database) -> tuple[list[OutboxLine], MailStanding]:
        from store import outbox

        return await outbox.listed(database, SHOWN), await outbox.standing(database, sent=0)

    lines, standing = _with_database(look)
    if lines:
        Console().print(_table(lines))
    again = " (to send them again: `aftercare mail retry`)" if standing.given_up else ""
    typer.echo(
        f"Waiting: {standing.waiting}, {standing.failing} of them failed before. Given up: {standing.given_up}{again}"
    )
    raise typer.Exit(1 if standing.given_up else 0)


@mail_app.command("retry")
def retry(
    claim: Annotated[str | None, typer.Argument(help="Of this claim: those given up and those that wait.")] = None,
    given_up: Annotated[bool, typer.Option("--given-up", help="Every mail that was given up, of any claim.")] = False,
) -> None:
    """Have mails tried again at once, and for another three days. The delivery sends them; this command does not."""
    if (claim is None) is not given_up:
        raise SettingsError("Name a claim, or --given-up for every mail that was given up")

    async def reset(database: Database) -> int:
        from store import outbox

        async with database.writing() as session:
            return await outbox.again(session, claim)

    count = _with_database(reset)
    typer.echo(f"{count} mail{'' if count == 1 else 's'} will be tried now")


def _with_database(work: Callable[[Database], Awaitable[ResultT]]) -> ResultT:
    from store.database import Database

    database = Database(migrated())

    async def done() -> ResultT:
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(done())


def _table(lines: list[OutboxLine]) -> Table:
    table = Table("claim", "mail", "written", "attempts", "next try", "last error", title=f"The oldest {SHOWN} at most")
    table.columns[0].no_wrap = True
    for line in lines:
        occurrence = f" {line.occurrence}" if line.occurrence > 1 else ""
        when = "given up" if line.failed_at else f"{line.next_try_at:%Y-%m-%d %H:%M:%S}"
        cells = line.claim_id, f"{line.kind}{occurrence}", f"{line.written_at:%Y-%m-%d %H:%M:%S}", str(line.attempts)
        table.add_row(*cells, when, line.error or "")
    return table
