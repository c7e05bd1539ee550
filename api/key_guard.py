"""API: wrong keys are slowed down per address: past a few, only keys that address has used before are looked at."""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar

from starlette.types import Scope

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

BURST: Final = 10
"""Wrong keys of one address that are answered at once."""
REFILL_SECONDS: Final = 6.0
"""After so long the address may try another key."""
_MAX_ENTRIES: Final = 10_000
"""Addresses and known keys kept; the oldest are forgotten first."""


class KeyGuard:
    """Counts wrong keys by address, in the memory of one process.

    While an address must wait, a key is not looked at unless that address has sent it before: whoever guesses learns
    nothing, and clients behind the same proxy go on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tried: OrderedDict[str, float] = OrderedDict()
        """By address, the instant at which all its wrong keys are forgotten."""
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def seconds_to_wait(self, address: str, owner: str | None) -> int:
        """How long this address must wait before another key is looked at; 0 for none. `owner` identifies the key."""
        if owner is not None and (address, owner) in self._known:
            return 0
        excess = self._tried.get(address, 0.0) - self._clock() - (BURST - 1) * REFILL_SECONDS
        return max(0, math.ceil(excess))

    def wrong(self, address: str) -> None:
        """A key was looked at and is none of ours."""
        now = self._clock()
        self._tried[address] = max(self._tried.get(address, now), now) + REFILL_SECONDS
        _keep(self._tried, address)

    def right(self, address: str, owner: str) -> None:
        """A key was looked at and is one of ours."""
        self._known[address, owner] = None
        _keep(self._known, (address, owner))


def address_of(scope: Scope) -> str:
    """The client's address; of IPv6 its network, since one client has many addresses there."""
    host: str = (scope.get("client") or ("unknown", 0))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return host if address.version == 4 else str(ipaddress.ip_network((int(address), 64), strict=False))


def _keep(entries: OrderedDict[KeyT, ValueT], key: KeyT) -> None:
    entries.move_to_end(key)
    if len(entries) > _MAX_ENTRIES:
        entries.popitem(last=False)
