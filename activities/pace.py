"""Activities: a limit on how many are begun in a second."""

import asyncio
from collections import deque


class Pace:
    """At most `per_second` turns begin in any one second: bursts at once, the rest in their order. Below one a second,
    one turn begins in each 1 / `per_second` seconds.
    """

    def __init__(self, per_second: float) -> None:
        turns = max(int(per_second), 1)
        self._seconds = turns / per_second
        self._begun: deque[float] = deque(maxlen=turns)

    async def turn(self) -> None:
        """Wait until the next one may begin. A turn whose waiting is cancelled is lost, not given to another."""
        now = asyncio.get_running_loop().time()
        full = len(self._begun) == self._begun.maxlen
        at = max(now, self._begun[0] + self._seconds) if full else now
        self._begun.append(at)
        if at > now:
            await asyncio.sleep(at - now)
