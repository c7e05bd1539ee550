"""CLI: what commands share: settings, logging, the data folder and the database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.logs import configure_logging
from settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    import uvicorn
    from sqlmodel.ext.asyncio.session import AsyncSession

    from store.database import Database

ResultT = TypeVar("ResultT")
EndWithStdin = Annotated[bool, typer.Option("--end-with-stdin", hidden=True)]


class CommandError(Exception):
    """The command cannot do its work. The message says what to do; the exit code is 2."""


def prepared_settings() -> Settings:
    """Load the settings, configure logging by them and make the data folder. Raises SettingsError."""
    settings = load_settings()
    configure_logging(settings)
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _close_files(settings.home)
    except OSError as error:
        raise SettingsError(
            f"The data folder {settings.home} cannot be made: {error.strerror}. Choose another: AFTERCARE_HOME=/path"
        ) from error
    return settings


def _close_files(home: Path) -> None:
    """Take the rights of others away from what an earlier release wrote. The folder itself may be somebody's choice."""
    for file in [*home.glob("*.db*"), home / "mail", home / "secret"]:
        mode = file.stat().st_mode if file.exists() else 0
        if mode & 0o077 and file.stat().st_uid == os.getuid():
            file.chmod(mode & 0o700)


def serve(server: uvicorn.Server, what: str, port_variable: str) -> None:
    """Run the server until it is stopped. Raises CommandError when it cannot listen."""
    try:
        server.run()
    except SystemExit as error:  # uvicorn exits when it cannot listen
        address = f"{server.config.host}:{server.config.port}"
        raise CommandError(f"{what} cannot listen on {address}; choose another port: {port_variable}") from error


def migrated_database_url() -> str:
    """The URL of a database with this release's schema. Raises SettingsError when it has another or does not answer."""
    url = prepared_settings().database_url
    require_schema(url)
    return url


def require_schema(url: str) -> None:
    """Raise SettingsError unless the database answers and has this release's schema. The message says what to do."""
    from store.migrate import LaterRevision, current, knows, newest

    with database_errors():
        revision = current(url)
    if revision is None:
        raise SettingsError("The database has no tables yet: run `aftercare db upgrade`")
    if revision == newest():
        return
    if not knows(revision):
        raise SettingsError(str(LaterRevision(revision)))
    raise SettingsError(
        f"The database is at revision {revision}, this release needs {newest()}: run `aftercare db upgrade`"
    )


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn the errors of a database that cannot be used into SettingsError, one sentence each."""
    from sqlalchemy.exc import DBAPIError

    from store.migrate import LaterRevision

    try:
        yield
    except LaterRevision as error:
        raise SettingsError(str(error)) from error
    except OSError as error:
        raise SettingsError(
            f"The database's file cannot be used: {error.strerror}. Check AFTERCARE_DATABASE_URL"
        ) from error
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split()).rstrip(".?")
        raise SettingsError(f"The database does not answer: {reason}. Check AFTERCARE_DATABASE_URL") from error


def run_with_database(work: Callable[[Database], Awaitable[ResultT]]) -> ResultT:
    """Run `work` with the migrated database in an event loop of its own. Raises SettingsError."""
    from store.database import Database

    database = Database(migrated_database_url())

    async def run() -> ResultT:
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


def run_in_read_session(work: Callable[[AsyncSession], Awaitable[ResultT]]) -> ResultT:
    """Run `work` in one read transaction. Raises SettingsError."""

    async def read(database: Database) -> ResultT:
        async with database.snapshot() as session:
            return await work(session)

    return run_with_database(read)
