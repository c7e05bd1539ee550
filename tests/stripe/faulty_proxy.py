"""A proxy that injects faults: the server processes a request, and its response is lost or late.

It listens on loopback before a server with Stripe's API. With `keeps_keys` it also implements idempotency keys, which
the server does not: the same key gets the same response. Responses are stored before a fault is injected.
"""

import asyncio
import json
from enum import Enum
from types import TracebackType

import httpx2


class Fault(Enum):
    """A fault of one response."""

    DROPPED = "the connection is closed without a response"
    RESET = "the connection is reset in the middle of the response"
    SLOW = "the response comes after the timeout"
    GARBLED = "the response is an HTML page of a gateway in between"
    NOT_SENT = "the request itself never arrives"


class FaultyProxy:
    """`faults` apply to the next responses to POST, one each; later ones are passed on."""

    def __init__(self, upstream: str, *, keeps_keys: bool = False) -> None:
        self.upstream = upstream
        self.faults: list[Fault] = []
        self.processed: list[str] = []
        """The paths of the POST requests that the server has processed."""
        self._responses: dict[str, tuple[bytes, httpx2.Response]] | None = {} if keeps_keys else None
        self._closing = asyncio.Event()

    async def __aenter__(self) -> "FaultyProxy":
        self._client = httpx2.AsyncClient(base_url=self.upstream, timeout=30, trust_env=False)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.close()
        await self._client.aclose()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (line := await reader.readline()).strip():
                await self._forward(line.decode(), reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _forward(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, path, _ = line.split()
        headers: dict[str, str] = {}
        while (header := (await reader.readline()).decode().strip()) != "":
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        fault = self.faults.pop(0) if method == "POST" and self.faults else None
        if fault is Fault.NOT_SENT:
            raise ConnectionAbortedError
        response = await self._respond(method, path, headers, body)
        match fault:
            case Fault.DROPPED:
                raise ConnectionAbortedError
            case Fault.RESET:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4711\r\n\r\n{")
                await writer.drain()
                writer.transport.abort()
                raise ConnectionAbortedError
            case Fault.SLOW:
                await self._closing.wait()
                raise ConnectionAbortedError
            case Fault.GARBLED:
                status, content = 502, b"<html>Bad Gateway</html>"
            case _:
                status, content = response.status_code, response.content
        head = f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        await writer.drain()

    async def _respond(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx2.Response:
        key = headers.get("idempotency-key", "")
        if self._responses is not None and key in self._responses:
            sent, response = self._responses[key]
            reused = {"error": {"type": "idempotency_error", "message": "Keys can only be used with the same words."}}
            return (
                response if sent == path.encode() + body else httpx2.Response(400, content=json.dumps(reused).encode())
            )
        forwarded = {
            name: value for name, value in headers.items() if name not in ("host", "content-length", "connection")
        }
        response = await self._client.request(method, path, headers=forwarded, content=body)
        if method == "POST":
            self.processed.append(path)
            if self._responses is not None and key:
                self._responses[key] = path.encode() + body, response
        return response
