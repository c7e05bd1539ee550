"""API: how many requests a key, or an address without a valid one, may send a minute; counted by each process."""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.types import Message, Scope, Send

from api.auth import Caller
from api.problems import Code, Problem

MINUTE: Final = 60.0
MAX_NAMES: Final = 10_000
"""Names that are counted; the one that was counted longest ago is forgotten first."""
_UNLIMITED: Final = frozenset(f"{prefix}/{name}" for prefix in ("", "/v1") for name in ("healthz", "readyz", "metrics"))
"""What monitors ask."""
_WEBHOOKS: Final = "/v1/webhooks/"
"""Gateways and carriers send again what was refused, and more of it then."""


class Buckets:
    """For each name `limit` at once, refilled evenly within `seconds` (the generic cell rate algorithm).

    A name costs one number, however much it takes. A `limit` of 0 is none.
    """

    def __init__(self, limit: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._interval = seconds / limit if limit else 0.0
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()
        """By name, the instant at which everything is available again."""

    def take(self, name: str) -> None:
        """Take one, also when none is left."""
        now = self._clock()
        self._full_at[name] = max(self._full_at.get(name, now), now) + self._interval
        self._full_at.move_to_end(name)
        if len(self._full_at) > MAX_NAMES:
            self._full_at.popitem(last=False)

    def seconds_to_wait(self, name: str) -> int:
        """Whole seconds until one is left; 0 when one is."""
        return max(0, math.ceil(self._taken(name) - (self.limit - 1) * self._interval))

    def left(self, name: str) -> int:
        return max(0, math.floor(self.limit - self._taken(name) / self._interval))

    def seconds_to_full(self, name: str) -> int:
        """Whole seconds until everything is available again."""
        return math.ceil(self._taken(name))

    def _taken(self, name: str) -> float:
        """How long it takes until everything is available again."""
        return max(0.0, self._full_at.get(name, 0.0) - self._clock())


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller may still send: `left` requests of `limit`; all of them in `full_in` seconds, one in `wait`."""

    limit: int
    left: int
    full_in: int
    wait: int

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        values = {b"limit": self.limit, b"remaining": self.left, b"reset": self.full_in}
        return [(b"ratelimit-" + name, str(value).encode()) for name, value in values.items()]

    def sending(self, send: Send) -> Send:
        """`send`, with the headers in the response."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self.headers]
            await send(message)

        return with_headers


class RateLimits:
    """The limits of one process, in requests a minute; 0 is none. Keys and addresses do not displace each other."""

    def __init__(self, per_key: int = 0, per_address: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = Buckets(per_key, MINUTE, clock)
        self._addresses = Buckets(per_address, MINUTE, clock)

    def take(self, scope: Scope, caller: Caller | None) -> Allowance | None:
        """Count the request, unless its caller must wait; None for one that is not limited."""
        path: str = scope["path"]
        buckets, name = (self._keys, caller.id) if caller else (self._addresses, address_of(scope))
        if not buckets.limit or path in _UNLIMITED or path.startswith(_WEBHOOKS):
            return None
        wait = buckets.seconds_to_wait(name)
        if not wait:
            buckets.take(name)
        return Allowance(buckets.limit, buckets.left(name), buckets.seconds_to_full(name), wait)


def rate_limited(allowance: Allowance, caller: Caller | None) -> Problem:
    """429 for a caller that must wait."""
    whose = "A key" if caller else "An address without a valid key"
    detail = f"{whose} may send {allowance.limit} requests a minute. Send the next one in {allowance.wait} s."
    return Problem(Code.RATE_LIMITED, detail, headers={"Retry-After": str(allowance.wait)})


def address_of(scope: Scope) -> str:
    """The client's address; of IPv6 its network, since one client has many addresses there."""
    host: str = (scope.get("client") or ("unknown", 0))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return host if address.version == 4 else str(ipaddress.ip_network((int(address), 64), strict=False))
