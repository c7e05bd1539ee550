"""Clients that are slow or say nothing, on a real socket: they are cut off, and others are served meanwhile."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import httpx2
import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from api.auth import ApiKeys
from api.authentication import AuthenticationMiddleware
from api.body_limit import BodyLimitMiddleware
from api.http_protocol import READING_SECONDS, limited_protocol
from api.key_guard import KeyGuard
from api.rate_limit import RateLimits
from tests.api.conftest import KEYS, ApiHarness, problem

HEADER_SECONDS = 0.4
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def served(
    app: ASGIApp,
    max_connections: int = 100,
    header_seconds: float = HEADER_SECONDS,
    reading_seconds: float = READING_SECONDS,
) -> AsyncIterator[int]:
    """The port at which `app` is served by the limited protocol."""
    # asyncio switches Nagle's algorithm off for sockets that name their protocol alone.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as sock:
        sock.bind(("127.0.0.1", 0))
        protocol = limited_protocol(max_connections, header_seconds, reading_seconds)
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


async def test_a_body_that_comes_after_its_refusal_does_not_reset_the_connection(harness: ApiHarness) -> None:
    """A reset may reach a caller before it has read the response, which is lost then."""

    def ends_without_a_reset(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
            caller.sendall(post("/v1/claims", "nobody"))
            answer = b""
            while b'"instance"' not in answer:
                answer += caller.recv(1000)
            caller.sendall(b" " * 1000)
            return answer + caller.recv(1000)

    async with served(harness.app) as port:
        assert (await asyncio.to_thread(ends_without_a_reset, port)).startswith(b"HTTP/1.1 401")


def with_limits(harness: ApiHarness, **limits: float) -> ASGIApp:
    """The application behind limits of its own; its own middleware finds the body read."""
    limited = BodyLimitMiddleware(harness.app, **limits)  # type: ignore[arg-type]
    return AuthenticationMiddleware(limited, ApiKeys(KEYS), KeyGuard(), RateLimits())


async def test_an_unfinished_body_is_answered_in_time(harness: ApiHarness) -> None:
    async with (
        served(with_limits(harness, seconds=0.3)) as port,
        connected(port, post("/v1/claims", "dev"), b'{"service": ') as connection,
    ):
        answer = await closed(connection)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b'"code":"request_timeout"' in answer


async def test_a_body_that_trickles_in_is_answered_in_time(harness: ApiHarness) -> None:
    async with (
        served(with_limits(harness, seconds=0.3)) as port,
        connected(port, post("/v1/claims", "dev")) as connection,
    ):
        reading = asyncio.create_task(closed(connection))
        with suppress(OSError):
            for _ in range(40):
                if reading.done():
                    break
                connection[1].write(b" ")
                await asyncio.sleep(0.05)
        assert (await reading).startswith(b"HTTP/1.1 408")


PIECE, PIECES = b"x" * 1024 * 1024, 32
"""More than the buffers of both sockets hold."""


async def large(scope: Scope, receive: Receive, send: Send) -> None:
    """An application with a large response."""
    length = str(len(PIECE) * PIECES).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    for left in reversed(range(PIECES)):
        await send({"type": "http.response.body", "body": PIECE, "more_body": left > 0})


async def test_a_response_that_is_not_read_is_cut_off(harness: ApiHarness) -> None:
    ended = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await large(scope, receive, send)
        ended.set()

    request = b"GET / HTTP/1.1\r\nHost: api\r\n\r\n"
    async with served(app, reading_seconds=0.3) as port, connected(port, request) as connection:
        await asyncio.wait_for(ended.wait(), 10)
        assert len(await closed(connection)) < len(PIECE) * PIECES


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


class Timers:
    """The part of an event loop that the protocol uses; timers go off when the test says so."""

    def __init__(self) -> None:
        self._running: list[asyncio.TimerHandle] = []
        self.time = 0.0

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(self.time + seconds, callback, (), asyncio.get_running_loop())
        self._running.append(timer)
        return timer

    def forward(self, seconds: float) -> None:
        self.time += seconds
        for timer in self._running:
            if timer.when() <= self.time and not timer.cancelled():
                timer._run()


async def test_a_client_that_reads_slowly_is_not_cut_off() -> None:
    timers, transport = Timers(), Transport()
    config = uvicorn.Config(large, log_config=None, ws="none")
    protocol = limited_protocol(10, header_seconds=1000, reading_seconds=30)(config, ServerState(), {}, timers)  # type: ignore[arg-type]
    protocol.connection_made(transport)
    for _ in range(3):
        protocol.pause_writing()
        timers.forward(29)
        protocol.resume_writing()
    timers.forward(100)
    assert not transport.aborted
    protocol.pause_writing()
    timers.forward(30)
    assert transport.aborted


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
