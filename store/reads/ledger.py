"""Store, read side: the ledger of a claim or purchase, with balances computed from its lines. Writes nothing.

Signs are the programme's: income is positive on its account and negative on `card`, the customer's. Holds move no
money: open ones are on `holds_open` against `holds_placed`.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.money import Money
from store.tables.ledger import LedgerEntryRow

CARD: Final = "card"
DEPOSITS: Final = "deposits"
CAPTURED_ELSEWHERE: Final = "captured_elsewhere"
HOLDS_OPEN: Final = "holds_open"
HOLDS_PLACED: Final = "holds_placed"
ACCOUNTS: Final[tuple[str, ...]] = (
    CARD,
    "service_fees",
    "flyaway_fees",
    "repair_fees",
    "plan_sales",
    "default_charges",
    "parts_charges",
    DEPOSITS,
    CAPTURED_ELSEWHERE,
    HOLDS_OPEN,
    HOLDS_PLACED,
)


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One line: `amount` minor units of `currency` on `account`, written under the payment request's `key`."""

    at: datetime
    account: str
    amount: int
    currency: str
    key: str


@dataclass(frozen=True, slots=True)
class LedgerView:
    """The lines of one claim or purchase in the order of writing.

    `balances` has every account that occurs in them, with one amount per currency; their sum is zero per currency.
    """

    entries: tuple[LedgerLine, ...]
    balances: dict[str, tuple[Money, ...]]

    def balance(self, account: str, currency: str) -> Money:
        """The balance of `account` in `currency`; zero when nothing was booked there."""
        amounts = (money for money in self.balances.get(account, ()) if money.currency == currency)
        return next(amounts, Money(0, currency))


async def ledger(session: AsyncSession, subject: str) -> LedgerView:
    """The ledger of the claim or purchase `subject`; empty when nothing was booked for it."""
    lines = select(LedgerEntryRow).where(LedgerEntryRow.subject == subject).order_by(col(LedgerEntryRow.id))
    return view_of(
        LedgerLine(row.at, row.account, row.amount, row.currency, row.key) for row in await session.exec(lines)
    )


def view_of(lines: Iterable[LedgerLine]) -> LedgerView:
    """`lines` with their balances."""
    entries = tuple(lines)
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for line in entries:
        sums[line.account][line.currency] += line.amount
    balances = {
        account: tuple(Money(amount, currency) for currency, amount in sorted(sums[account].items()))
        for account in ACCOUNTS
        if account in sums
    }
    return LedgerView(entries, balances)
