"""Domain: when a claim acts on an instant that many claims share, such as the end of a region's day (R-CLM-13)."""

import hashlib
from datetime import datetime, timedelta
from typing import Final

MOST_MINUTES: Final = 59
"""So that a mail goes out within the hour of its instant."""
_BEFORE_THE_HOLD_ENDS: Final = timedelta(minutes=5)


def acts_at(due: datetime, claim_id: str, minutes: int, hold_ends: datetime | None = None) -> datetime:
    """When the claim acts on `due`: within `minutes` after it, and the same for a claim each time (R-CLM-13).

    Never before `due`, and not in the last minutes of the hold, of which a default is taken. `due` itself is what the
    customer is told and what decides whether something was in time.
    """
    if minutes <= 0:
        return due
    digest = int.from_bytes(hashlib.sha256(claim_id.encode()).digest()[:8], "big")
    later = due + timedelta(seconds=digest % (60 * min(minutes, MOST_MINUTES)))
    return later if hold_ends is None else max(due, min(later, hold_ends - _BEFORE_THE_HOLD_ENDS))
