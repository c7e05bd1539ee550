"""API: the connection to Temporal, made while the application already serves. Knows no workflow."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from temporalio.client import Client

log = logging.getLogger("aftercare.api")

_CONNECT_WAIT_SECONDS = 2.0
_RECONNECT_DELAY_SECONDS = 1.0


class TemporalConnection:
    """Calls `connect` in the background until it succeeds."""

    def __init__(self, connect: Callable[[], Awaitable[Client]]) -> None:
        self._connect = connect
        self._client: asyncio.Future[Client] | None = None
        self._connecting: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to connect; returns at once. Needs a running event loop."""
        self._client = asyncio.get_running_loop().create_future()
        self._connecting = asyncio.create_task(self._keep_connecting(self._client))

    async def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._connecting

    async def client(self) -> Client:
        """The connected client. Raises TimeoutError when there is none within two seconds."""
        assert self._client is not None, "the connection was not opened"
        return await asyncio.wait_for(asyncio.shield(self._client), _CONNECT_WAIT_SECONDS)

    async def _keep_connecting(self, client: asyncio.Future[Client]) -> None:
        while not client.done():
            try:
                client.set_result(await self._connect())
            except Exception as error:  # reads go on without Temporal, whatever the error is
                log.warning("Temporal cannot be reached yet: %s", error)
                await asyncio.sleep(_RECONNECT_DELAY_SECONDS)
