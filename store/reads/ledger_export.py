"""Store, read side: the whole ledger, by page or as balances computed by the database. Writes nothing.

`store.reads.ledger` reads the ledger of one claim.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.money import Money
from store.reads.ledger import ACCOUNTS
from store.tables.ledger import LedgerEntryRow

PAGE_SIZE: Final = 1000


@dataclass(frozen=True, slots=True)
class Balance:
    """The balance of `account`, with the programme's signs as in `store.reads.ledger`."""

    account: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Unbalanced:
    """The lines of `key` for `subject` sum to `off_by` instead of zero."""

    subject: str
    key: str
    off_by: Money


async def entries(
    session: AsyncSession, start: datetime, end: datetime, page: int = PAGE_SIZE
) -> AsyncIterator[Sequence[LedgerEntryRow]]:
    """The lines from `start` to before `end`, ordered by instant and then by writing, at most `page` at once."""
    at, number = col(LedgerEntryRow.at), col(LedgerEntryRow.id)
    query = select(LedgerEntryRow).where(at >= start, at < end).order_by(at, number).limit(page)
    rows: Sequence[LedgerEntryRow] = (await session.exec(query)).all()
    while rows:
        yield rows
        last = rows[-1]
        rows = (await session.exec(query.where(tuple_(at, number) > (last.at, last.id)))).all()


async def balances(session: AsyncSession, before: datetime | None = None) -> tuple[Balance, ...]:
    """Balances of all accounts with lines, per currency, computed from the lines (before `before`, if given)."""
    row = LedgerEntryRow
    query = select(row.currency, row.account, func.sum(row.amount)).group_by(row.currency, row.account)
    if before is not None:
        query = query.where(col(row.at) < before)
    # PostgreSQL's sum of BIGINT is NUMERIC.
    found = [Balance(account, Money(int(amount), currency)) for currency, account, amount in await session.exec(query)]
    return tuple(sorted(found, key=lambda each: (each.amount.currency, _account_order(each.account))))


async def unbalanced(session: AsyncSession, limit: int = 20) -> tuple[Unbalanced, ...]:
    """The first `limit` keys whose lines do not sum to zero: lines not written by `store.writes.ledger`."""
    row = LedgerEntryRow
    query = (
        select(row.subject, row.key, row.currency, func.sum(row.amount))
        .group_by(row.subject, row.key, row.currency)
        .having(func.sum(row.amount) != 0)
        .order_by(row.subject, row.key, row.currency)
        .limit(limit)
    )
    return tuple(
        Unbalanced(subject, key, Money(int(amount), currency))
        for subject, key, currency, amount in await session.exec(query)
    )


def _account_order(account: str) -> int:
    return ACCOUNTS.index(account) if account in ACCOUNTS else len(ACCOUNTS)
