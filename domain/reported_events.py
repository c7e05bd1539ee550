"""Domain: events that are reported about a claim: which repeat an earlier one, and how many are told an hour."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class EventKind(StrEnum):
    RETURN_SCAN = "return_scan"
    """The carrier took the customer's parcel (R-RET-4)."""
    ARRIVAL = "arrival"
    """The warehouse has the parcel (R-RET-3)."""
    DELIVERY = "delivery"
    """The carrier says that it delivered the parcel to us."""
    PAYMENT_CHANGED = "payment_changed"
    """The gateway says that a payment changed."""


HOUR = timedelta(hours=1)
HOURLY_LIMITS = {
    EventKind.RETURN_SCAN: 20,
    EventKind.ARRIVAL: 20,
    EventKind.DELIVERY: 20,
    EventKind.PAYMENT_CHANGED: 60,
}
"""How many events of a kind a claim is told within an hour; each kind has its own, so that scans delay no arrival."""


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """An event that is stored. `parcel` is its normalised tracking number; `waiting`: the claim was not told yet."""

    event_id: str
    kind: EventKind
    parcel: str | None
    happened_at: datetime
    payment_id: str | None = None
    waiting: bool = False


def normalise_tracking_number(text: str) -> str:
    """Upper case, without white space and hyphens: how tracking numbers are compared."""
    return "".join(text.upper().replace("-", "").split())


def new_unit_event(claim_id: str) -> str:
    """How the id of the arrival begins that is recorded when a claim's new unit came back instead of the original."""
    return f"{claim_id}:new-unit:"


def repeats(event: KnownEvent, known: Iterable[KnownEvent]) -> bool:
    """Whether another event has said the same, so that `event` counts as reported.

    A parcel is scanned and delivered once, at its earliest moment (R-RET-4): a later moment says nothing new, an
    earlier one does. After an arrival the number may be that of the next parcel. A payment that the claim has still to
    look at is looked at once. Each arrival counts.
    """
    others = [other for other in known if other.event_id != event.event_id]
    match event.kind:
        case EventKind.ARRIVAL:
            return False
        case EventKind.PAYMENT_CHANGED:
            return any(other.waiting and other.payment_id == event.payment_id for other in others)
        case EventKind.RETURN_SCAN | EventKind.DELIVERY:
            arrivals = [other.happened_at for other in others if other.kind is EventKind.ARRIVAL]
            return any(
                other.kind is event.kind
                and other.parcel == event.parcel
                and other.happened_at <= event.happened_at
                and not any(other.happened_at < arrived <= event.happened_at for arrived in arrivals)
                for other in others
            )


def within_limit(kind: EventKind, told_within_the_hour: int) -> bool:
    """Whether the claim is told one more event of the kind now."""
    return told_within_the_hour < HOURLY_LIMITS[kind]
