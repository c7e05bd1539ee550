"""Workflow part: the data of the hold on the customer's card, which a new run gets, and of what was captured."""

from dataclasses import dataclass, field

from domain.hold import CardHoldState, LiveHold, NoHold
from domain.money import Money
from messages.payments import CaptureAccount


@dataclass(frozen=True)
class Division:
    """How a sum that somebody else captured is divided: decided once, also when a new run repeats the step."""

    kept: Money
    refund: Money


def division_of(captured: Money, due: Money) -> Division:
    """What is due of the captured sum is kept, as far as it goes."""
    kept = due.least(captured)
    return Division(kept, captured - kept)


@dataclass(frozen=True)
class CapturedPayment:
    """A captured hold or a charge other than a fee. `left` is what of it has not been refunded."""

    payment_id: str
    left: Money
    account: CaptureAccount


@dataclass
class CardHoldData:
    """`authorizations` counts those with a response, `looks` the reads of the hold, `refusals` the captures and
    releases that were refused; `superseded` is the hold that a renewal still has to release; `division` is how a hold
    captured by somebody else is being divided."""

    state: CardHoldState = field(default_factory=NoHold)
    authorizations: int = 0
    looks: int = 0
    superseded: LiveHold | None = None
    refusals: int = 0
    division: Division | None = None
