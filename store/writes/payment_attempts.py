"""Store, write side: payment attempts. A request is written down before it is sent, its answer when it is known.

What a row says of a key decides whether the request is sent, and how old the key is: never a workflow's clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import bindparam, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.money import Money
from store.attempt_table import PaymentAttemptRow
from store.core import core
from store.once import insert_once, table_of

Purpose = Literal["authorize", "capture", "release", "charge", "refund", "keep_deposit"]
AnswerJson = Mapping[str, Any]

_ATTEMPTS: Final = table_of(PaymentAttemptRow)
_OF_KEY: Final = select(_ATTEMPTS.c.fingerprint, _ATTEMPTS.c.first_sent_at, _ATTEMPTS.c.answer).where(
    _ATTEMPTS.c.key == bindparam("asked")
)
_LOCKED: Final = _OF_KEY.with_for_update()
_ANSWERS: Final = update(_ATTEMPTS).where(_ATTEMPTS.c.key == bindparam("asked"), _ATTEMPTS.c.answered_at.is_(None))


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that moves something, as it is written down (`PaymentAttemptRow` says what the columns are)."""

    key: str
    subject: str
    purpose: Purpose
    acts_on: str
    amount: Money | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class StandingAttempt:
    """What stands under a key: when it was first sent (wall clock), and its answer, None while it is not known."""

    first_sent_at: datetime
    answer: AnswerJson | None


class AttemptKeyReused(Exception):
    """Another request stands under the key: a mistake in the caller."""


async def open_attempt(session: AsyncSession, attempt: Attempt, now: datetime) -> StandingAttempt:
    """Write the request down as first sent at `now`, unless it stands there; what stands there.

    While another transaction writes the same key, this waits for its end. Raises AttemptKeyReused when another request
    stands under the key.
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
        return StandingAttempt(now, None)
    there = (await core(session, _OF_KEY, {"asked": attempt.key})).one()
    if there.fingerprint != attempt.fingerprint:
        raise AttemptKeyReused(attempt.key)
    return StandingAttempt(there.first_sent_at, there.answer)


async def lock_attempt(session: AsyncSession, key: str) -> StandingAttempt:
    """What stands under `key`, which nobody else answers before this transaction ends. Raises ValueError for none."""
    there = (await core(session, _LOCKED, {"asked": key})).one()
    return StandingAttempt(there.first_sent_at, there.answer)


async def answer_attempt(session: AsyncSession, key: str, answer: AnswerJson, now: datetime) -> None:
    """Write the answer down, once; a later one changes nothing."""
    await core(session, _ANSWERS, {"asked": key, "answer": answer, "answered_at": now})
