"""Benchmarks: what must hold of every claim's money, by the numbers of the invariants it was specified with. Pure.

Per hold 1-6, per claim 7-12, for the ledger 13 and 14; the fifteenth (webhooks in any order) has tests of its own.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from activities.gateway import Payment
from domain.claim import Claim
from domain.kinds import Attention, ClaimState, HoldState, Outcome
from store.ledger_view import CARD, DEPOSITS, HOLDS_OPEN, LedgerLine

_TRIES_A_DAY: Final = 4 / 3
"""At most four tries a hold, and a hold is renewed every three days at the most."""
_EXCUSES: Final = frozenset({"hold_at_risk", "hold_ended", "deposit_taken", "hold_unknown"})
_UNTIL_VERDICT: Final = frozenset(
    {ClaimState.AWAITING_RETURN, ClaimState.INSPECTING, ClaimState.AWAITING_CURE, ClaimState.AWAITING_PARTS}
)


@dataclass(frozen=True, slots=True)
class Facts:
    """One Premium claim as everybody knows it. `at` is its clock; `events` the kinds of its timeline.

    `ship_asked_at` is when the warehouse was asked to ship, None when it never was.
    """

    claim: Claim
    payments: tuple[Payment, ...]
    lines: tuple[LedgerLine, ...]
    events: tuple[str, ...]
    ship_asked_at: datetime | None
    at: datetime


def violations(facts: Facts) -> list[str]:
    """Each violated invariant: its number and a sentence; empty when all hold."""
    checks = (_holds, _claim, _cover, _charges, _shipping, _tries, _ledger, _agreement)
    return [said for check in checks for said in check(facts)]


def _of(facts: Facts, kind: str) -> list[Payment]:
    return [payment for payment in facts.payments if payment.kind == kind]


def _holds(facts: Facts) -> Iterator[str]:
    references = Counter(payment.reference for payment in facts.payments)
    for payment in facts.payments:
        if references[payment.reference] > 1:
            yield f"5: {payment.reference} had more than one effect"
        if not 0 <= payment.refunded.amount <= payment.captured.amount <= payment.amount.amount:
            yield f"2: {payment.id} has {payment.refunded} of {payment.captured} of {payment.amount}"
        if (payment.captured.amount > 0) != (payment.status == "captured"):
            yield f"4: {payment.id} is {payment.status} with {payment.captured} captured"
        if payment.kind == "charge" and payment.status != "captured":
            yield f"4: the charge {payment.id} is {payment.status}"
    ends = Counter(line.key for line in facts.lines if line.account == HOLDS_OPEN and line.amount < 0)
    ended = sum(ends.values())
    if ended != sum(payment.status != "authorized" for payment in _of(facts, "hold")):
        yield f"1, 3: {ended} ends are booked for the holds that have ended"


def _claim(facts: Facts) -> Iterator[str]:
    holds = _of(facts, "hold")
    live = [hold for hold in holds if hold.status == "authorized"]
    if facts.claim.state is ClaimState.CLOSED and live:
        yield f"7: {len(live)} holds live on after the claim was closed"
    if len(live) > 1:
        yield f"7: {len(live)} holds are live outside a renewal"
    captured = [hold for hold in holds if hold.captured]
    if len(captured) > 1 or any(hold != holds[-1] for hold in captured):
        yield "7: another hold than the current one was captured"


def _cover(facts: Facts) -> Iterator[str]:
    live = any(hold.held for hold in _of(facts, "hold"))
    explained = Attention.HOLD_AT_RISK in facts.claim.attention or _EXCUSES & set(facts.events)
    if facts.claim.state in _UNTIL_VERDICT and not live and not explained:
        yield "8: no live hold covers the claim, and nothing says why"


def _charges(facts: Facts) -> Iterator[str]:
    claim = facts.claim
    paid = -_balance(facts, CARD)
    hold = claim.hold.amount.amount if claim.hold else 0
    if paid > claim.fee.amount + hold:
        yield f"9: {paid} was charged, the fee and the hold are {claim.fee.amount + hold}"
    taken = sum(line.amount > 0 for line in facts.lines if line.account in ("default_charges", "parts_charges"))
    if taken > 1:
        yield f"9: {taken} default or parts charges"
    if sum(payment.reference.endswith(":fee") for payment in facts.payments) > 1:
        yield "9: the fee was charged twice"
    if claim.outcome is Outcome.HOLD_RELEASED and paid != claim.fee.amount:
        yield f"9: a good return cost {paid}, the fee is {claim.fee.amount}"
    if claim.outcome in (Outcome.CANCELLED, Outcome.PAYMENT_DECLINED) and claim.dispatched_on is None and paid:
        yield f"10: nothing was shipped, and {paid} was paid"
    if claim.state is ClaimState.CLOSED and _balance(facts, DEPOSITS):
        yield "9: a deposit is neither kept nor given back"


def _shipping(facts: Facts) -> Iterator[str]:
    asked = facts.ship_asked_at
    if asked is None:
        if facts.claim.dispatched_on is not None:
            yield "11: shipped without having been asked for"
        return
    before = [line for line in facts.lines if line.at <= asked]
    if not any(line.account == HOLDS_OPEN and line.amount > 0 for line in before):
        yield "11: shipped before a hold was certain"
    if facts.claim.fee and not any(line.account == CARD and line.amount < 0 for line in before):
        yield "11: shipped before the fee was certain"


def _tries(facts: Facts) -> Iterator[str]:
    end = facts.claim.closed_at or facts.at
    days = (end - facts.claim.opened_at) / timedelta(days=1)
    tries = len(_of(facts, "hold")) + facts.events.count("hold_declined")
    if tries > 8 + days * _TRIES_A_DAY:
        yield f"12: {tries} tries to hold in {days:.0f} days"


def _ledger(facts: Facts) -> Iterator[str]:
    sums: Counter[tuple[str, str]] = Counter()
    for line in facts.lines:
        sums[line.key, line.currency] += line.amount
    for (key, currency), amount in sums.items():
        if amount:
            yield f"13: the lines of {key} sum to {amount} {currency}"


def _agreement(facts: Facts) -> Iterator[str]:
    kept = sum(payment.captured.amount - payment.refunded.amount for payment in facts.payments)
    if kept != -_balance(facts, CARD):
        yield f"14: the gateway kept {kept}, the ledger says {-_balance(facts, CARD)}"
    held = sum(payment.held.amount for payment in facts.payments)
    if held != _balance(facts, HOLDS_OPEN):
        yield f"14: the gateway holds {held}, the ledger says {_balance(facts, HOLDS_OPEN)}"
    mine = facts.claim.hold
    if mine is not None and mine.state is HoldState.AUTHORIZED and not held:
        yield "14: the claim believes in a hold that the gateway does not have"


def _balance(facts: Facts, account: str) -> int:
    return sum(line.amount for line in facts.lines if line.account == account)
