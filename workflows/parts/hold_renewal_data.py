"""Workflow part: the state of a hold's renewal, which a new run needs."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class OfferedCard:
    """Another card that the customer, or staff for the customer, has named."""

    payment_method: str
    actor: str


@dataclass
class HoldRenewalData:
    """`renew_at` is when the renewal is due next, None for never; `news`: the gateway has reported a change.

    `unsecured`: the replacement has not left, and nothing is held or captured any more. `placed_at` is when the hold
    was placed, `tries` are the latest times at which the claim placed one by itself. `kept_since` is when the customer
    named the card of the hold. `deposit_until`: so long is a deposit kept for a replacement that does not ship;
    `wait_over`: that time has passed.
    """

    payment_method: str = ""
    offered: OfferedCard | None = None
    renew_at: datetime | None = None
    news: bool = False
    unsecured: bool = False
    placed_at: datetime | None = None
    tries: list[datetime] = field(default_factory=list)
    kept_since: datetime | None = None
    deposit_until: datetime | None = None
    wait_over: bool = False
