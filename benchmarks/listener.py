"""Benchmarks: where the API would be, somebody who accepts the simulated gateway's webhooks and forgets them."""

import asyncio
import re
from typing import Final, Self

_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Listener:
    """Answers 204 to every HTTP request on a loopback port while the block lasts. `heard` counts them."""

    def __init__(self, host: str, port: int) -> None:
        self.heard = 0
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._converse, self._host, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                await reader.readexactly(int(length[1]) if length else 0)
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
                self.heard += 1
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the worker was killed, or closed the connection
        finally:
            writer.close()
