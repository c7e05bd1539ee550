"""Store: the API's Idempotency-Keys and first responses. No rule of claims reads them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import col, delete, update

from store.database import Database
from store.tables.http_requests import HttpRequestRow
from store.upsert import insert_once


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """The first HTTP response to a key."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A key without a response: when it was first sent, and whether this request repeats it."""

    first_sent_at: datetime
    repeated: bool


class IdempotencyKeyReused(Exception):
    """The key was first sent with another request."""


@dataclass(frozen=True, slots=True)
class ResponseForgotten(Exception):
    """The key's request was answered with `status`, and the response is not kept any more."""

    status: int


class IdempotencyKeys:
    """Keys and first responses. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, scope: str, key: str, fingerprint: str, now: datetime) -> StoredResponse | OpenRequest:
        """Store the key; its first response when there is one.

        Raises:
            IdempotencyKeyReused: it was stored with another fingerprint.
            ResponseForgotten: its request is done, and `forget_bodies` has deleted the response.
        """
        row = {"scope": scope, "key": key, "fingerprint": fingerprint, "created_at": now}
        async with self._database.transaction() as session:
            if await insert_once(session, HttpRequestRow, row):
                return OpenRequest(now, repeated=False)
            known = await session.get(HttpRequestRow, (scope, key))
        if known is None:
            return OpenRequest(now, repeated=True)  # a concurrent request with the key deleted it meanwhile
        if known.fingerprint != fingerprint:
            raise IdempotencyKeyReused
        if known.status is None:
            return OpenRequest(known.created_at, repeated=True)
        if known.body is None:
            raise ResponseForgotten(known.status)
        return StoredResponse(known.status, dict(known.headers or {}), known.body)

    async def store_response(self, scope: str, key: str, response: StoredResponse) -> None:
        """Store the first response; a later one for the same key changes nothing."""
        stored = update(HttpRequestRow).where(*_without_response(scope, key))
        async with self._database.transaction() as session:
            await session.exec(stored.values(status=response.status, headers=response.headers, body=response.body))

    async def delete(self, scope: str, key: str) -> None:
        """Delete a key without a response: its request was invalid, and the key may be used for a corrected one."""
        async with self._database.transaction() as session:
            await session.exec(delete(HttpRequestRow).where(*_without_response(scope, key)))

    async def forget_bodies(self, before: datetime) -> None:
        """Delete the bodies of responses to keys that were first sent before `before`: they name people."""
        row = HttpRequestRow
        old = update(row).where(col(row.created_at) < before, col(row.body).is_not(None))
        async with self._database.transaction() as session:
            await session.exec(old.values(body=None))

    async def delete_before(self, instant: datetime) -> None:
        """Delete keys that were first sent before `instant`."""
        async with self._database.transaction() as session:
            await session.exec(delete(HttpRequestRow).where(col(HttpRequestRow.created_at) < instant))


def _without_response(scope: str, key: str) -> tuple[ColumnElement[bool], ...]:
    row = HttpRequestRow
    return col(row.scope) == scope, col(row.key) == key, col(row.status).is_(None)
