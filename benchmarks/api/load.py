"""Benchmarks: HTTP clients on kept connections, faster than the servers that they measure."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final

_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "
_OK: Final = b"HTTP/1.1 200"


@dataclass
class Responses:
    """The seconds of each response, and of all requests together."""

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Responses a second."""
        return len(self.times) / self.seconds


async def send_requests(port: int, paths: list[str], clients: int, seconds: float, key: str) -> Responses:
    """Request `paths` in turn for `seconds`; each of `clients` sends the next request when it has its response.

    Raises RuntimeError for any response but 200.
    """
    loop, found, turn = asyncio.get_running_loop(), Responses(), cycle(paths)
    began = time.perf_counter()
    requests = (_request(path, key) for path in turn)
    done = [loop.create_future() for _ in range(clients)]
    for each in done:
        await loop.create_connection(
            lambda each=each: _Connection(requests, began + seconds, found, each),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
    await asyncio.gather(*done)
    found.seconds = time.perf_counter() - began
    return found


def _request(path: str, key: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


class _Connection(asyncio.Protocol):
    """One connection: a request, its whole response, the next request."""

    def __init__(self, requests: Iterator[bytes], until: float, found: Responses, done: asyncio.Future[None]) -> None:
        self._requests, self._until, self._found, self._done = requests, until, found, done
        self._got = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(_END_OF_HEAD)
        if not end:
            return
        start = head.lower().find(_LENGTH) + len(_LENGTH)
        if len(body) < int(head[start:].partition(b"\r\n")[0]):
            return
        if not head.startswith(_OK):
            self._fail(RuntimeError(f"the server responded {self._got[:300].decode()}"))
            return
        now = time.perf_counter()
        self._found.times.append(now - self._sent_at)
        self._got = b""
        if now < self._until:
            self._send()
        elif not self._done.done():
            self._done.set_result(None)
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(error or RuntimeError("the server hung up"))

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(next(self._requests))

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)
        self._transport.close()
