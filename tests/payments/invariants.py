"""The fifteen invariants of the payments specification, checked for one claim against everything written about it.

Pure: from gateway, ledger, claim, timeline and warehouse it computes the broken invariants. It uses its own sums and
moments, and of the product's rules only whether a return is in time. Number 6 is 1 to 5 with lost responses, and 15 is
`fingerprint` before and after webhooks are repeated; the caller that runs a claim checks both.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil

from domain import returns, settlement
from domain.claim import Claim
from domain.inspection import SerialMatch, compare_serials
from domain.kinds import ClaimState, HoldState, Outcome
from store.reads.ledger import ACCOUNTS, CARD, HOLDS_OPEN
from tests.payments.claim_snapshot import ClaimSnapshot, SnapshotPayment
from tests.payments.hold_invariants import captured_is_a_state, nothing_lost_of_a_hold, one_effect_a_key, one_end, sums
from tests.payments.inspection_invariants import the_accepted_device_is_never_charged

NUMBERS = range(1, 16)
OUTAGE = timedelta(hours=1)
"""How long a renewal may be under way, and a hold be late, while a worker is down: far below what a claim waits."""
SHORTEST_HOLD = timedelta(days=3, hours=6)
"""A Visa's renewed hold, 4 d 18 h, is renewed 36 h before its end."""
NETWORKS_LIMIT = 15
"""Declined tries of a card in 30 days from which on card networks complain."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Invariant `number` is broken, and how."""

    number: int
    sentence: str


def violations(snapshot: ClaimSnapshot, before: ClaimSnapshot | None = None) -> list[Violation]:
    """Every broken invariant of the claim; `before` is an earlier snapshot: nothing that was final
    then may have changed."""
    found = [Violation(number, sentence) for number, rule in RULES for sentence in rule(snapshot)]
    if before is not None:
        found += [Violation(number, sentence) for number, sentence in _changed(before, snapshot)]
    return found


def fingerprint(snapshot: ClaimSnapshot) -> object:
    """The claim's amounts, which repeated webhooks must not change (15)."""
    return (
        snapshot.claim.state,
        snapshot.claim.outcome,
        snapshot.claim.amount_owed,
        sorted((p.reference, p.status, p.captured, p.refunded) for p in snapshot.payments),
        [(account, snapshot.balance(account)) for account in ACCOUNTS],
    )


# -- per claim --------------------------------------------------------------------------------------------------------


def _one_current_hold(snapshot: ClaimSnapshot) -> Iterator[str]:
    live = [hold for hold in snapshot.holds if hold.live(snapshot.now)]
    settled = snapshot.claim.state in (ClaimState.CLOSED, ClaimState.DEFAULTED)
    if len(live) > (0 if settled else 1):
        yield f"{len(live)} holds are live in a claim that is {snapshot.claim.state}"
    current = snapshot.claim.hold
    believed = current.expires_at if current and current.state is HoldState.AUTHORIZED else None
    if live and not snapshot.closed and live[-1].expires_at != believed:
        yield f"the live hold {live[-1].reference} is not the claim's"
    if not live and believed is not None and believed > snapshot.now:
        yield "the claim believes in a live hold, and the gateway has none"
    latest = max(snapshot.holds, key=lambda hold: (hold.created_at, hold.reference), default=None)
    # One that somebody else captured is the current one, whatever was placed after it.
    elsewhere = {line.key.removesuffix(":captured") for line in snapshot.lines if line.key.endswith(":captured")}
    for hold in snapshot.holds:
        if hold.captured and hold is not latest and hold.reference not in elsewhere and not snapshot.reset:
            yield f"the hold {hold.reference} was captured, and {latest.reference if latest else 'none'} is the current"
    if snapshot.reset:
        return
    ends = snapshot.ends()
    for hold in snapshot.holds:
        beside = [o for o in snapshot.holds if o is not hold and _overlap(hold, o, ends, snapshot.now) > OUTAGE]
        # A renewal without a response counts from its request, and the old hold stays until there is one.
        if beside and not snapshot.unanswered(later := max(hold.created_at, beside[0].created_at), later):
            yield f"the hold {hold.reference} was live for long beside {beside[0].reference}"
            return


def _overlap(one: SnapshotPayment, other: SnapshotPayment, ends: dict[str, datetime], now: datetime) -> timedelta:
    until = min(ends.get(one.reference, now), ends.get(other.reference, now))
    return until - max(one.created_at, other.created_at)


def _covered(snapshot: ClaimSnapshot) -> Iterator[str]:
    shipped = snapshot.first("replacement_dispatched")
    if shipped is None or snapshot.reset:
        return
    verdict = snapshot.first("closed", "hold_captured", "card_charged", "amount_owed", "deposit_kept") or snapshot.now
    ends, reached = snapshot.ends(), shipped
    for old, new in pairwise(sorted(snapshot.holds, key=lambda hold: hold.created_at)):
        if old.status == "released" and ends.get(old.reference, new.created_at) < new.created_at < verdict:
            yield f"the hold {old.reference} was released before {new.reference} was there"
    for hold in sorted(snapshot.holds, key=lambda hold: hold.created_at):
        if hold.created_at - reached > OUTAGE and reached < verdict and not _explained(snapshot, reached):
            yield f"no hold covered the claim from {reached} to {hold.created_at}, and no reason is recorded"
        reached = max(reached, ends.get(hold.reference, verdict))
    if verdict - reached > OUTAGE and not _explained(snapshot, reached):
        yield f"no hold covered the claim from {reached} to {verdict}, and no reason is recorded"


