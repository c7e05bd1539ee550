"""API: the server's end: readiness turns first, then streams end, and requests in flight are finished."""

import time
from collections.abc import Callable
from types import FrameType
from typing import Final

import uvicorn

_CLOSE: Final = (b"connection", b"close")


class Shutdown:
    """Whether the process has been asked to stop. Routes read it; `GracefulServer` sets it."""

    def __init__(self) -> None:
        self.begun = False


class GracefulServer(uvicorn.Server):
    """After the first signal it serves for `drain_seconds` more, so that load balancers see that it is not ready.

    Meanwhile each response closes its connection. Then `end_streams` is called, since streams do not end by themselves,
    and uvicorn finishes the requests in flight. A second signal ends the wait.
    """

    def __init__(
        self, config: uvicorn.Config, shutdown: Shutdown, end_streams: Callable[[], None], drain_seconds: float
    ) -> None:
        super().__init__(config)
        self._shutdown = shutdown
        self._end_streams = end_streams
        self._drain_seconds = drain_seconds
        self._drained_at = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._shutdown.begun:
            super().handle_exit(sig, frame)
            return
        self._shutdown.begun = True
        self._drained_at = time.monotonic() + self._drain_seconds

    async def on_tick(self, counter: int) -> bool:
        if self._shutdown.begun and time.monotonic() >= self._drained_at:
            self.should_exit = True
        stopping = await super().on_tick(counter)
        if self._shutdown.begun and _CLOSE not in self.server_state.default_headers:
            self.server_state.default_headers = [*self.server_state.default_headers, _CLOSE]
        if stopping:
            self._end_streams()
        return stopping
