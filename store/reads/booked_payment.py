"""Store, read side: what the ledger has of one payment at the gateway. Writes nothing.

A capture or refund that a request of ours made is booked under the request's key, which its attempt has. What the
gateway did without us is booked under keys of the payment's reference: `CAPTURED_SUFFIX` and `ADJUSTED_SUFFIX`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, select
from sqlmodel.ext.asyncio.session import AsyncSession

from store.database import execute
from store.reads.ledger import CARD, HOLDS_OPEN, HOLDS_PLACED, LedgerLine, LedgerView, ledger
from store.tables.payment_attempts import PaymentAttemptRow
from store.upsert import table_of

CAPTURED_SUFFIX: Final = ":captured"
ADJUSTED_SUFFIX: Final = ":adjusted:"
"""Followed by two digits: the adjustments of a payment are numbered from 00."""
_NO_INCOME: Final = (CARD, HOLDS_OPEN, HOLDS_PLACED)

_ATTEMPTS: Final = table_of(PaymentAttemptRow)
_OF_SUBJECT: Final = select(_ATTEMPTS.c.key, _ATTEMPTS.c.purpose, _ATTEMPTS.c.acts_on).where(
    _ATTEMPTS.c.subject == bindparam("of_subject")
)


@dataclass(frozen=True, slots=True)
class BookedPayment:
    """What is booked of a payment, in minor units. `account` is where the captured money stands now, None when nothing
    was captured. `adjustments` counts the bookings of what the gateway did without us after the capture."""

    captured: int
    refunded: int
    account: str | None
    adjustments: int


@dataclass(frozen=True, slots=True)
class BookedSubject:
    """The ledger of a claim or purchase, and its requests as (key, purpose, what it acts on)."""

    ledger: LedgerView
    requests: tuple[tuple[str, str, str], ...]

    def payment(self, payment_id: str, reference: str) -> BookedPayment:
        """What is booked of the payment that the request `reference` has made."""
        captures = {reference, f"{reference}{CAPTURED_SUFFIX}"} | self._keys("capture", payment_id)
        refunds = self._keys("refund", payment_id)
        captured = [line for line in self.ledger.entries if line.key in captures]
        adjusted = [line for line in self.ledger.entries if line.key.startswith(f"{reference}{ADJUSTED_SUFFIX}")]
        given_back = [line for line in self.ledger.entries if line.key in refunds] + adjusted
        return BookedPayment(
            captured=-_on_card(captured),
            refunded=_on_card(given_back),
            account=self._account(captured),
            adjustments=len({line.key for line in adjusted}),
        )

    def _keys(self, purpose: str, payment_id: str) -> set[str]:
        return {key for key, made_for, acts_on in self.requests if (made_for, acts_on) == (purpose, payment_id)}

    def _account(self, captured: Iterable[LedgerLine]) -> str | None:
        """Where a capture was booked, or where a request has moved it to since."""
        first = [line.account for line in captured if line.account not in _NO_INCOME and line.amount > 0]
        if not first:
            return None
        moves = {key for key, made_for, _ in self.requests if made_for == "keep_deposit"}
        moved = [line.account for line in self.ledger.entries if line.key in moves and line.amount > 0]
        balances = {account: self._balance(account) for account in (*first, *moved)}
        return max(balances, key=lambda account: balances[account])

    def _balance(self, account: str) -> int:
        return sum(line.amount for line in self.ledger.entries if line.account == account)


async def booked_subject(session: AsyncSession, subject: str) -> BookedSubject:
    """The ledger of the claim or purchase and its requests."""
    requests = await execute(session, _OF_SUBJECT, {"of_subject": subject})
    return BookedSubject(await ledger(session, subject), tuple((key, made_for, on) for key, made_for, on in requests))


def _on_card(lines: Iterable[LedgerLine]) -> int:
    return sum(line.amount for line in lines if line.account == CARD)
