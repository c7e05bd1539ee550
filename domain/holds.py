"""Domain: when a hold is renewed so that it lasts as long as its claim (R-RET-7, decision 13)."""

from datetime import datetime, timedelta

from domain.claim import Hold
from domain.kinds import HoldPolicy, HoldState

RENEW_BEFORE = timedelta(hours=36)
"""How long before a hold expires its renewal is first tried."""
HARD_MARGIN = timedelta(hours=24)
"""A renewal that has not succeeded this long before the hold expires puts the hold at risk."""
RETRY_EVERY = timedelta(hours=4)
"""The interval of retries after a soft decline; at most four a hold, far below what card networks allow."""


def renew_at(hold: Hold) -> datetime | None:
    """When to try the renewal first; None when the hold has ended or never expires."""
    if hold.state is not HoldState.AUTHORIZED or hold.expires_at is None:
        return None
    return hold.expires_at - RENEW_BEFORE


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
