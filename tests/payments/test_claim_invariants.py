"""The checker itself: a claim in order breaks nothing, and each invariant is broken by what it forbids."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.claim import Hold, MissingPart
from domain.kinds import ClaimState, Component, HoldState, Outcome
from tests.payments.claim_snapshot import ClaimSnapshot, SnapshotEvent
from tests.payments.inspection_invariants import PARTS_MISSING
from tests.payments.invariants import RULES, fingerprint, violations
from tests.payments.sample_snapshots import (
    BACK,
    BEGAN,
    CLAIM,
    DAY,
    FEE,
    FEE_PAID,
    FIRST,
    GOOD,
    HOLD,
    HOUR,
    ID,
    NOW_,
    RENEWED,
    a_hold,
    also,
    booked,
    charged,
    claim,
    events_at,
    lines,
    payments,
    usd,
)

Bad = Callable[[ClaimSnapshot], ClaimSnapshot]


def renewed_long_after_it_lapsed(snapshot: ClaimSnapshot) -> ClaimSnapshot:
    late = a_hold(1, "released", RENEWED + 2 * DAY, 5 * DAY)
    moved = tuple(
        replace(line, at=late.created_at) if line.key == f"{ID}:authorize:1" else line
        for line in lines(snapshot, without="authorize:0:released").lines
    )
    expired = booked("authorize:0:expired", RENEWED + 2 * DAY, holds_open=-HOLD, holds_placed=HOLD)
    first = replace(FIRST, status="expired", expires_at=BEGAN + RENEWED)
    events = tuple(replace(e, at=late.created_at) if e.at == BEGAN + RENEWED else e for e in snapshot.events)
    return replace(snapshot, payments=(first, FEE_PAID, late), lines=(*moved, *expired), events=events)


def accepted_and_charged(snapshot: ClaimSnapshot) -> ClaimSnapshot:
    accepted = SnapshotEvent(BEGAN + DAY, "inspected", PARTS_MISSING)
    return replace(snapshot, events=(*snapshot.events, accepted))


def two_live_at_rest(snapshot: ClaimSnapshot) -> ClaimSnapshot:
    both = payments(snapshot, p0={"status": "authorized"}, p1={"status": "authorized"})
    return claim(replace(both, now=BEGAN + RENEWED + HOUR), state=ClaimState.INSPECTING)


def live_and_disowned(snapshot: ClaimSnapshot) -> ClaimSnapshot:
    still = payments(snapshot, p1={"status": "authorized"})
    return claim(replace(still, now=BEGAN + RENEWED + HOUR), state=ClaimState.AWAITING_RETURN)


def released_first(snapshot: ClaimSnapshot) -> ClaimSnapshot:
    early = booked("authorize:0:released", RENEWED - timedelta(seconds=1), holds_open=-HOLD, holds_placed=HOLD)
    return lines(snapshot, *early, without="authorize:0:released")


def many_declines(snapshot: ClaimSnapshot) -> ClaimSnapshot:
    return replace(
        snapshot, events=(*snapshot.events, *(SnapshotEvent(BEGAN + n * HOUR, "hold_declined") for n in range(15)))
    )


def many_holds(snapshot: ClaimSnapshot) -> ClaimSnapshot:
    more = tuple(a_hold(n, "released", RENEWED, DAY) for n in range(2, 9))
    placed = [booked(f"authorize:{n}", RENEWED, holds_open=HOLD, holds_placed=-HOLD) for n in range(2, 9)]
    over = [booked(f"authorize:{n}:released", RENEWED, holds_open=-HOLD, holds_placed=HOLD) for n in range(2, 9)]
    return replace(snapshot, payments=(*snapshot.payments, *more), lines=(*snapshot.lines, *sum((*placed, *over), ())))


def cancelled(snapshot: ClaimSnapshot) -> ClaimSnapshot:
    """Before dispatch, with everything given back but the fee."""
    cut = claim(snapshot, outcome=Outcome.CANCELLED, inspection=None, returning=None)
    return replace(cut, events=events_at(hold_authorized=NOW_, closed=BACK), withdrawn_at=BEGAN + BACK)


LIVE_HOLD = Hold(usd(HOLD), HoldState.AUTHORIZED, usd(0), usd(0), BEGAN + 9 * DAY)
LIVE_AGAIN = {"p1": {"status": "authorized"}}
BAD: list[tuple[int, str, Bad, ClaimSnapshot]] = [
    (1, "captured after it was released", lambda f: payments(f, p0={"status": "captured", "captured": 5}), GOOD),
    (1, "released and expired", lambda f: lines(f, *booked("authorize:0:expired", BACK, holds_open=-HOLD)), GOOD),
    (2, "captured beyond the hold", lambda f: payments(f, p1={"captured": HOLD + 1}), charged()),
    (2, "refunded beyond what was captured", lambda f: payments(f, pf={"refunded": FEE + 1}), GOOD),
    (3, "the ledger holds less", lambda f: lines(f, without="authorize:0"), GOOD),
    (3, "nothing says how it ended", lambda f: lines(f, without="authorize:1:released"), GOOD),
    (4, "a remainder is still held", lambda f: payments(f, p1={"status": "authorized"}), charged()),
    (4, "released with money taken", lambda f: payments(f, p1={"captured": 5}), GOOD),
    (5, "a key used twice", lambda f: also(f, replace(FEE_PAID, id="again")), GOOD),
    (5, "a fresh key for a retry", lambda f: also(f, replace(FEE_PAID, reference=f"{ID}:fee#2")), GOOD),
    (5, "booked twice", lambda f: lines(f, *booked("fee", BACK, card=-FEE, service_fees=FEE)), GOOD),
    (7, "live after closing", lambda f: payments(f, **LIVE_AGAIN), GOOD),
    (7, "live after the default", lambda f: claim(live_and_disowned(f), state=ClaimState.DEFAULTED), GOOD),
    (7, "the old one captured", lambda f: payments(f, p0={"status": "captured", "captured": HOLD}), charged()),
    (7, "two live for days", lambda f: lines(f, without="authorize:0:released"), GOOD),
    (7, "two live at rest", two_live_at_rest, GOOD),
    (7, "a hold believed in", lambda f: claim(f, hold=LIVE_HOLD, state=ClaimState.AWAITING_RETURN), GOOD),
    (7, "a live hold not believed in", live_and_disowned, GOOD),
    (8, "released before the next was there", released_first, GOOD),
    (8, "lapsed without a reason", renewed_long_after_it_lapsed, GOOD),
    (9, "the fee given back after shipping", lambda f: payments(f, pf={"refunded": FEE}), GOOD),
    (9, "the fee charged twice", lambda f: lines(f, *booked("fee2", BACK, card=-FEE, service_fees=FEE)), GOOD),
    (9, "the default charged twice", lambda f: lines(f, *booked("owed:0", BACK, default_charges=HOLD)), charged()),
    (
        9,
        "captured, and charged beside it",
        lambda f: also(f, replace(FEE_PAID, id="x", amount=HOLD, captured=HOLD, reference=f"{ID}:default")),
        charged(),
    ),
    (
        9,
        "a good return that costs something",
        lambda f: claim(payments(f, p1={"status": "captured", "captured": HOLD}), outcome=Outcome.DEFAULT_CHARGED),
        GOOD,
    ),
    (9, "the default after the device was accepted", accepted_and_charged, charged()),
    (9, "more than the missing part", lambda f: claim(f, outcome=Outcome.PARTS_CHARGED), charged()),
    (9, "a late return that is not refunded", lambda f: claim(f, outcome=Outcome.LATE_RETURN_REFUNDED), charged()),
    (9, "waived and kept", lambda f: claim(f, outcome=Outcome.WAIVED), charged()),
    (9, "charged and owed", lambda f: claim(f, amount_owed=usd(HOLD)), charged()),
    (10, "cancelled, and the fee kept", cancelled, GOOD),
    (
        10,
        "cancelled, and the warehouse ships",
        lambda f: replace(cancelled(payments(f, pf={"refunded": FEE})), withdrawn_at=None),
        GOOD,
    ),
    (11, "shipped before the fee", lambda f: replace(f, requested_at=BEGAN - HOUR), GOOD),
    (
        11,
        "shipped again without a hold",
        lambda f: replace(f, events=(*f.events, SnapshotEvent(BEGAN + BACK + HOUR, "replacement_dispatched"))),
        GOOD,
    ),
    (11, "shipped without a fee", lambda f: lines(f, without="fee"), GOOD),
    (11, "shipped without a hold", lambda f: lines(f, without="authorize:0"), replace(GOOD, requested_at=BEGAN + HOUR)),
    (12, "declined again and again", many_declines, GOOD),
    (12, "renewed again and again", many_holds, GOOD),
    (13, "half an entry", lambda f: lines(f, *booked("owed:0", BACK, card=-1)), GOOD),
    (14, "taken and not booked", lambda f: lines(f, without="fee"), GOOD),
    (14, "booked and not refunded", lambda f: lines(f, *booked("refund", BACK, card=FEE, service_fees=-FEE)), GOOD),
    (14, "the claim knows of no capture", lambda f: claim(f, hold=CLAIM.hold), charged()),
    (14, "a hold in the ledger alone", lambda f: lines(f, without="authorize:1:released"), GOOD),
]


@pytest.mark.parametrize("snapshot", [GOOD, charged()], ids=["good return", "default"])
def test_a_claim_in_order_breaks_nothing(snapshot: ClaimSnapshot) -> None:
    assert violations(snapshot, before=snapshot) == []


@pytest.mark.parametrize(
    ("number", "breaks", "snapshot"), [(n, b, f) for n, _, b, f in BAD], ids=[t for _, t, _, _ in BAD]
)
def test_each_invariant_can_be_broken(number: int, breaks: Bad, snapshot: ClaimSnapshot) -> None:
    found = violations(breaks(snapshot))
    assert number in {violation.number for violation in found}
    assert all(violation.sentence for violation in found)


def test_every_invariant_of_one_snapshot_has_a_case() -> None:
    assert {number for number, *_ in BAD} == {number for number, _ in RULES} == set(range(1, 15)) - {6}


@pytest.mark.parametrize(
    ("number", "after"),
    [
        (1, payments(GOOD, p0={"status": "captured", "captured": HOLD})),
        (1, payments(GOOD, p1={"status": "authorized"})),
        (13, replace(GOOD, payments=GOOD.payments[1:])),
        (13, lines(GOOD, without="fee")),
        (13, replace(GOOD, lines=(replace(GOOD.lines[0], amount=1), *GOOD.lines[1:]))),
    ],
    ids=["an end undone by a capture", "an end undone", "a payment gone", "a line gone", "a line changed"],
)
def test_what_was_final_must_not_change(number: int, after: ClaimSnapshot) -> None:
    assert number in {violation.number for violation in violations(after, before=GOOD)}


def test_a_refund_is_not_taken_back() -> None:
    refunded = payments(charged(), p1={"refunded": 10})
    assert 2 in {violation.number for violation in violations(charged(), before=refunded)}


def test_a_reason_written_in_time_explains_why_nothing_covers_the_claim() -> None:
    snapshot = renewed_long_after_it_lapsed(GOOD)
    for kind in ("hold_at_risk", "deposit_taken"):
        explained = replace(snapshot, events=(*snapshot.events, SnapshotEvent(BEGAN + RENEWED - HOUR, kind)))
        assert 8 not in {violation.number for violation in violations(explained)}
        later = replace(snapshot, events=(*snapshot.events, SnapshotEvent(BEGAN + BACK, kind)))
        assert 8 in {violation.number for violation in violations(later)}


def test_what_exceeds_the_hold_may_be_invoiced() -> None:
    missing = (MissingPart(Component.GIMBAL_CAMERA, usd(HOLD + 1)),)
    snapshot = claim(charged(), outcome=Outcome.PARTS_CHARGED, missing=missing, amount_owed=usd(1))
    assert violations(snapshot) == []


def test_the_fingerprint_depends_on_money_alone() -> None:
    assert fingerprint(replace(GOOD, now=GOOD.now + DAY, events=())) == fingerprint(GOOD)
    assert fingerprint(payments(GOOD, pf={"refunded": 1})) != fingerprint(GOOD)
    assert fingerprint(claim(GOOD, amount_owed=usd(1))) != fingerprint(GOOD)
