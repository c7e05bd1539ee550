"""Domain: the hold on a customer's card as one of seven cases. Each carries only what is true in it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, assert_never

from domain.claim import Hold
from domain.kinds import HoldState
from domain.money import Money


@dataclass(frozen=True, slots=True)
class NoHold:
    """None was placed, or the card declined it."""

    kind: Literal["none"] = "none"


@dataclass(frozen=True, slots=True)
class LiveHold:
    """`amount` is held until `expires_at`. `ordinal` counts the authorizations of the claim from 0."""

    ordinal: int
    payment_id: str
    amount: Money
    expires_at: datetime | None
    kind: Literal["live"] = "live"


@dataclass(frozen=True, slots=True)
class DepositHold:
    """We captured all of it before it lapsed; it is the customer's until the claim is decided (decision 13)."""

    ordinal: int
    payment_id: str
    amount: Money
    expires_at: datetime | None
    kind: Literal["deposit"] = "deposit"


@dataclass(frozen=True, slots=True)
class CapturedHold:
    """We captured `captured` of it, and gave back `refunded` of that."""

    ordinal: int
    payment_id: str
    amount: Money
    captured: Money
    refunded: Money
    expires_at: datetime | None
    kind: Literal["captured"] = "captured"


@dataclass(frozen=True, slots=True)
class CapturedElsewhere:
    """The gateway says that `captured` was taken, and no request of this claim did that: people must look at it."""

    ordinal: int
    payment_id: str
    amount: Money
    captured: Money
    refunded: Money
    expires_at: datetime | None
    kind: Literal["captured_elsewhere"] = "captured_elsewhere"


@dataclass(frozen=True, slots=True)
class LapsedHold:
    """Nothing is held any more and nothing was taken: it was released, or it expired."""

    ordinal: int
    payment_id: str
    amount: Money
    ended_as: HoldState
    expires_at: datetime | None
    kind: Literal["lapsed"] = "lapsed"


@dataclass(frozen=True, slots=True)
class UnknownHold:
    """The gateway refused a capture or a release and did not say that the hold is over. Money may be held or taken."""

    ordinal: int
    payment_id: str
    amount: Money
    expires_at: datetime | None
    kind: Literal["unknown"] = "unknown"


CardHoldState = NoHold | LiveHold | DepositHold | CapturedHold | CapturedElsewhere | LapsedHold | UnknownHold
EndableHold = LiveHold | UnknownHold
"""A hold about which the gateway may still have news."""

NOTHING_HELD = frozenset({HoldState.RELEASED, HoldState.EXPIRED})


def summary(hold: CardHoldState) -> Hold | None:
    """The hold as a claim shows it (R-RET-8)."""
    match hold:
        case NoHold():
            return None
        case LiveHold() | UnknownHold():
            return Hold(hold.amount, HoldState.AUTHORIZED, hold.amount.zero(), hold.amount.zero(), hold.expires_at)
        case DepositHold():
            return Hold(hold.amount, HoldState.CAPTURED, hold.amount, hold.amount.zero(), hold.expires_at)
        case CapturedHold() | CapturedElsewhere():
            return Hold(hold.amount, HoldState.CAPTURED, hold.captured, hold.refunded, hold.expires_at)
        case LapsedHold():
            return Hold(hold.amount, hold.ended_as, hold.amount.zero(), hold.amount.zero(), hold.expires_at)
        case _:
            assert_never(hold)


def as_reported(hold: EndableHold, reported: Hold) -> CardHoldState:
    """What becomes of `hold` by what the gateway reports of it. A capture that is reported is not ours."""
    match reported.state:
        case HoldState.AUTHORIZED:
            return LiveHold(hold.ordinal, hold.payment_id, reported.amount, reported.expires_at)
        case HoldState.CAPTURED:
            return CapturedElsewhere(
                hold.ordinal,
                hold.payment_id,
                reported.amount,
                reported.captured,
                reported.refunded,
                reported.expires_at,
            )
        case HoldState.RELEASED | HoldState.EXPIRED:
            return lapsed(hold, reported.state)
        case _:
            assert_never(reported.state)


def after_refusal(hold: EndableHold, state: str) -> LapsedHold | UnknownHold:
    """What becomes of `hold` when the gateway refused to capture or release it because it is in `state`."""
    if state in NOTHING_HELD:
        return lapsed(hold, HoldState(state))
    return UnknownHold(hold.ordinal, hold.payment_id, hold.amount, hold.expires_at)


def lapsed(hold: EndableHold, ended_as: HoldState) -> LapsedHold:
    return LapsedHold(hold.ordinal, hold.payment_id, hold.amount, ended_as, hold.expires_at)


def captured(hold: EndableHold, amount: Money) -> CapturedHold:
    """We captured `amount`; the gateway has let the rest go."""
    return CapturedHold(hold.ordinal, hold.payment_id, hold.amount, amount, hold.amount.zero(), hold.expires_at)


def refunded(hold: CapturedHold, total: Money) -> CapturedHold:
    """`total` has been given back of it so far."""
    return replace(hold, refunded=total)
