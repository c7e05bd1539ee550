"""Store, write side: payment attempts. A request is stored before it is sent, its response when it is known.

The stored row decides whether a request is sent and how old its key is, by the wall clock, not a workflow's clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import bindparam, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.money import Money
from store.database import execute
from store.tables.payment_attempts import PaymentAttemptRow
from store.upsert import insert_once, table_of

Purpose = Literal["authorize", "capture", "release", "charge", "refund", "keep_deposit"]
ResponseJson = Mapping[str, Any]

_ATTEMPTS: Final = table_of(PaymentAttemptRow)
_SELECT_ATTEMPT: Final = select(_ATTEMPTS.c.fingerprint, _ATTEMPTS.c.first_sent_at, _ATTEMPTS.c.answer).where(
    _ATTEMPTS.c.key == bindparam("where_key")
)
_LOCK_ATTEMPT: Final = _SELECT_ATTEMPT.with_for_update()
_UPDATE_RESPONSE: Final = update(_ATTEMPTS).where(
    _ATTEMPTS.c.key == bindparam("where_key"), _ATTEMPTS.c.answered_at.is_(None)
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that changes a payment; its fields are the columns of `PaymentAttemptRow`."""

    key: str
    subject: str
    purpose: Purpose
    acts_on: str
    amount: Money | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class RecordedAttempt:
    """The stored attempt of a key: when it was first sent (wall clock), and its response, None until it is known."""

    first_sent_at: datetime
    response: ResponseJson | None


class AttemptKeyReused(Exception):
    """Another request is stored under the key: a mistake in the caller."""


async def open_attempt(session: AsyncSession, attempt: Attempt, now: datetime) -> RecordedAttempt:
    """Store the request as first sent at `now`, unless it is stored already; returns the stored attempt.

    While another transaction writes the same key, this waits for its end. Raises AttemptKeyReused when another request
    is stored under the key.
    """
    row = {
        "key": attempt.key,
        "subject": attempt.subject,
        "purpose": attempt.purpose,
        "acts_on": attempt.acts_on,
        "amount": None if attempt.amount is None else attempt.amount.amount,
        "currency": None if attempt.amount is None else attempt.amount.currency,
        "fingerprint": attempt.fingerprint,
        "first_sent_at": now,
    }
    if await insert_once(session, PaymentAttemptRow, row):
        return RecordedAttempt(now, None)
    stored = (await execute(session, _SELECT_ATTEMPT, {"where_key": attempt.key})).one()
    if stored.fingerprint != attempt.fingerprint:
        raise AttemptKeyReused(attempt.key)
    return RecordedAttempt(stored.first_sent_at, stored.answer)


async def lock_attempt(session: AsyncSession, key: str) -> RecordedAttempt:
    """The attempt of `key`, locked until the transaction ends. Raises SQLAlchemy's NoResultFound if there is none."""
    stored = (await execute(session, _LOCK_ATTEMPT, {"where_key": key})).one()
    return RecordedAttempt(stored.first_sent_at, stored.answer)


async def record_response(session: AsyncSession, key: str, response: ResponseJson, now: datetime) -> None:
    """Store the response, once; a later one changes nothing."""
    await execute(session, _UPDATE_RESPONSE, {"where_key": key, "answer": response, "answered_at": now})
