"""API: a claim's timeline as server-sent events. Reads the record again and again; holds no connection meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

from api.answers.timeline import EventView
from domain.kinds import ClaimState
from store.views import Views

MEDIA_TYPE = "text/event-stream"
POLL_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
"""Proxies close what is silent for long."""


async def follow(
    views: Views,
    claim_id: str,
    after: int,
    submitted: Callable[[], Awaitable[bool]],
    poll: float = POLL_SECONDS,
    heartbeat: float = HEARTBEAT_SECONDS,
) -> AsyncIterator[bytes]:
    """Every event behind the one numbered `after`, as it is written; ends when the claim is closed and all is told.

    While the record does not know the claim, `submitted` says whether it may still become one. The reader's going
    away cancels this at a wait; there is nothing to put in order.
    """
    clock = asyncio.get_running_loop().time
    spoken = clock()
    yield b"retry: 2000\n\n"
    while True:
        # The state is read before the events: what was written between the two is told in the next round at the latest.
        claim = await views.claim(claim_id)
        events = await views.events(claim_id, after)
        for event in events:
            after = event.id
            yield _told(EventView.of(event))
        if claim.state is ClaimState.CLOSED if claim is not None else not await submitted():
            return
        if events:
            spoken = clock()
        elif clock() - spoken >= heartbeat:
            spoken = clock()
            yield b": still here\n\n"
        await asyncio.sleep(poll)


def _told(event: EventView) -> bytes:
    data = json.dumps(event.model_dump(mode="json"), ensure_ascii=False)
    return f"id: {event.id}\nevent: {event.kind}\ndata: {data}\n\n".encode()
