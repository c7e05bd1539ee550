"""Store: the API's own bookkeeping of Idempotency-Keys. Nothing about claims is decided by it or read from it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, String, Text
from sqlmodel import Field, SQLModel, col, delete, update

from store.database import Database
from store.instants import Instant
from store.once import insert_once


class HttpRequestRow(SQLModel, table=True):
    """A POST under its Idempotency-Key. `scope` says whose key on which path; `status` is empty until it is answered.

    `fingerprint` is a digest of the body, so that the key cannot be used for something else.
    """

    __tablename__ = "http_requests"

    scope: str = Field(sa_column=Column(String(255), primary_key=True))
    key: str = Field(sa_column=Column(String(200), primary_key=True))
    fingerprint: str = Field(sa_column=Column(String(64), nullable=False))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False, index=True))
    status: int | None = None
    headers: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    body: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An HTTP answer as it was first given."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A key without an answer: when it was first sent, and whether that was before."""

    at: datetime
    again: bool


class KeyReused(Exception):
    """The key was first sent with another body."""


class Requests:
    """Keys and first answers. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, scope: str, key: str, fingerprint: str, now: datetime) -> KeptAnswer | Begun:
        """Note the key; its first answer when there is one.

        Raises:
            KeyReused: it was begun with another fingerprint.
        """
        row = {"scope": scope, "key": key, "fingerprint": fingerprint, "created_at": now}
        async with self._database.writing() as session:
            if await insert_once(session, HttpRequestRow, row):
                return Begun(now, again=False)
            known = await session.get(HttpRequestRow, (scope, key))
        if known is None:
            return Begun(now, again=True)  # forgotten in this very moment by its twin
        if known.fingerprint != fingerprint:
            raise KeyReused
        if known.status is None:
            return Begun(known.created_at, again=True)
        return KeptAnswer(known.status, dict(known.headers or {}), known.body or "")

    async def finish(self, scope: str, key: str, answer: KeptAnswer) -> None:
        """Keep the first answer; a later one for the same key changes nothing."""
        kept = update(HttpRequestRow).where(*_unanswered(scope, key))
        async with self._database.writing() as session:
            await session.exec(kept.values(status=answer.status, headers=answer.headers, body=answer.body))

    async def forget(self, scope: str, key: str) -> None:
        """The request was not even valid: the key may be used for a better one."""
        async with self._database.writing() as session:
            await session.exec(delete(HttpRequestRow).where(*_unanswered(scope, key)))

    async def forget_before(self, instant: datetime) -> None:
        """Drop what is older: keys are for retries, not for ever."""
        async with self._database.writing() as session:
            await session.exec(delete(HttpRequestRow).where(col(HttpRequestRow.created_at) < instant))


def _unanswered(scope: str, key: str) -> tuple[ColumnElement[bool], ...]:
    row = HttpRequestRow
    return col(row.scope) == scope, col(row.key) == key, col(row.status).is_(None)
