"""Store, write side: the double-entry ledger. A line is never changed; a mistake is corrected by another line.

Independent of gateways: callers book what happened to a payment under the idempotency key of the request.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, insert, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.money import Money
from store.database import execute
from store.reads.ledger import ACCOUNTS, CAPTURED_ELSEWHERE, CARD, DEPOSITS, HOLDS_OPEN, HOLDS_PLACED
from store.tables.ledger import LedgerEntryRow
from store.upsert import table_of

_LINES: Final = table_of(LedgerEntryRow)
_INSERT_LINES: Final = insert(_LINES)
_SELECT_LINES: Final = select(_LINES.c.subject, _LINES.c.account, _LINES.c.amount, _LINES.c.currency).where(
    _LINES.c.key == bindparam("where_key")
)


class LedgerConflict(Exception):
    """Other lines are stored under the key already: a key was used for two postings."""


async def book_hold_placed(session: AsyncSession, subject: str, key: str, at: datetime, hold: Money) -> None:
    """A hold was placed. It moves no money."""
    await post(session, subject, key, at, {HOLDS_OPEN: hold, HOLDS_PLACED: -hold})


async def book_hold_ended(session: AsyncSession, subject: str, key: str, at: datetime, hold: Money) -> None:
    """A hold was released or has expired."""
    await post(session, subject, key, at, {HOLDS_OPEN: -hold, HOLDS_PLACED: hold})


async def book_hold_captured(
    session: AsyncSession, subject: str, key: str, at: datetime, hold: Money, captured: Money, account: str
) -> None:
    """`captured` of `hold` was captured for `account`; the rest of it is released."""
    lines = {HOLDS_OPEN: -hold, HOLDS_PLACED: hold, CARD: -captured, account: captured}
    await post(session, subject, key, at, lines)


async def book_captured_elsewhere(
    session: AsyncSession, subject: str, key: str, at: datetime, hold: Money, captured: Money
) -> None:
    """`captured` of `hold` was captured by somebody else; the rest of it is released."""
    await book_hold_captured(session, subject, key, at, hold, captured, CAPTURED_ELSEWHERE)


async def book_moved(session: AsyncSession, subject: str, key: str, at: datetime, moved: Money, to: str) -> None:
    """`moved`, booked as captured by somebody else, turns out to be a capture for `to`."""
    await post(session, subject, key, at, {CAPTURED_ELSEWHERE: -moved, to: moved})


async def book_charge(
    session: AsyncSession, subject: str, key: str, at: datetime, charged: Money, account: str
) -> None:
    """`charged` was charged to the card for `account`."""
    await post(session, subject, key, at, {CARD: -charged, account: charged})


async def book_refund(
    session: AsyncSession, subject: str, key: str, at: datetime, refunded: Money, account: str
) -> None:
    """`refunded` was refunded to the card from `account`."""
    await post(session, subject, key, at, {CARD: refunded, account: -refunded})


async def book_deposit_kept(
    session: AsyncSession, subject: str, key: str, at: datetime, kept: Money, account: str, source: str = DEPOSITS
) -> None:
    """`kept` of an earlier capture, booked on `source`, is earned for `account`."""
    await post(session, subject, key, at, {source: -kept, account: kept})


async def post(session: AsyncSession, subject: str, key: str, at: datetime, lines: Mapping[str, Money]) -> None:
    """Write `lines` under `key`, unless exactly these are stored already.

    Raises ValueError when they do not sum to zero per currency or name an unknown account, LedgerConflict when other
    lines are stored under the key.
    """
    sums: Counter[str] = Counter()
    for account, money in lines.items():
        if account not in ACCOUNTS:
            raise ValueError(f"the ledger has no account {account!r}")
        sums[money.currency] += money.amount
    if any(sums.values()):
        raise ValueError(f"the lines of {key} do not sum to zero: {dict(sums)}")

    stored = {tuple(line) for line in await execute(session, _SELECT_LINES, {"where_key": key})}
    new = {(subject, account, money.amount, money.currency) for account, money in lines.items()}
    if stored:
        if stored != new:
            raise LedgerConflict(f"{key} has other lines in the ledger than asked for")
        return
    rows = [
        {"at": at, "subject": subject, "account": account, "amount": amount, "currency": currency, "key": key}
        for subject, account, amount, currency in sorted(new, key=lambda line: ACCOUNTS.index(line[1]))
    ]
    await execute(session, _INSERT_LINES, rows)
