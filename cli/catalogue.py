"""CLI: ``aftercare catalog``: models, regions and prices as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.common import run_in_read_session, run_with_database
from settings import SettingsError

if TYPE_CHECKING:
    from domain.catalogue import Catalogue
    from store.database import Database
    from store.writes.catalogue import CatalogueRefused

catalogue_app = typer.Typer(no_args_is_help=True, help="Models, regions and prices as a file.")

CatalogueFile = Annotated[Path, typer.Argument(help="A JSON file as `aftercare catalog export` writes it.")]


@catalogue_app.command("check")
def check(file: CatalogueFile) -> None:
    """Say everything that is wrong with the catalogue in FILE. Changes nothing; ends with 1 when anything is."""
    catalogue = _read_file(file)
    typer.echo(f"{file} is sound: {len(catalogue.models)} models in {len(catalogue.regions)} regions")


@catalogue_app.command("load")
def load(file: CatalogueFile, yes: Annotated[bool, typer.Option("--yes", help="Load without asking.")] = False) -> None:
    """Show what FILE would change and, once agreed, make it the catalogue in force. Open claims keep their terms."""
    from store.catalogue_file import differences
    from store.reads import catalogue as stored
    from store.writes.catalogue import CatalogueRefused, load_catalogue, missing_offers

    catalogue = _read_file(file)

    async def current(database: Database) -> tuple[tuple[int, str], Catalogue]:
        async with database.snapshot() as session:
            problems = await missing_offers(session, catalogue)
            if problems:
                raise CatalogueRefused(problems)
            return await stored.release(session), await stored.read(session)

    async def replace(database: Database, compared: tuple[int, str]) -> bool:
        async with database.transaction() as session:
            return await stored.release(session) == compared and await load_catalogue(session, catalogue)

    async def run(database: Database) -> None:
        try:
            compared, in_force = await current(database)
            changes = differences(in_force, catalogue)
            if not changes:
                typer.echo("Nothing changes: this catalogue is in force already")
                return
            for change in changes:
                typer.echo(str(change))
            count = f"{len(changes)} change{'s' if len(changes) > 1 else ''}"
            if not yes:
                typer.confirm(f"Load {count}?", abort=True)
            if not await replace(database, compared):
                typer.secho("Another catalogue was loaded meanwhile. Nothing was changed.", fg="red", err=True)
                raise typer.Exit(1)
            typer.echo(f"Loaded {count}. Open claims keep what they agreed to")
        except CatalogueRefused as refused:
            raise _report_problems(refused) from None

    run_with_database(run)


@catalogue_app.command("export")
def export(file: Annotated[Path | None, typer.Argument(help="Where to; without it, to the screen.")] = None) -> None:
    """Write the catalogue in force as JSON that `aftercare catalog load` takes."""
    from store.catalogue_file import write_file
    from store.reads.catalogue import read

    text = write_file(run_in_read_session(read))
    if file is None:
        typer.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}") from error
    typer.echo(f"Written to {file}")


def _read_file(file: Path) -> Catalogue:
    from store.catalogue_file import read_file
    from store.writes.catalogue import CatalogueRefused

    try:
        return read_file(file)
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from error
    except CatalogueRefused as refused:
        raise _report_problems(refused) from None


def _report_problems(refused: CatalogueRefused) -> typer.Exit:
    for problem in refused.problems:
        typer.secho(f"{problem.where}: {problem.message} ({problem.rule})", fg="red", err=True)
    count = len(refused.problems)
    typer.secho(f"{count} problem{'s' if count > 1 else ''}. Nothing was changed", fg="red", err=True)
    return typer.Exit(1)
