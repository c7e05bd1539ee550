"""API: uvicorn's HTTP protocol with limits for clients that send or read slowly or not at all; uvicorn has none."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS: Final = 10.0
"""From the beginning of a connection, or the end of a response, until the next request's headers are complete."""
READING_SECONDS: Final = 30.0
"""How long a client may leave what was sent unread while more of it waits."""


def limited_protocol(
    max_connections: int, header_seconds: float = HEADER_SECONDS, reading_seconds: float = READING_SECONDS
) -> type[H11Protocol]:
    """The protocol of one server.

    A connection without a complete header is closed after `header_seconds`. Beyond `max_connections` the one that has
    waited longest for its header is closed at once, so that those who hold connections open do not keep others out.
    One whose buffers are full and are not read for `reading_seconds` is closed: its response would wait for ever.
    """
    waiting: dict[H11Protocol, None] = {}
    """Connections whose next header is not complete, the oldest first."""

    class LimitedProtocol(H11Protocol):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._header_timer: asyncio.TimerHandle | None = None
            self._reading_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > max_connections and waiting:
                oldest = next(iter(waiting))
                del waiting[oldest]
                oldest.transport.abort()
            self._await_header()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            self._stop_reading_timer()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._stop_reading_timer()
            self._reading_timer = self.loop.call_later(reading_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            self._stop_reading_timer()
            super().resume_writing()

        def handle_events(self) -> None:
            super().handle_events()
            if not getattr(self.cycle, "response_complete", True):  # there is no cycle before the first header
                self._stop_waiting()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            # Also when the rest of a body is still to come that nobody reads.
            if self.cycle.response_complete and not self.transport.is_closing():
                self._await_header()

        def _await_header(self) -> None:
            self._stop_waiting()
            waiting[self] = None
            self._header_timer = self.loop.call_later(header_seconds, self.transport.abort)

        def _stop_waiting(self) -> None:
            waiting.pop(self, None)
            if self._header_timer is not None:
                self._header_timer.cancel()
                self._header_timer = None

        def _stop_reading_timer(self) -> None:
            if self._reading_timer is not None:
                self._reading_timer.cancel()
                self._reading_timer = None

    return LimitedProtocol
