"""Store, read side: the whole ledger, a page at a time or summed by the database. Writes nothing.

One claim's money is `store.ledger_view`'s.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.money import Money
from store.ledger_view import ACCOUNTS
from store.payment_tables import LedgerEntryRow

PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Balance:
    """What stands on `account`; the programme's signs, as in `store.ledger_view`."""

    account: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Unbalanced:
    """The lines of `key` for `subject` sum to `off_by` instead of zero."""

    subject: str
    key: str
    off_by: Money


async def entries(
    session: AsyncSession, start: datetime, end: datetime, page: int = PAGE
) -> AsyncIterator[Sequence[LedgerEntryRow]]:
    """The lines from `start` to before `end`, by moment and then by order of writing, at most `page` at once."""
    at, number = col(LedgerEntryRow.at), col(LedgerEntryRow.id)
    query = select(LedgerEntryRow).where(at >= start, at < end).order_by(at, number).limit(page)
    rows: Sequence[LedgerEntryRow] = (await session.exec(query)).all()
    while rows:
        yield rows
        last = rows[-1]
        rows = (await session.exec(query.where(tuple_(at, number) > (last.at, last.id)))).all()


async def balances(session: AsyncSession, before: datetime | None = None) -> tuple[Balance, ...]:
    """Every account that occurs, per currency, recomputed from the lines (those before `before`, if given)."""
    row = LedgerEntryRow
    query = select(row.currency, row.account, func.sum(row.amount)).group_by(row.currency, row.account)
    if before is not None:
        query = query.where(col(row.at) < before)
    # PostgreSQL sums big integers as numerics.
    found = [Balance(account, Money(int(amount), currency)) for currency, account, amount in await session.exec(query)]
    return tuple(sorted(found, key=lambda each: (each.amount.currency, _place(each.account))))


async def unbalanced(session: AsyncSession, most: int = 20) -> tuple[Unbalanced, ...]:
    """Keys whose lines do not sum to zero, the first `most`. There are none unless somebody went past
    `store.writes.ledger`."""
    row = LedgerEntryRow
    query = (
        select(row.subject, row.key, row.currency, func.sum(row.amount))
        .group_by(row.subject, row.key, row.currency)
        .having(func.sum(row.amount) != 0)
        .order_by(row.subject, row.key, row.currency)
        .limit(most)
    )
    return tuple(
        Unbalanced(subject, key, Money(int(amount), currency))
        for subject, key, currency, amount in await session.exec(query)
    )


def _place(account: str) -> int:
    return ACCOUNTS.index(account) if account in ACCOUNTS else len(ACCOUNTS)
