"""Store, write side: double entry. A line is written once and never changed; a mistake is put right by another line.

Knows no gateway: what happened to a payment is told by whoever made it happen, under the key it happened under.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, insert, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.money import Money
from store.core import core
from store.ledger_view import ACCOUNTS, CARD, DEPOSITS, HOLDS_OPEN, HOLDS_PLACED
from store.once import table_of
from store.payment_tables import LedgerEntryRow

_LINES: Final = table_of(LedgerEntryRow)
_WRITES: Final = insert(_LINES)
_LINES_OF: Final = select(_LINES.c.subject, _LINES.c.account, _LINES.c.amount, _LINES.c.currency).where(
    _LINES.c.key == bindparam("asked")
)


class LedgerConflict(Exception):
    """Other lines than these stand under the key already: a key was used for two things."""


async def book_hold_placed(session: AsyncSession, subject: str, key: str, at: datetime, hold: Money) -> None:
    """A hold was placed. It is no money yet."""
    await post(session, subject, key, at, {HOLDS_OPEN: hold, HOLDS_PLACED: -hold})


async def book_hold_ended(session: AsyncSession, subject: str, key: str, at: datetime, hold: Money) -> None:
    """A hold was released or has expired."""
    await post(session, subject, key, at, {HOLDS_OPEN: -hold, HOLDS_PLACED: hold})


async def book_hold_captured(
    session: AsyncSession, subject: str, key: str, at: datetime, hold: Money, captured: Money, account: str
) -> None:
    """`captured` of `hold` was taken for `account`; nothing of it is held any more."""
    lines = {HOLDS_OPEN: -hold, HOLDS_PLACED: hold, CARD: -captured, account: captured}
    await post(session, subject, key, at, lines)


async def book_charge(
    session: AsyncSession, subject: str, key: str, at: datetime, charged: Money, account: str
) -> None:
    """`charged` was taken from the card for `account`."""
    await post(session, subject, key, at, {CARD: -charged, account: charged})


async def book_refund(
    session: AsyncSession, subject: str, key: str, at: datetime, refunded: Money, account: str
) -> None:
    """`refunded` went back to the card from `account`."""
    await post(session, subject, key, at, {CARD: refunded, account: -refunded})


async def book_deposit_kept(
    session: AsyncSession, subject: str, key: str, at: datetime, kept: Money, account: str
) -> None:
    """`kept` of a deposit taken earlier is earned for `account`."""
    await post(session, subject, key, at, {DEPOSITS: -kept, account: kept})


async def post(session: AsyncSession, subject: str, key: str, at: datetime, lines: Mapping[str, Money]) -> None:
    """Write `lines` under `key`, or nothing when just these stand there already.

    Raises ValueError when they do not sum to zero per currency or name an unknown account, LedgerConflict when other
    lines stand under the key.
    """
    sums: Counter[str] = Counter()
    for account, money in lines.items():
        if account not in ACCOUNTS:
            raise ValueError(f"the ledger has no account {account!r}")
        sums[money.currency] += money.amount
    if any(sums.values()):
        raise ValueError(f"the lines of {key} do not sum to zero: {dict(sums)}")

    there = {tuple(line) for line in await core(session, _LINES_OF, {"asked": key})}
    asked = {(subject, account, money.amount, money.currency) for account, money in lines.items()}
    if there:
        if there != asked:
            raise LedgerConflict(f"{key} has other lines in the ledger than asked for")
        return
    rows = [
        {"at": at, "subject": subject, "account": account, "amount": amount, "currency": currency, "key": key}
        for subject, account, amount, currency in sorted(asked, key=lambda line: ACCOUNTS.index(line[1]))
    ]
    await core(session, _WRITES, rows)
