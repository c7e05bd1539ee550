"""Store, read side: payment attempts and the ledger, compared for a page of subjects. A query each, by index.

Every line in the ledger comes from an attempt: it stands under the attempt's key, or, when it says that a hold has
ended, under `{key of its authorization}:released` or `:expired` (`activities.payment_steps.book_ends`).
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.reconciliation_rules import OpenAttempt
from store.attempt_table import PaymentAttemptRow
from store.once import table_of
from store.payment_tables import LedgerEntryRow
from store.reconciliation_tables import SeenPaymentRow

MOVED: Final = ("hold", "charged", "refunded", "kept")
"""The `result` of an answer after which the ledger has lines; a decline and a refusal move nothing."""
_ENDS: Final = (":released", ":expired")

_ATTEMPTS, _LINES, _SEEN = (table_of(row) for row in (PaymentAttemptRow, LedgerEntryRow, SeenPaymentRow))


async def open_attempts(
    session: AsyncSession, reconciliation_id: str, subjects: Sequence[str]
) -> dict[str, list[OpenAttempt]]:
    """By subject, those without an answer and those that moved something the ledger has no line of.

    The end of a hold that the gateway did not list is left out: nobody knows under which key it was placed.
    """
    released = _ATTEMPTS.c.purpose == "release"
    end = _SEEN.c.reference + ":" + _ATTEMPTS.c.answer[("hold", "state")].as_string()
    booked = select(_LINES.c.id).where(_LINES.c.key == case((released, end), else_=_ATTEMPTS.c.key)).exists()
    lost = and_(
        _ATTEMPTS.c.answer["result"].as_string().in_(MOVED),
        or_(~released, _SEEN.c.reference.is_not(None)),
        ~booked,
    )
    seen = and_(
        released,
        _SEEN.c.reconciliation_id == reconciliation_id,
        _SEEN.c.payment_id == _ATTEMPTS.c.acts_on,
    )
    rows = (
        select(
            _ATTEMPTS.c.subject,
            _ATTEMPTS.c.key,
            _ATTEMPTS.c.purpose,
            _ATTEMPTS.c.first_sent_at,
            _ATTEMPTS.c.answered_at.is_not(None).label("answered"),
        )
        .select_from(_ATTEMPTS.outerjoin(_SEEN, seen))
        .where(_ATTEMPTS.c.subject.in_(subjects), or_(_ATTEMPTS.c.answered_at.is_(None), lost))
        .order_by(_ATTEMPTS.c.key)
    )
    found: dict[str, list[OpenAttempt]] = defaultdict(list)
    for subject, key, purpose, first_sent_at, answered in await (await session.connection()).execute(rows):
        found[subject].append(OpenAttempt(key, purpose, first_sent_at, bool(answered)))
    return found


async def keys_without_attempt(session: AsyncSession, subjects: Sequence[str]) -> dict[str, list[str]]:
    """By subject, the keys in its ledger that none of its attempts explains."""
    attempt = select(_ATTEMPTS.c.key).where(
        _ATTEMPTS.c.subject == _LINES.c.subject,
        or_(
            _ATTEMPTS.c.key == _LINES.c.key,
            and_(_ATTEMPTS.c.key == _without_end(_LINES.c.key), _ATTEMPTS.c.purpose == "authorize"),
        ),
    )
    rows = (
        select(_LINES.c.subject, _LINES.c.key)
        .where(_LINES.c.subject.in_(subjects), ~attempt.exists())
        .distinct()
        .order_by(_LINES.c.key)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for subject, key in await (await session.connection()).execute(rows):
        found[subject].append(key)
    return found


def _without_end(key: ColumnElement[str]) -> ColumnElement[str]:
    """The key of the authorization whose hold has ended; NULL for any other key."""
    return case(*((key.like(f"%{end}"), func.substr(key, 1, func.length(key) - len(end))) for end in _ENDS))
