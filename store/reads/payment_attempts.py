"""Store, read side: payment attempts compared with the ledger, for a page of subjects. One indexed query each.

Every ledger line belongs to an attempt: its key is the attempt's key or, for what the gateway did without us, the key
that made the payment with `:released`, `:expired`, `:captured` or `:adjusted:NN` (`activities.payments.as_reported`).
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.reconciliation_rules import OpenAttempt
from store.database import execute
from store.reads.booked_payment import ADJUSTED_SUFFIX, CAPTURED_SUFFIX
from store.tables.ledger import LedgerEntryRow
from store.tables.payment_attempts import PaymentAttemptRow
from store.tables.reconciliation import SeenPaymentRow
from store.upsert import table_of

RESULTS_IN_LEDGER: Final = ("hold", "charged", "refunded", "kept")
"""Values of `result` in a response for which the ledger has lines; a decline and a refusal move nothing."""
_ADJUSTED: Final = f"{ADJUSTED_SUFFIX}__"
_SUFFIXES: Final = (":released", ":expired", CAPTURED_SUFFIX, _ADJUSTED)
"""As patterns: `_` is any one character. A charge can be adjusted; the others are of holds."""

_ATTEMPTS, _LINES, _SEEN = (table_of(row) for row in (PaymentAttemptRow, LedgerEntryRow, SeenPaymentRow))


async def open_attempts(
    session: AsyncSession, reconciliation_id: str, subjects: Sequence[str]
) -> dict[str, list[OpenAttempt]]:
    """By subject, attempts without a response and attempts whose effect has no ledger line.

    The end of a hold that the gateway did not list is omitted: the key under which it was placed is unknown.
    """
    released = _ATTEMPTS.c.purpose == "release"
    end = _SEEN.c.reference + ":" + _ATTEMPTS.c.answer[("hold", "state")].as_string()
    booked = select(_LINES.c.id).where(_LINES.c.key == case((released, end), else_=_ATTEMPTS.c.key)).exists()
    unbooked = and_(
        _ATTEMPTS.c.answer["result"].as_string().in_(RESULTS_IN_LEDGER),
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
        .where(_ATTEMPTS.c.subject.in_(subjects), or_(_ATTEMPTS.c.answered_at.is_(None), unbooked))
        .order_by(_ATTEMPTS.c.key)
    )
    found: dict[str, list[OpenAttempt]] = defaultdict(list)
    for subject, key, purpose, first_sent_at, answered in await execute(session, rows):
        found[subject].append(OpenAttempt(key, purpose, first_sent_at, bool(answered)))
    return found


async def keys_without_attempt(session: AsyncSession, subjects: Sequence[str]) -> dict[str, list[str]]:
    """By subject, the keys in its ledger that belong to none of its attempts."""
    attempt = select(_ATTEMPTS.c.key).where(
        _ATTEMPTS.c.subject == _LINES.c.subject,
        or_(
            _ATTEMPTS.c.key == _LINES.c.key,
            and_(
                _ATTEMPTS.c.key == _without_suffix(_LINES.c.key),
                or_(_ATTEMPTS.c.purpose == "authorize", _LINES.c.key.like(f"%{_ADJUSTED}")),
            ),
        ),
    )
    rows = (
        select(_LINES.c.subject, _LINES.c.key)
        .where(_LINES.c.subject.in_(subjects), ~attempt.exists())
        .distinct()
        .order_by(_LINES.c.key)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for subject, key in await execute(session, rows):
        found[subject].append(key)
    return found


def _without_suffix(key: ColumnElement[str]) -> ColumnElement[str]:
    """The key that made the payment of which the ledger has more; NULL for any other key."""
    return case(*((key.like(f"%{end}"), func.substr(key, 1, func.length(key) - len(end))) for end in _SUFFIXES))
