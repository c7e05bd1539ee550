"""API: whether Temporal answers, and which lanes a worker polls."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from api.claim_commands import ClaimNotRunning, TemporalUnavailable
from api.rpc_errors import translate_rpc_errors
from api.temporal_connection import TemporalConnection
from messages.lane_polls import lane_polls
from messages.lanes import Lane

READY_TIMEOUT: Final = timedelta(seconds=2)
_POLL_AGE: Final = timedelta(minutes=2)
"""A worker polls at least once a minute; the server remembers pollers that are gone for five."""


async def temporal_answers(connection: TemporalConnection) -> bool:
    """Whether there is a connection and the server is healthy. Raises nothing."""
    try:
        async with translate_rpc_errors(READY_TIMEOUT):
            client = await connection.client()
            return await client.service_client.check_health(timeout=READY_TIMEOUT)
    except TemporalUnavailable:
        return False


async def lanes_without_worker(connection: TemporalConnection, task_queue: str) -> list[Lane]:
    """The lanes that no worker polled within two minutes; all of them when Temporal does not answer.

    `task_queue` is that of the workflows.
    """
    polled = await asyncio.gather(*(_is_polled(connection, lane, task_queue) for lane in Lane))
    return [lane for lane, is_polled in zip(Lane, polled, strict=True) if not is_polled]


async def _is_polled(connection: TemporalConnection, lane: Lane, task_queue: str) -> bool:
    try:
        async with translate_rpc_errors(READY_TIMEOUT):
            client = await connection.client()
            request = lane_polls(client.namespace, lane, task_queue)
            described = await client.workflow_service.describe_task_queue(request, timeout=READY_TIMEOUT)
    except (TemporalUnavailable, ClaimNotRunning):  # the latter is "not found": nobody has ever polled
        return False
    oldest = datetime.now(UTC) - _POLL_AGE
    return any(poller.last_access_time.ToDatetime(UTC) >= oldest for poller in described.pollers)
