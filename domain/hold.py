"""Domain: the hold on a customer's card as one of seven types, each with the fields that it has."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, assert_never

from domain.claim import Hold
from domain.kinds import HoldState
from domain.money import Money

CAPTURED_ELSEWHERE: Final = "captured_elsewhere"
"""The ledger account of a hold that was captured by somebody else, until its claim keeps or refunds it."""


@dataclass(frozen=True, slots=True)
class NoHold:
    """No hold was placed, or the card declined it."""

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
    """All of it was captured before it lapsed, as a deposit until the claim is decided (decision 13).

    `numbered`: the keys of what is kept and refunded of it name the hold; those of claims from before do not.
    """

    ordinal: int
    payment_id: str
    amount: Money
    expires_at: datetime | None
    kind: Literal["deposit"] = "deposit"
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class CapturedHold:
    """`captured` of it was captured by the claim, and `refunded` of that was refunded."""

    ordinal: int
    payment_id: str
    amount: Money
    captured: Money
    refunded: Money
    expires_at: datetime | None
    kind: Literal["captured"] = "captured"


@dataclass(frozen=True, slots=True)
class CapturedElsewhere:
    """The gateway reports `captured`, and no request of this claim captured it: staff must check.

    `account` is the ledger account on which the capture is booked. From here on the sum taken decides: nothing is
    charged beside it, and what the claim does not keep of it is refunded.
    """

    ordinal: int
    payment_id: str
    amount: Money
    captured: Money
    refunded: Money
    expires_at: datetime | None
    kind: Literal["captured_elsewhere"] = "captured_elsewhere"
    account: str = CAPTURED_ELSEWHERE

    @property
    def kept(self) -> Money:
        return self.captured - self.refunded


@dataclass(frozen=True, slots=True)
class LapsedHold:
    """Nothing is held any more and nothing was captured: it was released, or it expired."""

    ordinal: int
    payment_id: str
    amount: Money
    ended_as: HoldState
    expires_at: datetime | None
    kind: Literal["lapsed"] = "lapsed"


@dataclass(frozen=True, slots=True)
class UnknownHold:
    """The gateway refused a capture or release without reporting the end of the hold. Money may be held or captured."""

    ordinal: int
    payment_id: str
    amount: Money
    expires_at: datetime | None
    kind: Literal["unknown"] = "unknown"


CardHoldState = NoHold | LiveHold | DepositHold | CapturedHold | CapturedElsewhere | LapsedHold | UnknownHold
EndableHold = LiveHold | UnknownHold
"""A hold whose state may still change at the gateway."""

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


def secures_dispatch(hold: CardHoldState, now: datetime) -> bool:
    """Whether a replacement may leave against `hold` at `now`: the amount is held, or it is taken already (R-EXP-6)."""
    match hold:
        case LiveHold():
            return hold.expires_at is None or now <= hold.expires_at
        case DepositHold():
            return True
        case CapturedElsewhere():
            return hold.kept == hold.amount
        case NoHold() | CapturedHold() | LapsedHold() | UnknownHold():
            return False
        case _:
            assert_never(hold)


def needs_card(hold: CardHoldState) -> bool:
    """Whether another card is needed before a replacement may leave: the hold has ended, or somebody else has captured
    a part of it alone (R-EXP-6)."""
    match hold:
        case NoHold() | LiveHold() | DepositHold():
            return False
        case CapturedElsewhere():
            return hold.kept != hold.amount
        case CapturedHold() | LapsedHold() | UnknownHold():
            return True
        case _:
            assert_never(hold)


def as_reported(hold: EndableHold | CapturedElsewhere, reported: Hold, account: str | None = None) -> CardHoldState:
    """The state of `hold` after the gateway's report. A capture first seen in a report is not by this claim; `account`
    is where the ledger has it."""
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
                account=account or CAPTURED_ELSEWHERE,
            )
        case HoldState.RELEASED | HoldState.EXPIRED:
            return lapsed(hold, reported.state)
        case _:
            assert_never(reported.state)


def after_refusal(
    hold: EndableHold, state: str, reported: Hold | None = None, account: str | None = None
) -> LapsedHold | UnknownHold | CapturedElsewhere:
    """The state of `hold` after the gateway refused to capture or release it because it is in `state`.

    `reported` is the hold as the gateway had it then: when it was captured, it was by somebody else.
    """
    if state in NOTHING_HELD:
        return lapsed(hold, HoldState(state))
    if reported is not None and reported.state is HoldState.CAPTURED:
        found = as_reported(hold, reported, account)
        assert isinstance(found, CapturedElsewhere)
        return found
    return UnknownHold(hold.ordinal, hold.payment_id, hold.amount, hold.expires_at)


def lapsed(hold: EndableHold | CapturedElsewhere, ended_as: HoldState) -> LapsedHold:
    return LapsedHold(hold.ordinal, hold.payment_id, hold.amount, ended_as, hold.expires_at)


def captured(hold: EndableHold, amount: Money) -> CapturedHold:
    """The state after `amount` was captured; the gateway has released the rest."""
    return CapturedHold(hold.ordinal, hold.payment_id, hold.amount, amount, hold.amount.zero(), hold.expires_at)


def refunded(hold: CapturedHold, total: Money) -> CapturedHold:
    """The state after `total` has been refunded so far."""
    return replace(hold, refunded=total)
