"""API: the connection to Temporal, made while the application already serves. Knows no workflow."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from api.claim_commands import TemporalUnavailable

log = logging.getLogger("aftercare.api")

CHECK_SECONDS: Final = 2.0
_CHECK_TIMEOUT: Final = timedelta(seconds=2)
_MAX_FAILED_CHECKS: Final = 2
"""One failed check may be a hiccup."""
_CONNECT_WAIT_SECONDS: Final = 2.0
_RECONNECT_DELAY_SECONDS: Final = 1.0


class TemporalConnection:
    """Calls `connect` in the background until it succeeds, then asks the server regularly whether it answers.

    While the server does not answer, `client` fails at once: otherwise each request would wait for its own timeout.
    """

    def __init__(self, connect: Callable[[], Awaitable[Client]], check_seconds: float = CHECK_SECONDS) -> None:
        self._connect = connect
        self._check_seconds = check_seconds
        self._client: asyncio.Future[Client] | None = None
        self._task: asyncio.Task[None] | None = None
        self._away = False

    def open(self) -> None:
        """Begin to connect; returns at once. Needs a running event loop."""
        self._client = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(self._client))

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def client(self) -> Client:
        """The connected client.

        Raises:
            TemporalUnavailable: the server did not answer when it was last asked.
            TimeoutError: the first attempt to connect has not ended within two seconds.
        """
        assert self._client is not None, "the connection was not opened"
        if self._away:
            raise TemporalUnavailable("it did not answer when it was last asked")
        return await asyncio.wait_for(asyncio.shield(self._client), _CONNECT_WAIT_SECONDS)

    async def _run(self, connected: asyncio.Future[Client]) -> None:
        client = await self._keep_connecting()
        self._away = False
        connected.set_result(client)
        failed = 0
        while True:
            await asyncio.sleep(self._check_seconds)
            failed = 0 if await _answers(client) else failed + 1
            if self._away != (failed >= _MAX_FAILED_CHECKS):
                self._away = not self._away
                log.warning(
                    "Temporal %s", "does not answer: writes are refused at once" if self._away else "answers again"
                )

    async def _keep_connecting(self) -> Client:
        while True:
            try:
                return await self._connect()
            except Exception as error:  # reads go on without Temporal, whatever the error is
                self._away = True
                log.warning("Temporal cannot be reached yet: %s", error)
                await asyncio.sleep(_RECONNECT_DELAY_SECONDS)


async def _answers(client: Client) -> bool:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT.total_seconds()):
            return await client.service_client.check_health(timeout=_CHECK_TIMEOUT)
    except (RPCError, TimeoutError, RuntimeError):
        return False
