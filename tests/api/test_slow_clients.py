"""Clients that are slow or say nothing, on a real socket: they are cut off, and others are served meanwhile."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx2
import pytest
import uvicorn
from starlette.types import ASGIApp

from api.auth import ApiKeys
from api.authentication import AuthenticationMiddleware
from api.body_limit import BodyLimitMiddleware
from api.http_protocol import limited_protocol
from api.key_guard import KeyGuard
from tests.api.conftest import KEYS, ApiHarness, problem

HEADER_SECONDS = 0.4
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def served(app: ASGIApp, max_connections: int = 100) -> AsyncIterator[int]:
    """The port at which `app` is served by the limited protocol."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        protocol = limited_protocol(max_connections, HEADER_SECONDS)
        config = uvicorn.Config(app, http=protocol, log_config=None, lifespan="off", ws="none")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve(sockets=[sock]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield sock.getsockname()[1]
        server.should_exit = True
        await asyncio.wait_for(serving, 10)


@asynccontextmanager
async def connected(port: int, *sent: bytes) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for each in sent:
            writer.write(each)
        await writer.drain()
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def closed(connection: Connection, seconds: float = 5) -> bytes:
    """What came before the server closed the connection."""
    with suppress(ConnectionResetError):
        return await asyncio.wait_for(connection[0].read(), seconds)
    return b""


@pytest.mark.parametrize(
    "beginning", [b"", b"GET /healthz HTTP/1.1\r\nHost: api\r\n", b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 1000]
)
async def test_an_unfinished_header_is_cut_off(harness: ApiHarness, beginning: bytes) -> None:
    async with served(harness.app) as port, connected(port, beginning) as connection:
        assert await closed(connection) == b""


async def test_a_header_that_trickles_in_is_cut_off(harness: ApiHarness) -> None:
    async with served(harness.app) as port, connected(port, b"GET /healthz HTTP/1.1\r\n") as connection:
        reading = asyncio.create_task(closed(connection))
        with suppress(OSError):
            for _ in range(20):
                if reading.done():
                    break
                connection[1].write(b"X: y\r\n")
                await asyncio.sleep(HEADER_SECONDS / 4)
        assert reading.done()


async def test_a_connection_is_kept_between_requests_and_slow_answers_are_not_cut_off(harness: ApiHarness) -> None:
    async def slow(scope: object, receive: object, send: object) -> None:
        await asyncio.sleep(HEADER_SECONDS * 2)
        await harness.app(scope, receive, send)  # type: ignore[arg-type]

    async with (
        served(slow) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        for _ in range(2):
            assert (await http.get("/healthz")).status_code == 200


async def test_health_is_answered_while_every_connection_is_held_open(harness: ApiHarness) -> None:
    async with served(harness.app, max_connections=20) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(40)]
        request = b"GET /healthz HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n"
        async with connected(port, request) as connection:
            assert (await closed(connection)).startswith(b"HTTP/1.1 200")
        for _, writer in held:
            writer.close()


def post(path: str, key: str, length: int = 1000) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {length}\r\n\r\n".encode()


async def test_a_body_without_a_key_is_answered_before_it_arrives(harness: ApiHarness) -> None:
    async with served(harness.app) as port, connected(port, post("/v1/claims", "nobody")) as connection:
        assert (await closed(connection)).startswith(b"HTTP/1.1 401")


def with_limits(harness: ApiHarness, **limits: float) -> ASGIApp:
    """The application behind limits of its own; its own middleware finds the body read."""
    limited = BodyLimitMiddleware(harness.app, **limits)  # type: ignore[arg-type]
    return AuthenticationMiddleware(limited, ApiKeys(KEYS), KeyGuard())


async def test_an_unfinished_body_is_answered_in_time(harness: ApiHarness) -> None:
    async with (
        served(with_limits(harness, seconds=0.3)) as port,
        connected(port, post("/v1/claims", "dev"), b'{"service": ') as connection,
    ):
        answer = await closed(connection)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b'"code":"request_timeout"' in answer


async def test_few_webhooks_are_read_at_once(harness: ApiHarness) -> None:
    path = "/v1/webhooks/payments/simulated"
    async with (
        served(with_limits(harness, seconds=5, without_key=2)) as port,
        connected(port, post(path, ""), b"{"),
        connected(port, post(path, ""), b"{"),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        await asyncio.sleep(0.1)
        problem(await http.post(path, json={}), 503, "unavailable")
        headers = {"Authorization": "Bearer dev"}
        assert (await http.post("/v1/quotes", json={}, headers=headers)).status_code == 422