def _explained(snapshot: ClaimSnapshot, gap: datetime) -> bool:
    """Whether it was written down, since the last hold and before this one was over, why there is no other."""
    placed = max((e.at for e in snapshot.events if e.kind == "hold_authorized" and e.at <= gap), default=gap)
    reasons = ("hold_at_risk", "deposit_taken", "hold_captured_elsewhere")
    return snapshot.unanswered(gap, gap + OUTAGE) or any(
        e.kind in reasons and placed <= e.at <= gap + OUTAGE for e in snapshot.events
    )


def _never_too_much(snapshot: ClaimSnapshot) -> Iterator[str]:
    claim, taken = snapshot.claim, sum(p.captured for p in snapshot.payments)
    differences = settlement.differences(claim.missing, claim.fee.currency).amount
    hold = claim.hold.amount.amount if claim.hold else 0
    if taken > claim.fee.amount + max(hold, differences):
        yield f"{taken} was taken for a fee of {claim.fee.amount} and a hold of {hold}"
    charges = [line.key for line in snapshot.lines if line.account == "default_charges" and line.amount > 0]
    if len(charges) > 1:
        yield f"the default was charged {len(charges)} times: {', '.join(charges)}"
    fees = [line.key for line in snapshot.lines if line.account == "service_fees" and line.amount > 0]
    if len(fees) > 1:
        yield f"the fee was charged {len(fees)} times: {', '.join(fees)}"
    shipped = snapshot.first("replacement_dispatched")
    given_back = sum(p.refunded for p in snapshot.payments if p.reference == f"{claim.id}:fee")
    # A reset charges no fee again that the run before gave back.
    if shipped and given_back and not snapshot.reset:
        yield f"{given_back} of the fee was given back although the replacement has left"
    if snapshot.closed:
        yield from _costs_what_it_should(snapshot, hold, differences)


def _costs_what_it_should(snapshot: ClaimSnapshot, hold: int, differences: int) -> Iterator[str]:
    claim = snapshot.claim
    kept = sum(p.kept for p in snapshot.payments if p.reference != f"{claim.id}:fee")
    cost = kept + claim.amount_owed.amount
    late = snapshot.policy.late_fee + differences
    if snapshot.first("hold_captured_elsewhere"):
        # From then on the sum taken decides: what it is short of is not charged.
        hold = min(hold, sum(each.captured for each in snapshot.holds))
        differences = min(differences, hold)
    costs = {
        Outcome.HOLD_RELEASED: 0,
        Outcome.WAIVED: 0,
        Outcome.CANCELLED: 0,
        Outcome.PAYMENT_DECLINED: 0,
        Outcome.DEFAULT_CHARGED: hold,
        Outcome.PARTS_CHARGED: differences,
        Outcome.LATE_RETURN_REFUNDED: differences if _good_in_time(claim) else min(late, hold),
    }
    should = costs.get(claim.outcome) if claim.outcome else None
    if should is not None and cost != should:
        yield f"closed as {claim.outcome}, {kept} was kept and {claim.amount_owed.amount} is owed beside the fee"
    if _good_in_time(claim) and not claim.missing and cost:
        yield f"the right unit came back whole and in time, and it cost {cost}"


def _good_in_time(claim: Claim) -> bool:
    returning, seen = claim.returning, claim.inspection
    if returning is None or returning.arrived_at is None or seen is None or not seen.genuine:
        return False
    same = compare_serials(claim.serial_number, seen.serial_number) is SerialMatch.SAME
    return same and returns.in_time(returning, returning.arrived_at)


def _cancelled_costs_nothing(snapshot: ClaimSnapshot) -> Iterator[str]:
    undone = snapshot.claim.outcome in (Outcome.CANCELLED, Outcome.PAYMENT_DECLINED)
    if not undone or snapshot.first("replacement_dispatched"):
        return
    kept = sum(p.kept for p in snapshot.payments)
    if kept or snapshot.balance(CARD):
        paid = -snapshot.balance(CARD)
        yield f"{snapshot.claim.outcome} before dispatch, and the customer has paid {kept}, by the ledger {paid}"
    if snapshot.requested_at and not snapshot.withdrawn_at:
        yield f"{snapshot.claim.outcome} before dispatch, and the warehouse still ships"


