"""CLI: ``aftercare db``: migrations of the database."""

from __future__ import annotations

import typer

from cli.common import database_errors, prepared_settings

database_app = typer.Typer(no_args_is_help=True, help="Prepare the database.")


@database_app.command("upgrade")
def upgrade() -> None:
    """Bring the database to this release's schema; may run any number of times."""
    from store import migrate

    settings = prepared_settings()
    with database_errors():
        migrate.upgrade(settings.database_url)
        revision = migrate.current(settings.database_url)
    typer.echo(f"The database is at revision {revision}")


@database_app.command("current")
def current() -> None:
    """Say which schema revision the database is at."""
    from store import migrate

    settings = prepared_settings()
    with database_errors():
        revision = migrate.current(settings.database_url)
    typer.echo(revision or "none: run `aftercare db upgrade`")
