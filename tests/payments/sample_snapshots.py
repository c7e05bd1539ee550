"""Snapshots of claims in order, and functions that change one, for the tests of the invariants."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.claim import Claim, Hold, Incident, Inspection, Return
from domain.kinds import Cause, ClaimState, Component, HoldState, Outcome, Service, Tier
from domain.money import Money
from store.reads.ledger import LedgerLine
from tests.payments.claim_snapshot import ClaimSnapshot, SnapshotEvent, SnapshotPayment

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


FEE, HOLD = 15_900, 164_000


ID = "clm_a"


RENEWED, BACK = timedelta(days=5, hours=12), timedelta(days=8)


def usd(amount: int) -> Money:
    return Money(amount, "USD")


def booked(key: str, after: timedelta, **amounts: int) -> tuple[LedgerLine, ...]:
    at, key = BEGAN + after, f"{ID}:{key}"
    return tuple(LedgerLine(at, account, amount, "USD", key) for account, amount in amounts.items())


def a_hold(ordinal: int, status: str, after: timedelta, lives: timedelta, captured: int = 0) -> SnapshotPayment:
    made, over = BEGAN + after, BEGAN + after + lives
    return SnapshotPayment(
        f"p{ordinal}", "hold", status, HOLD, captured, 0, "USD", f"{ID}:authorize:{ordinal}", made, over
    )


def events_at(**after: timedelta) -> tuple[SnapshotEvent, ...]:
    return tuple(SnapshotEvent(BEGAN + moment, kind) for kind, moment in after.items())


NOW_ = timedelta(0)


HOUR, DAY = timedelta(hours=1), timedelta(days=1)


FIRST = a_hold(0, "released", NOW_, 7 * DAY)


SECOND = a_hold(1, "released", RENEWED, timedelta(days=4, hours=18))


FEE_PAID = SnapshotPayment("pf", "charge", "captured", FEE, FEE, 0, "USD", f"{ID}:fee", BEGAN)


CLAIM = Claim(
    id=ID,
    service=Service.CARE_EXPRESS,
    tier=Tier.PREMIUM,
    state=ClaimState.CLOSED,
    serial_number="SN1",
    model="mavic-3",
    region="US",
    lineage_id="lin",
    opened_at=BEGAN,
    incident=Incident(Cause.COLLISION, BEGAN),
    fee=usd(FEE),
    amount_owed=usd(0),
    outcome=Outcome.HOLD_RELEASED,
    closed_at=BEGAN + BACK,
    hold=Hold(usd(HOLD), HoldState.RELEASED, usd(0), usd(0), SECOND.expires_at),
    returning=Return(
        14,
        BEGAN + 14 * DAY,
        "UTC",
        (Component.AIRCRAFT,),
        BEGAN + 19 * DAY,
        BEGAN + 24 * DAY,
        arrived_at=BEGAN + BACK,
    ),
    inspection=Inspection(BEGAN + BACK, "SN1", True, (Component.AIRCRAFT,)),
)


GOOD = ClaimSnapshot(
    claim=CLAIM,
    now=BEGAN + BACK + HOUR,
    payments=(FIRST, FEE_PAID, SECOND),
    lines=(
        *booked("authorize:0", NOW_, holds_open=HOLD, holds_placed=-HOLD),
        *booked("fee", NOW_, card=-FEE, service_fees=FEE),
        *booked("authorize:1", RENEWED, holds_open=HOLD, holds_placed=-HOLD),
        *booked("authorize:0:released", RENEWED, holds_open=-HOLD, holds_placed=HOLD),
        *booked("authorize:1:released", BACK, holds_open=-HOLD, holds_placed=HOLD),
    ),
    events=(
        SnapshotEvent(BEGAN, "hold_authorized"),
        SnapshotEvent(BEGAN + DAY, "replacement_dispatched"),
        SnapshotEvent(BEGAN + RENEWED, "hold_authorized"),
        SnapshotEvent(BEGAN + BACK, "closed"),
    ),
    requested_at=BEGAN + HOUR,
)


def charged() -> ClaimSnapshot:
    """Nothing came back: the second hold, placed two days before due, was captured."""
    due, renewed = 14 * DAY, 12 * DAY
    current = a_hold(1, "captured", renewed, 4 * DAY, HOLD)
    first = replace(FIRST, expires_at=BEGAN + 30 * DAY)
    hold = Hold(usd(HOLD), HoldState.CAPTURED, usd(HOLD), usd(0), current.expires_at)
    returning = replace(CLAIM.returning, arrived_at=None) if CLAIM.returning else None
    return replace(
        GOOD,
        claim=replace(
            CLAIM,
            hold=hold,
            returning=returning,
            inspection=None,
            outcome=Outcome.DEFAULT_CHARGED,
            closed_at=BEGAN + 25 * DAY,
        ),
        now=BEGAN + 26 * DAY,
        payments=(first, FEE_PAID, current),
        lines=(
            *GOOD.lines[:4],
            *booked("authorize:1", renewed, holds_open=HOLD, holds_placed=-HOLD),
            *booked("authorize:0:released", renewed, holds_open=-HOLD, holds_placed=HOLD),
            *booked("capture:1", due, holds_open=-HOLD, holds_placed=HOLD, card=-HOLD, default_charges=HOLD),
        ),
        events=events_at(replacement_dispatched=DAY, hold_authorized=renewed, hold_captured=due, closed=25 * DAY),
    )


def payments(snapshot: ClaimSnapshot, **changes: dict[str, Any]) -> ClaimSnapshot:
    """With some payments changed, by id."""
    return replace(snapshot, payments=tuple(replace(p, **changes.get(p.id, {})) for p in snapshot.payments))


def lines(snapshot: ClaimSnapshot, *more: LedgerLine, without: str = "") -> ClaimSnapshot:
    """With lines more, or without those of a key."""
    return replace(snapshot, lines=(*(line for line in snapshot.lines if line.key != f"{ID}:{without}"), *more))


def claim(snapshot: ClaimSnapshot, **changes: Any) -> ClaimSnapshot:
    return replace(snapshot, claim=replace(snapshot.claim, **changes))


def also(snapshot: ClaimSnapshot, payment: SnapshotPayment) -> ClaimSnapshot:
    return replace(snapshot, payments=(*snapshot.payments, payment))