def _nothing_ships_unsecured(snapshot: ClaimSnapshot) -> Iterator[str]:
    ships = min(filter(None, (snapshot.requested_at, snapshot.first("replacement_dispatched"))), default=None)
    if ships is None or snapshot.reset:
        return
    if not any(line.account == HOLDS_OPEN and line.amount > 0 and line.at <= ships for line in snapshot.lines):
        yield "the warehouse had a dispatch request before there was a hold"
    for left in (event.at for event in snapshot.events if event.kind == "replacement_dispatched"):
        if not _secured_at(snapshot, left):
            yield f"the replacement left at {left}, and nothing was held or taken then"
    paid = sum(line.amount for line in snapshot.lines if line.account == "service_fees" and line.at <= ships)
    if paid != snapshot.claim.fee.amount:
        yield f"the warehouse had a dispatch request when {paid} of the fee of {snapshot.claim.fee.amount} was paid"


def _secured_at(snapshot: ClaimSnapshot, at: datetime) -> bool:
    """Whether a hold was live at `at`, or had been captured as a deposit, or the default was charged."""
    ends = snapshot.ends()
    charged = any(line.account == "default_charges" and line.amount > 0 and line.at <= at for line in snapshot.lines)
    return charged or any(
        hold.created_at <= at and (ends.get(hold.reference, at) >= at or hold.status == "captured")
        for hold in snapshot.holds
    )


def _within_limits(snapshot: ClaimSnapshot) -> Iterator[str]:
    began, ended = snapshot.claim.opened_at, snapshot.claim.closed_at or snapshot.now
    changed = sum(event.kind == "card_changed" for event in snapshot.events)
    most = 1 + changed + ceil((ended - began) / SHORTEST_HOLD)
    if len(snapshot.holds) > most and not snapshot.reset:
        yield f"{len(snapshot.holds)} holds in {(ended - began).days} days, where {most} would do"
    declined = [event.at for event in snapshot.events if event.kind in ("hold_declined", "charge_declined")]
    for at in declined:
        tries = sum(at <= other <= at + timedelta(days=30) for other in declined)
        if tries >= NETWORKS_LIMIT:
            yield f"{tries} tries were declined within 30 days"
            return


# -- the ledger -------------------------------------------------------------------------------------------------------


def _double_entry(snapshot: ClaimSnapshot) -> Iterator[str]:
    sums: Counter[tuple[str, str]] = Counter()
    for line in snapshot.lines:
        sums[line.key, line.currency] += line.amount
    for (key, currency), amount in sums.items():
        if amount:
            yield f"the lines of {key} sum to {amount} {currency}"


def _ledger_is_gateway(snapshot: ClaimSnapshot) -> Iterator[str]:
    kept = sum(p.kept for p in snapshot.payments)
    if snapshot.balance(CARD) != -kept:
        yield f"the gateway has kept {kept}, the ledger {-snapshot.balance(CARD)}"
    overdue = {line.key for line in snapshot.lines}
    not_reported = [h for h in snapshot.holds if not h.live(snapshot.now) and h.status in ("authorized", "expired")]
    silent = sum(h.amount for h in not_reported if f"{h.reference}:expired" not in overdue)
    held = sum(h.amount for h in snapshot.holds if h.live(snapshot.now))
    if snapshot.balance(HOLDS_OPEN) != held + silent:
        yield f"the gateway holds {held}, the ledger {snapshot.balance(HOLDS_OPEN) - silent}"
    hold = snapshot.claim.hold
    if hold is None:
        return
    # The claim shows its last hold; what was captured of one before, and not by the claim, is refunded.
    shown, theirs = (hold.captured.amount, hold.refunded.amount), [(h.captured, h.refunded) for h in snapshot.holds]
    captured, refunded = sum(h.captured for h in snapshot.holds), sum(h.refunded for h in snapshot.holds)
    if shown not in theirs or shown[0] - shown[1] != captured - refunded:
        yield f"the gateway has captured {captured} and refunded {refunded} of the hold, the claim says otherwise"
    if hold.state is HoldState.AUTHORIZED and snapshot.closed:
        yield "the closed claim believes in a live hold"
    if snapshot.first("payments_differ", "payments_not_compared"):
        yield "gateway, ledger, claim and outcome did not agree when the claim was closed"


def _changed(before: ClaimSnapshot, snapshot: ClaimSnapshot) -> Iterator[tuple[int, str]]:
    now = {p.id: p for p in snapshot.payments}
    for old in before.payments:
        new = now.get(old.id)
        if new is None:
            yield 13, f"the payment {old.reference} is gone"
        elif old.status != "authorized" and (new.status, new.captured) != (old.status, old.captured):
            yield 1, f"{old.reference} had ended as {old.status}, and is {new.status} with {new.captured} captured"
        elif new.refunded < old.refunded:
            yield 2, f"of {old.reference} less is refunded than before"
    if snapshot.lines[: len(before.lines)] != before.lines:
        yield 13, "lines of the ledger were changed or removed"


RULES = (
    (1, one_end),
    (2, sums),
    (3, nothing_lost_of_a_hold),
    (4, captured_is_a_state),
    (5, one_effect_a_key),
    (7, _one_current_hold),
    (8, _covered),
    (9, _never_too_much),
    (9, the_accepted_device_is_never_charged),
    (10, _cancelled_costs_nothing),
    (11, _nothing_ships_unsecured),
    (12, _within_limits),
    (13, _double_entry),
    (14, _ledger_is_gateway),
)
