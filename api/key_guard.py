"""API: wrong keys are slowed down per address: past a few, only keys that address has used before are looked at."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from api.rate_limit import MAX_NAMES, Buckets

BURST: Final = 10
"""Wrong keys of one address that are answered at once."""
REFILL_SECONDS: Final = 6.0
"""After so long the address may try another key."""


class KeyGuard:
    """Counts wrong keys by address, in the memory of one process.

    While an address must wait, a key is not looked at unless that address has sent it before: whoever guesses learns
    nothing, and clients behind the same proxy go on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._wrong = Buckets(BURST, BURST * REFILL_SECONDS, clock)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def seconds_to_wait(self, address: str, owner: str | None) -> int:
        """How long this address must wait before another key is looked at; 0 for none. `owner` identifies the key."""
        return 0 if owner is not None and (address, owner) in self._known else self._wrong.seconds_to_wait(address)

    def wrong(self, address: str) -> None:
        """A key was looked at and is none of ours."""
        self._wrong.take(address)

    def right(self, address: str, owner: str) -> None:
        """A key was looked at and is one of ours."""
        self._known[address, owner] = None
        self._known.move_to_end((address, owner))
        if len(self._known) > MAX_NAMES:
            self._known.popitem(last=False)
