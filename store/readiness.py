"""Store: whether this release can work with the database: it answers, has this release's schema, and takes writes."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import String, column, select, table
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, update

from store.database import Database, execute
from store.tables.http_requests import HttpRequestRow
from store.upsert import insert_once

TIMEOUT_SECONDS: Final = 3.0
"""A write that waits longer for a lock or for a connection is one that callers would wait for as well."""
_PROBE: Final = "readiness"
"""Scope of the one row that is written; no caller has this name."""


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """`answers`: reads and writes succeed. `schema`: the tables are those of this release. `problem` is for the log."""

    answers: bool
    schema: bool
    problem: str = ""


class Readiness:
    """Checks one database. `revision` is the one that this release needs."""

    def __init__(self, database: Database, revision: str) -> None:
        self._database = database
        self._revision = revision
        self._file = _identity(database.file)

    async def check(self, now: datetime) -> DatabaseState:
        """Read the revision and write one row. Raises nothing."""
        found = _identity(self._database.file)
        self._file = self._file or found
        if found != self._file:
            # Open connections go on with the file that is gone: what they write is lost.
            return DatabaseState(False, False, "the database's file was replaced: start again")
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                found_revision = await self._read_revision()
                if found_revision != self._revision:
                    return DatabaseState(
                        True,
                        False,
                        f"the schema is {found_revision or 'missing'}, not {self._revision}: "
                        "run `aftercare db upgrade`",
                    )
                await self._write(now)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            return DatabaseState(False, False, str(error) or "no answer in time")
        return DatabaseState(True, True)

    async def _read_revision(self) -> str | None:
        versions = select(column("version_num", String)).select_from(table("alembic_version"))
        try:
            rows = await self._database.fetch(versions)
        except SQLAlchemyError:
            await self._database.ready()  # raises when the database itself is the reason
            return None
        return rows[0][0] if rows else None

    async def _write(self, now: datetime) -> None:
        row = {"scope": _PROBE, "key": _PROBE, "fingerprint": "", "created_at": now}
        written = update(HttpRequestRow).where(col(HttpRequestRow.scope) == _PROBE).values(created_at=now)
        async with self._database.transaction() as session:
            if (await execute(session, written)).rowcount == 0:
                await insert_once(session, HttpRequestRow, row)


def _identity(file: Path | None) -> tuple[int, int] | None:
    """Device and inode of SQLite's file; None without one."""
    if file is None:
        return None
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
