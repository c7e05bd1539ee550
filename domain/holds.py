"""Domain: when a hold is renewed so that it lasts as long as its claim (R-RET-7, decision 13)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.claim import Hold
from domain.kinds import HoldPolicy, HoldState
from domain.policy import Policy

RENEW_BEFORE = timedelta(hours=36)
"""How long before a hold expires its renewal is first tried."""
HARD_MARGIN = timedelta(hours=24)
"""A renewal that has not succeeded this long before the hold expires puts the hold at risk."""
RETRY_EVERY = timedelta(hours=4)
"""The interval of retries after a soft decline; at most four a hold, far below what card networks allow."""


MIN_BETWEEN = timedelta(hours=4)
"""The least time between two tries that a claim makes by itself to place a hold."""
MOST_A_DAY = 4
"""How often a claim tries by itself to place a hold within 24 hours; beyond it the hold is at risk."""


def renew_at(hold: Hold) -> datetime | None:
    """When to try the renewal first; None when the hold has ended or never expires."""
    if hold.state is not HoldState.AUTHORIZED or hold.expires_at is None:
        return None
    return hold.expires_at - RENEW_BEFORE


def paced(at: datetime, hold: Hold, placed_at: datetime, tries: Sequence[datetime]) -> datetime:
    """`at`, or later: not in the first half of the life of a hold that was placed at `placed_at`, and not sooner than
    MIN_BETWEEN after the last of the `tries`. The gateway decides how short a hold's life is."""
    if hold.state is HoldState.AUTHORIZED and hold.expires_at is not None:
        at = max(at, placed_at + (hold.expires_at - placed_at) / 2)
    return max(at, tries[-1] + MIN_BETWEEN) if tries else at


def too_many(tries: Sequence[datetime], now: datetime) -> bool:
    """Whether MOST_A_DAY tries were made within the last 24 hours."""
    return sum(now - at < timedelta(hours=24) for at in tries) >= MOST_A_DAY


def kept_until(since: datetime, policy: Policy) -> datetime:
    """Until when a hold is renewed for a replacement that does not ship, `since` it was placed on its card."""
    return since + timedelta(days=policy.hold_wait_days)


def retry_at(hold: Hold, now: datetime, *, retryable: bool) -> datetime | None:
    """When to retry a declined renewal; None after a hard decline or when there is no time left."""
    if not retryable or hold.expires_at is None:
        return None
    again = now + RETRY_EVERY
    return again if again <= hold.expires_at - HARD_MARGIN else None


def give_up_at(hold: Hold, policy: HoldPolicy) -> datetime | None:
    """Until when another card is accepted, once the hold cannot be renewed (decision 13).

    A deposit is captured while the hold can certainly still be captured; under other policies the hold lapses.
    """
    if hold.expires_at is None or policy is not HoldPolicy.CAPTURE_AND_REFUND:
        return hold.expires_at
    return hold.expires_at - HARD_MARGIN
