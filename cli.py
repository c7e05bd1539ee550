"""A composition root: the ``aftercare`` command. It reads the settings once and passes them in. No room imports it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from books import ledger_app, reconcile
from connect import (
    RETENTION,
    TemporalUnreachable,
    configured_namespace,
    connect,
    register_search_attributes,
    set_up_retention,
)
from lifeline import end_with_stdin
from mails import mail_app
from preflight import StackError
from schedules import known_regions, set_up_schedules
from settings import SettingsError
from surroundings import migrated, prepared_settings

if TYPE_CHECKING:
    from domain.catalogue import Catalogue
    from store.catalogue import CatalogueRefused

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Device protection claims on Temporal.")
temporal_app = typer.Typer(no_args_is_help=True, help="Prepare a Temporal server.")
db_app = typer.Typer(no_args_is_help=True, help="Prepare the database.")
app.add_typer(temporal_app, name="temporal")
app.add_typer(db_app, name="db")
catalog_app = typer.Typer(no_args_is_help=True, help="Models, regions and prices as a file.")
app.add_typer(catalog_app, name="catalog")
app.add_typer(ledger_app, name="ledger")
app.add_typer(mail_app, name="mail")
app.command("reconcile")(reconcile)

_API_STOP_SECONDS = 5

CatalogueFile = Annotated[Path, typer.Argument(help="A JSON file as `aftercare catalog export` writes it.")]
EndWithStdin = Annotated[bool, typer.Option("--end-with-stdin", hidden=True)]


@app.command()
def dev() -> None:
    """Run Temporal with its pages, worker and API on this machine, until Ctrl-C."""
    from dev import run_dev

    asyncio.run(run_dev(prepared_settings(), Console()))


@app.command()
def worker(end_with_stdin_: EndWithStdin = False) -> None:
    """Run one worker. Several share the load; TEMPORAL_ADDRESS names the server."""
    if end_with_stdin_:
        end_with_stdin()
    settings = prepared_settings()
    from worker import run_worker

    asyncio.run(run_worker(settings))


@app.command()
def api(end_with_stdin_: EndWithStdin = False) -> None:
    """Run the HTTP API. TEMPORAL_ADDRESS names the server."""
    if end_with_stdin_:
        end_with_stdin()
    settings = prepared_settings()
    import uvicorn

    from api.app import create_app
    from api.config import ApiConfig

    config = ApiConfig(
        database_url=settings.database_url,
        temporal_client=lambda: connect(wait_seconds=settings.connect_seconds),
        task_queue=settings.task_queue,
        keys=dict(settings.api_keys),
        webhook_secrets=settings.senders(),
        development=settings.development,
        secret=settings.signing_secret(),
        temporal_ui_url=settings.temporal_ui_url,
        namespace=configured_namespace(),
        policy=settings.policy,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(config),
            host=settings.api_host,
            port=settings.api_port,
            log_config=None,
            server_header=False,
            # An open event stream never ends by itself.
            timeout_graceful_shutdown=_API_STOP_SECONDS,
        )
    )
    # uvicorn raises the signal again once it is down; being asked to stop is no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    address = f"{settings.api_host}:{settings.api_port}"
    try:
        server.run()
    except SystemExit as error:  # uvicorn's way to say that it cannot listen
        raise StackError(f"The API cannot listen on {address}; choose another port: AFTERCARE_API_PORT") from error
    if not server.started:
        raise StackError(f"The API did not start on {address}; its log says why")


@app.command()
def demo() -> None:
    """Play whole claims and plans on a stack of their own, then say whether every story ended as told."""
    from demo import main as play

    raise typer.Exit(play())


@temporal_app.command("setup")
def temporal_setup(
    retention_days: Annotated[
        int, typer.Option(min=RETENTION.days, max=3650, help="Keep closed claims for so many days; never shortens.")
    ] = RETENTION.days,
) -> None:
    """Register search attributes, retention and schedules on the server TEMPORAL_ADDRESS names; may be repeated.

    The schedules need the catalogue: load it first, and run this again when a region is added.
    """
    from messages.search import SEARCH_ATTRIBUTES

    async def register() -> None:
        client = await connect(wait_seconds=prepared_settings().connect_seconds)
        try:
            added = await register_search_attributes(client, SEARCH_ATTRIBUTES)
        except TypeError as error:
            raise SettingsError(str(error)) from error
        for key in SEARCH_ATTRIBUTES:
            typer.echo(f"{key.name}: {'added' if key.name in added else 'already there'}")
        typer.echo(f"retention: {await set_up_retention(client, timedelta(days=retention_days))}")
        settings = prepared_settings()
        for name, done in (await set_up_schedules(client, await known_regions(settings), settings.task_queue)).items():
            typer.echo(f"{name}: {done}")

    asyncio.run(register())


@db_app.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to this release's schema; may run any number of times."""
    from store.migrate import current, upgrade

    settings = prepared_settings()
    upgrade(settings.database_url)
    typer.echo(f"The database is at revision {current(settings.database_url)}")


