"""API: claims' timelines as server-sent events. One poller asks the database for all streams of the process."""

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.problems import Code, Problem, unavailable
from api.responses.timeline import EventView
from store.reads.queries import Queries
from store.reads.timeline import TimelineEnd

log = logging.getLogger("aftercare.api")

MEDIA_TYPE: Final = "text/event-stream"
POLL_SECONDS: Final = 0.5
HEARTBEAT_SECONDS: Final = 15.0
"""Proxies close connections that are idle for long."""
STREAMS_PER_CALLER: Final = 100
STREAMS: Final = 400


class _Follower:
    """One stream's view of its claim: `end` is what the poller saw last, `changed` wakes the stream."""

    def __init__(self, claim_id: str) -> None:
        self.claim_id = claim_id
        self.end: TimelineEnd | None = None
        self.changed = asyncio.Event()


class EventStreams:
    """The streams of one process: their number, by caller and in all, and the poller that they share.

    The poller runs while there are streams. It asks for the last event and the state of all followed claims in one
    query, and wakes the streams of those that changed.
    """

    def __init__(
        self,
        queries: Queries,
        *,
        per_caller: int = STREAMS_PER_CALLER,
        in_all: int = STREAMS,
        poll: float = POLL_SECONDS,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._queries = queries
        self._per_caller = per_caller
        self._in_all = in_all
        self._poll_seconds = poll
        self._heartbeat = heartbeat
        self._open: Counter[str] = Counter()
        self._followers: set[_Follower] = set()
        self._poller: asyncio.Task[None] | None = None
        self._closed = False

    def limit(self, in_all: int) -> None:
        """Allow at most `in_all` streams, where the process has few connections."""
        self._in_all = min(self._in_all, in_all)

    def acquire(self, caller: str) -> None:
        """Count a stream of `caller`. Raises Problem: 429 beyond the caller's limit, 503 beyond that of all."""
        if self._open[caller] >= self._per_caller:
            detail = f"This key has {self._per_caller} event streams open. Close one, or read the timeline as JSON."
            raise Problem(Code.TOO_MANY_REQUESTS, detail)
        if self._closed or self._open.total() >= self._in_all:
            raise unavailable("The event stream")
        self._open[caller] += 1

    def release(self, caller: str) -> None:
        self._open[caller] -= 1
        if not self._open[caller]:
            del self._open[caller]

    def close(self) -> None:
        """End every stream after what it has sent, and open no more. Called on the event loop."""
        self._closed = True
        for follower in self._followers:
            follower.changed.set()

    async def stop(self) -> None:
        """As `close`, and end the poller."""
        self.close()
        if self._poller is not None:
            self._poller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._poller

    async def follow(
        self, claim_id: str, after: int, submitted: Callable[[], Awaitable[bool]], zone: str = "UTC"
    ) -> AsyncIterator[bytes]:
        """Every event after the one numbered `after`, as it is written; ends when the claim is closed and all are sent.

        While the database does not have the claim, `submitted` says whether its workflow is running. `zone` is that of
        the claim.
        """
        clock = asyncio.get_running_loop().time
        follower, sent_at = _Follower(claim_id), clock()
        self._followers.add(follower)
        try:
            yield b"retry: 2000\n\n"
            follower.end = (await self._queries.timeline_ends([claim_id])).get(claim_id)
            if self._poller is None or self._poller.done():
                self._poller = asyncio.create_task(self._poll())
            while not self._closed:
                follower.changed.clear()
                end = follower.end
                if end is not None and end.last_event > after:
                    for event in await self._queries.events(claim_id, after):
                        after, sent_at = event.id, clock()
                        yield _frame(EventView.of(event, zone))
                if end.closed if end is not None else not await submitted():
                    return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(sent_at + self._heartbeat):
                        await follower.changed.wait()
                if clock() - sent_at >= self._heartbeat:
                    sent_at = clock()
                    yield b": still here\n\n"
        finally:
            self._followers.discard(follower)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            if not self._followers:
                return
            try:
                ends = await self._queries.timeline_ends({follower.claim_id for follower in self._followers})
            except (SQLAlchemyError, OSError) as error:
                log.warning("event streams wait for the database: %s", error)
                continue
            for follower in self._followers:
                end = ends.get(follower.claim_id)
                # A claim that is not stored yet is looked for in Temporal by its stream.
                if end is None or end != follower.end:
                    follower.end = end
                    follower.changed.set()


class EventStreamResponse(StreamingResponse):
    """The response of one stream, counted by `EventStreams.acquire` before it begins."""

    def __init__(self, streams: EventStreams, caller: str, lines: AsyncIterator[bytes]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(lines, media_type=MEDIA_TYPE, headers=headers)
        self._streams = streams
        self._caller = caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.release(self._caller)


def _frame(event: EventView) -> bytes:
    data = json.dumps(event.model_dump(mode="json"), ensure_ascii=False)
    return f"id: {event.id}\nevent: {event.kind}\ndata: {data}\n\n".encode()
