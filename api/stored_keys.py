"""API: callers by the keys of the environment and of the database, remembered for a few seconds."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from api.auth import ApiKeys, Caller, Role, digest_of
from store.api_keys import USE_INTERVAL, ApiKey, StoredApiKeys

log = logging.getLogger("aftercare.api")

REMEMBERED: Final = timedelta(seconds=5)
"""So long after a key was revoked every process has noticed."""


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    since: datetime
    until: datetime


class KnownKeys:
    """The keys of one installation. `now` is the API's clock.

    A key that is found in the database is not looked up again for a few seconds, and its use is written once a minute
    while `writing_uses`: neither costs each request a statement.
    """

    def __init__(self, configured: ApiKeys, stored: StoredApiKeys, now: Callable[[], datetime]) -> None:
        self._configured = configured
        self._stored = stored
        self._now = now
        self._known: dict[bytes, _Known] = {}
        """By the token's digest. A token that is not valid has no entry, so there are as many as valid secrets."""
        self._used: dict[str, datetime] = {}

    async def caller(self, token: str) -> Caller | None:
        """The caller whose key this is. Raises SQLAlchemy's errors for a key that must be looked up."""
        if (configured := await self._configured.caller(token)) is not None:
            return configured
        digest, now = digest_of(token), self._now()
        known = self._known.get(digest)
        if known is None or not known.since <= now < known.until:  # also when the clock was set back
            known = await self._look_up(token, now)
            if known is None:
                self._known.pop(digest, None)
                return None
            self._known[digest] = known
        self._used[known.caller.id] = now
        return known.caller

    async def write_uses(self) -> None:
        """Store when keys were used since the last call."""
        used, self._used = self._used, {}
        for key_id, at in used.items():
            await self._stored.note_use(key_id, at)

    @contextlib.asynccontextmanager
    async def writing_uses(self) -> AsyncIterator[None]:
        """Call `write_uses` every minute, and at the end."""
        task = asyncio.create_task(self._write_every_minute())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await self._try_to_write()

    async def _write_every_minute(self) -> None:
        while True:
            await asyncio.sleep(USE_INTERVAL.total_seconds())
            await self._try_to_write()

    async def _try_to_write(self) -> None:
        try:
            await self.write_uses()
        except (SQLAlchemyError, OSError) as error:
            log.warning("the last use of keys could not be stored: %s", error)

    async def _look_up(self, token: str, now: datetime) -> _Known | None:
        found = await self._stored.find(token, now)
        if found is None:
            return None
        key, secret_ends_at = found
        ends = [instant for instant in (key.expires_at, secret_ends_at) if instant is not None]
        return _Known(_caller(key), now, min([now + REMEMBERED, *ends]))


def _caller(key: ApiKey) -> Caller:
    scopes = None if key.scopes is None else frozenset(key.scopes)
    return Caller(Role(key.role), key.id, key.owner, scopes)
