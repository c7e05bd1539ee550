"""Store, read side: what is held, and what was ever captured and refunded, for metrics.

The ledger is append-only: sums over lines that stand are kept, so a call reads the newest lines alone.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import case, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.kinds import Attention
from store.reads.ledger import CARD, HOLDS_OPEN
from store.tables.claims import AttentionRow
from store.tables.ledger import LedgerEntryRow

NEWEST_LINES: Final = 10_000
"""PostgreSQL numbers a line before its transaction commits, so a line may appear below a later one: far fewer than
these are under way at any time."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Minor units by currency.

    `held`: open holds; `at_risk`: those of them that could not be renewed; `captured`: taken from cards, by captures
    and charges; `refunded`: given back to cards.
    """

    held: Counter[str] = field(default_factory=Counter)
    at_risk: Counter[str] = field(default_factory=Counter)
    captured: Counter[str] = field(default_factory=Counter)
    refunded: Counter[str] = field(default_factory=Counter)


class LedgerTotals:
    """The totals of one database, for one process. `newest`: how many lines are read again each time."""

    def __init__(self, newest: int = NEWEST_LINES) -> None:
        self._newest = newest
        self._settled, self._sums = 0, Totals()

    async def read(self, session: AsyncSession) -> Totals:
        """The totals in the snapshot of `session`. The first call reads the whole ledger."""
        last = (await session.exec(select(func.max(LedgerEntryRow.id)))).one() or 0
        settled, sums = self._settled, self._sums
        if last - self._newest > settled:
            sums = _added(sums, await _sums(session, settled, last - self._newest))
            settled = last - self._newest
            # Both at once, after the last await: calls at the same time compute the same from the same start.
            self._settled, self._sums = settled, sums
        totals = _added(sums, await _sums(session, settled, last))
        return Totals(totals.held, await _at_risk(session), totals.captured, totals.refunded)


async def _sums(session: AsyncSession, after: int, upto: int) -> Totals:
    """The totals of the lines `after` < id <= `upto`, without what is at risk."""
    amount, number = col(LedgerEntryRow.amount), col(LedgerEntryRow.id)
    query = (
        select(
            LedgerEntryRow.account,
            LedgerEntryRow.currency,
            func.sum(case((amount > 0, amount), else_=0)),
            func.sum(case((amount < 0, -amount), else_=0)),
        )
        .where(number > after, number <= upto, col(LedgerEntryRow.account).in_((CARD, HOLDS_OPEN)))
        .group_by(LedgerEntryRow.account, LedgerEntryRow.currency)
    )
    totals = Totals()
    for account, currency, plus, minus in await session.exec(query):
        # PostgreSQL's sum of BIGINT is NUMERIC.
        if account == HOLDS_OPEN:
            totals.held[currency] = int(plus) - int(minus)
        else:  # the card's account is the customer's: what is taken from it is negative
            totals.captured[currency], totals.refunded[currency] = int(minus), int(plus)
    return totals


async def _at_risk(session: AsyncSession) -> Counter[str]:
    """Open holds of the claims that are flagged `hold_at_risk`."""
    flagged = select(AttentionRow.claim_id).where(AttentionRow.code == Attention.HOLD_AT_RISK.value)
    query = (
        select(LedgerEntryRow.currency, func.sum(LedgerEntryRow.amount))
        .where(col(LedgerEntryRow.subject).in_(flagged), LedgerEntryRow.account == HOLDS_OPEN)
        .group_by(LedgerEntryRow.currency)
    )
    return Counter({currency: int(amount) for currency, amount in await session.exec(query)})


def _added(one: Totals, other: Totals) -> Totals:
    sums = Totals(held=Counter(one.held), captured=Counter(one.captured), refunded=Counter(one.refunded))
    # Unlike `+`, `update` keeps zero: a currency whose holds have all ended stays, as 0.
    sums.held.update(other.held)
    sums.captured.update(other.captured)
    sums.refunded.update(other.refunded)
    return sums