@db_app.command("current")
def db_current() -> None:
    """Say which schema revision the database is at."""
    from store.migrate import current

    typer.echo(current(prepared_settings().database_url) or "none: run `aftercare db upgrade`")


@catalog_app.command("check")
def catalog_check(file: CatalogueFile) -> None:
    """Say everything that is wrong with the catalogue in FILE. Changes nothing; ends with 1 when anything is."""
    catalogue = _catalogue_in(file)
    typer.echo(f"{file} is sound: {len(catalogue.models)} models in {len(catalogue.regions)} regions")


@catalog_app.command("load")
def catalog_load(
    file: CatalogueFile, yes: Annotated[bool, typer.Option("--yes", help="Load without asking.")] = False
) -> None:
    """Show what FILE would change and, once agreed, make it the catalogue in force. Open claims keep their terms."""
    from store.catalogue import CatalogueRefused, load, missing, read, release
    from store.catalogue_file import differences
    from store.database import Database

    catalogue, database = _catalogue_in(file), Database(migrated())

    async def compare() -> tuple[tuple[int, str], Catalogue]:
        async with database.reading() as session:
            found = await missing(session, catalogue)
            if found:
                raise CatalogueRefused(found)
            return await release(session), await read(session)

    async def replace(shown: tuple[int, str]) -> bool:
        async with database.writing() as session:
            return await release(session) == shown and await load(session, catalogue)

    async def work() -> None:
        try:
            shown, in_force = await compare()
            changes = differences(in_force, catalogue)
            if not changes:
                typer.echo("Nothing changes: this catalogue is in force already")
                return
            for change in changes:
                typer.echo(str(change))
            count = f"{len(changes)} change{'s' if len(changes) > 1 else ''}"
            if not yes:
                typer.confirm(f"Load {count}?", abort=True)
            if not await replace(shown):
                typer.secho("Another catalogue was loaded meanwhile. Nothing was changed.", fg="red", err=True)
                raise typer.Exit(1)
            typer.echo(f"Loaded {count}. Open claims keep what they agreed to")
        except CatalogueRefused as refused:
            raise _refused(refused) from None
        finally:
            await database.close()

    asyncio.run(work())


@catalog_app.command("export")
def catalog_export(
    file: Annotated[Path | None, typer.Argument(help="Where to; without it, to the screen.")] = None,
) -> None:
    """Write the catalogue in force as JSON that `aftercare catalog load` takes."""
    from store.catalogue import read
    from store.catalogue_file import write_file
    from store.database import Database

    database = Database(migrated())

    async def in_force() -> Catalogue:
        try:
            async with database.reading() as session:
                return await read(session)
        finally:
            await database.close()

    text = write_file(asyncio.run(in_force()))
    if file is None:
        typer.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}") from error
    typer.echo(f"Written to {file}")


def _catalogue_in(file: Path) -> Catalogue:
    from store.catalogue import CatalogueRefused
    from store.catalogue_file import read_file

    try:
        return read_file(file)
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from error
    except CatalogueRefused as refused:
        raise _refused(refused) from None


def _refused(refused: CatalogueRefused) -> typer.Exit:
    for problem in refused.problems:
        typer.secho(f"{problem.where}: {problem.message} ({problem.rule})", fg="red", err=True)
    count = len(refused.problems)
    typer.secho(f"{count} problem{'s' if count > 1 else ''}. Nothing was changed", fg="red", err=True)
    return typer.Exit(1)


def main() -> NoReturn:
    """The console script: runs the command, turns what a person can mend into one message, and ends the process."""
    _end(_code_of(app))


def _code_of(command: Callable[[], object]) -> int:
    try:
        command()
    except SystemExit as asked:
        return asked.code if isinstance(asked.code, int) else int(asked.code is not None)
    except (SettingsError, StackError, TemporalUnreachable) as error:
        typer.secho(str(error), fg="red", err=True)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _end(code: int) -> NoReturn:
    """Ends without finalizing the interpreter: Temporal's SDK threads may still call into it and abort the process."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
