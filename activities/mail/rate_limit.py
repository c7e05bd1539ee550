"""Activities: a rate limit: how many operations begin in a second."""

import asyncio
from collections import deque


class RateLimit:
    """At most `per_second` operations begin in any one second: bursts at once, the rest in their order. Below one a
    second, one operation begins in each 1 / `per_second` seconds.
    """

    def __init__(self, per_second: float) -> None:
        burst = max(int(per_second), 1)
        self._seconds = burst / per_second
        self._begun: deque[float] = deque(maxlen=burst)

    async def acquire(self) -> None:
        """Wait until the next operation may begin. The slot of a cancelled wait is lost, not given to another."""
        now = asyncio.get_running_loop().time()
        full = len(self._begun) == self._begun.maxlen
        at = max(now, self._begun[0] + self._seconds) if full else now
        self._begun.append(at)
        if at > now:
            await asyncio.sleep(at - now)
