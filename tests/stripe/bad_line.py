"""A bad line to a server: what is asked arrives and is acted upon, and then the answer gets lost, or comes too late.

It stands on loopback before a server that speaks Stripe's language. With `remembers` it also keeps Stripe's promise
that the server does not: the same key is answered alike. Answers are kept where they are made, behind the bad line.
"""

import asyncio
import json
from enum import Enum
from types import TracebackType

import httpx


class Mishap(Enum):
    """What befalls one answer."""

    DROPPED = "the line is closed without an answer"
    RESET = "the line is reset in the middle of the answer"
    SLOW = "the answer does not come while anybody waits"
    GARBLED = "the answer is words from something in between"
    NOT_SENT = "the request itself never arrives"


class BadLine:
    """`mishaps` befall the next answers to POST, one each; then all is well."""

    def __init__(self, behind: str, *, remembers: bool = False) -> None:
        self.behind = behind
        self.mishaps: list[Mishap] = []
        self.acted: list[str] = []
        """Every POST the server has acted upon: its path."""
        self._answers: dict[str, tuple[bytes, httpx.Response]] | None = {} if remembers else None
        self._let_go = asyncio.Event()

    async def __aenter__(self) -> "BadLine":
        self._client = httpx.AsyncClient(base_url=self.behind, timeout=30, trust_env=False)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._let_go.set()
        self._server.close()
        await self._client.aclose()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (line := await reader.readline()).strip():
                await self._pass(line.decode(), reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _pass(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, path, _ = line.split()
        headers: dict[str, str] = {}
        while (header := (await reader.readline()).decode().strip()) != "":
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        mishap = self.mishaps.pop(0) if method == "POST" and self.mishaps else None
        if mishap is Mishap.NOT_SENT:
            raise ConnectionAbortedError
        answer = await self._answer(method, path, headers, body)
        match mishap:
            case Mishap.DROPPED:
                raise ConnectionAbortedError
            case Mishap.RESET:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4711\r\n\r\n{")
                await writer.drain()
                writer.transport.abort()
                raise ConnectionAbortedError
            case Mishap.SLOW:
                await self._let_go.wait()
                raise ConnectionAbortedError
            case Mishap.GARBLED:
                status, content = 502, b"<html>Bad Gateway</html>"
            case _:
                status, content = answer.status_code, answer.content
        head = f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        await writer.drain()

    async def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        key = headers.get("idempotency-key", "")
        if self._answers is not None and key in self._answers:
            asked, answer = self._answers[key]
            reused = {"error": {"type": "idempotency_error", "message": "Keys can only be used with the same words."}}
            return answer if asked == path.encode() + body else httpx.Response(400, content=json.dumps(reused).encode())
        told = {name: value for name, value in headers.items() if name not in ("host", "content-length", "connection")}
        answer = await self._client.request(method, path, headers=told, content=body)
        if method == "POST":
            self.acted.append(path)
            if self._answers is not None and key:
                self._answers[key] = path.encode() + body, answer
        return answer
