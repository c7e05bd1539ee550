"""Store: API keys: made, looked up, rotated, revoked. A secret is returned once; only its digest is stored.

A secret is 256 random bits, so SHA-256 alone keeps it: nobody can try them all, which is what salt and a slow hash
protect passwords from, and a slow hash would be paid by every request.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import literal, or_, tuple_
from sqlmodel import col, select, update

from messages.ids import new_id
from store.database import Database
from store.reads.claim_list import Page, read_cursor, write_cursor
from store.tables.api_keys import ApiKeyRow, ApiKeySecretRow
from store.tables.types import Instant
from store.upsert import insert_once

USE_INTERVAL: Final = timedelta(minutes=1)
"""The last use is written no more often."""
_TOKEN: Final = re.compile(r"(key_[a-z2-7]{16})\.([A-Za-z0-9_-]{43})")


class ApiKey(BaseModel):
    """A key without its secret."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    owner: str
    role: str
    scopes: tuple[str, ...] | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None

    def usable(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """What a new key is made from. `scopes` None: everything that the role may do."""

    owner: str
    role: str
    scopes: tuple[str, ...] | None = None
    expires_at: datetime | None = None


class StoredApiKeys:
    """The keys of one database. Every method is one transaction; `at` is the caller's clock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, key_id: str, request: KeyRequest, by: str, at: datetime) -> tuple[ApiKey, str] | None:
        """Make the key; it and its token. None when `key_id` was made before: nobody has its secret any more."""
        row = ApiKeyRow(
            id=key_id,
            owner=request.owner,
            role=request.role,
            scopes=list(request.scopes) if request.scopes else None,
            created_at=at,
            created_by=by,
            expires_at=request.expires_at,
        )
        secret = secrets.token_urlsafe(32)
        async with self._database.transaction() as session:
            if not await insert_once(session, ApiKeyRow, row.model_dump()):
                return None
            session.add(ApiKeySecretRow(digest=_digest(secret), key_id=key_id, created_at=at))
        return ApiKey.model_validate(row), f"{key_id}.{secret}"

    async def find(self, token: str, at: datetime) -> tuple[ApiKey, datetime | None] | None:
        """The usable key of a token, and when this secret ends; None for any other token."""
        if (found := _TOKEN.fullmatch(token)) is None:
            return None
        key_id, digest = found[1], _digest(found[2])
        query = select(ApiKeyRow, ApiKeySecretRow).join(ApiKeySecretRow).where(ApiKeyRow.id == key_id)
        async with self._database.snapshot() as session:
            rows = (await session.exec(query)).all()
        valid = [(key, secret) for key, secret in rows if hmac.compare_digest(secret.digest, digest)]
        if not valid:
            return None
        key, ends_at = ApiKey.model_validate(valid[0][0]), valid[0][1].ends_at
        return (key, ends_at) if key.usable(at) and (ends_at is None or at < ends_at) else None

    async def note_use(self, key_id: str, at: datetime) -> None:
        """Store when the key was used, unless it was stored within the last minute."""
        used = col(ApiKeyRow.last_used_at)
        stale = update(ApiKeyRow).where(col(ApiKeyRow.id) == key_id, or_(used.is_(None), used <= at - USE_INTERVAL))
        async with self._database.transaction() as session:
            await session.exec(stale.values(last_used_at=at))

    async def rotate(self, key_id: str, overlap: timedelta, at: datetime) -> tuple[ApiKey, str] | None:
        """A new secret; those before it end after `overlap`. None for a key that is unknown or not usable."""
        secret = secrets.token_urlsafe(32)
        async with self._database.transaction() as session:
            key = await session.get(ApiKeyRow, key_id, with_for_update=True)
            if key is None or not ApiKey.model_validate(key).usable(at):
                return None
            ends = col(ApiKeySecretRow.ends_at)
            others = update(ApiKeySecretRow).where(col(ApiKeySecretRow.key_id) == key_id)
            await session.exec(others.where(or_(ends.is_(None), ends > at + overlap)).values(ends_at=at + overlap))
            session.add(ApiKeySecretRow(digest=_digest(secret), key_id=key_id, created_at=at))
            return ApiKey.model_validate(key), f"{key_id}.{secret}"

    async def revoke(self, key_id: str, by: str, at: datetime) -> ApiKey | None:
        """End the key now; a revoked one stays as it is. None for an unknown key."""
        async with self._database.transaction() as session:
            key = await session.get(ApiKeyRow, key_id, with_for_update=True)
            if key is not None and key.revoked_at is None:
                key.revoked_at, key.revoked_by = at, by
                await session.flush()
            return ApiKey.model_validate(key) if key is not None else None

    async def get(self, key_id: str) -> ApiKey | None:
        async with self._database.snapshot() as session:
            key = await session.get(ApiKeyRow, key_id)
            return ApiKey.model_validate(key) if key is not None else None

    async def page(self, limit: int, cursor: str | None = None) -> Page[ApiKey]:
        """`limit` keys, newest first, the revoked ones too. Raises InvalidCursor."""
        at, key_id = col(ApiKeyRow.created_at), col(ApiKeyRow.id)
        query = select(ApiKeyRow)
        if cursor is not None:
            before = read_cursor(cursor)
            query = query.where(tuple_(at, key_id) < tuple_(literal(before[0], Instant), literal(before[1])))
        async with self._database.snapshot() as session:
            rows = (await session.exec(query.order_by(at.desc(), key_id.desc()).limit(limit + 1))).all()
        shown = tuple(map(ApiKey.model_validate, rows[:limit]))
        next_cursor = write_cursor((shown[-1].created_at, shown[-1].id)) if len(rows) > limit else None
        return Page(items=shown, next_cursor=next_cursor)


def new_key_id(idempotency_key: str | None = None) -> str:
    """`key_...`, the public part of a token."""
    return new_id("key", idempotency_key)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
