"""API: a claim's timeline as server-sent events. Polls the database; holds no connection between polls."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

from api.responses.timeline import EventView
from domain.kinds import ClaimState
from store.reads.queries import Queries

MEDIA_TYPE = "text/event-stream"
POLL_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
"""Proxies close connections that are idle for long."""


async def follow(
    queries: Queries,
    claim_id: str,
    after: int,
    submitted: Callable[[], Awaitable[bool]],
    poll: float = POLL_SECONDS,
    heartbeat: float = HEARTBEAT_SECONDS,
) -> AsyncIterator[bytes]:
    """Every event after the one numbered `after`, as it is written; ends when the claim is closed and all are sent.

    While the database does not have the claim, `submitted` says whether its workflow is running. A disconnect of the
    reader cancels this at a wait; nothing needs to be cleaned up.
    """
    clock = asyncio.get_running_loop().time
    last_sent = clock()
    yield b"retry: 2000\n\n"
    while True:
        # The state is read before the events, so that events written between the two are sent in the next round.
        claim = await queries.claim(claim_id)
        events = await queries.events(claim_id, after)
        for event in events:
            after = event.id
            yield _frame(EventView.of(event))
        if claim.state is ClaimState.CLOSED if claim is not None else not await submitted():
            return
        if events:
            last_sent = clock()
        elif clock() - last_sent >= heartbeat:
            last_sent = clock()
            yield b": still here\n\n"
        await asyncio.sleep(poll)


def _frame(event: EventView) -> bytes:
    data = json.dumps(event.model_dump(mode="json"), ensure_ascii=False)
    return f"id: {event.id}\nevent: {event.kind}\ndata: {data}\n\n".encode()
