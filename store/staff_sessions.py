"""Store: sessions of staff in browsers: begun at a sign-in, looked up, ended. Only the token's digest is stored."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement
from sqlmodel import col, delete, update

from store.database import Database, execute
from store.tables.sessions import SessionRow
from store.upsert import insert_once

USE_INTERVAL: Final = timedelta(minutes=1)
"""The last use is written no more often."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Person:
    """Who signed in: `id` is `usr_...`, `roles` are this installation's."""

    id: str
    name: str
    roles: tuple[str, ...]


class StaffSession(BaseModel):
    """A session without its token. It ends at `ends_at`, or earlier when nobody uses it."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    person_id: str
    name: str
    roles: tuple[str, ...]
    seen_at: datetime
    ends_at: datetime
    ended_at: datetime | None

    def usable(self, at: datetime, idle: timedelta) -> bool:
        return self.ended_at is None and at < self.ends_at and at < self.seen_at + idle


class StaffSessions:
    """The sessions of one database. `at` is the caller's clock, `idle` how long a session lives without use."""

    def __init__(self, database: Database, idle: timedelta) -> None:
        self._database = database
        self.idle = idle

    async def begin(self, person: Person, sign_in: str, at: datetime, ends_at: datetime) -> str | None:
        """Begin a session; its token. None when `sign_in`, the state of the sign-in, has begun one before."""
        token = secrets.token_urlsafe(32)
        row = SessionRow(
            digest=_digest(token),
            sign_in=_digest(sign_in),
            person_id=person.id,
            name=person.name,
            roles=list(person.roles),
            created_at=at,
            seen_at=at,
            ends_at=ends_at,
        )
        async with self._database.transaction() as session:
            return token if await insert_once(session, SessionRow, row.model_dump()) else None

    async def use(self, token: str, at: datetime) -> StaffSession | None:
        """The usable session of a token, with this use noted; None for any other token."""
        if _TOKEN.fullmatch(token) is None:
            return None
        digest, seen = _digest(token), col(SessionRow.seen_at)
        async with self._database.snapshot() as session:
            row = await session.get(SessionRow, digest)
            found = StaffSession.model_validate(row) if row is not None else None
        if found is None or not found.usable(at, self.idle):
            return None
        if found.seen_at <= at - USE_INTERVAL:
            stale = update(SessionRow).where(col(SessionRow.digest) == digest, seen <= at - USE_INTERVAL)
            async with self._database.transaction() as session:
                await session.exec(stale.values(seen_at=at))
        return found

    async def end(self, token: str, at: datetime) -> None:
        """End the session of this token, if there is one."""
        await self._end(col(SessionRow.digest) == _digest(token), at)

    async def end_all(self, person_id: str, at: datetime) -> int:
        """End every session of this person. Returns how many were open."""
        return await self._end(col(SessionRow.person_id) == person_id, at)

    async def delete_before(self, instant: datetime) -> None:
        """Delete sessions whose time was over by then."""
        async with self._database.transaction() as session:
            await session.exec(delete(SessionRow).where(col(SessionRow.ends_at) < instant))

    async def _end(self, which: ColumnElement[bool], at: datetime) -> int:
        ends = update(SessionRow).where(which, col(SessionRow.ended_at).is_(None), col(SessionRow.ends_at) > at)
        async with self._database.transaction() as session:
            return (await execute(session, ends.values(ended_at=at))).rowcount


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
