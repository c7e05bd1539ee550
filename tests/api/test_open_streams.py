"""Hundreds of event streams that nobody reads, on a real socket: they are limited, and the API answers beside them."""

import asyncio
from contextlib import AsyncExitStack

import httpx2

from api.event_stream import STREAMS_PER_CALLER
from tests.api.conftest import ApiHarness, problem
from tests.api.test_slow_clients import Connection, connected, served

IN_ALL = 250
STREAM = {"Accept": "text/event-stream"}


def follow(path: str, key: str) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {key}\r\nAccept: text/event-stream\r\n\r\n"
    return head.encode()


async def begun(connection: Connection) -> bool:
    """Whether the response has begun; no more of it is read."""
    return (await asyncio.wait_for(connection[0].readline(), 30)).startswith(b"HTTP/1.1 200")


async def test_streams_that_nobody_reads_are_limited_and_others_are_answered(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    path = claim["links"]["events"]
    harness.app.state.services.streams.limit(IN_ALL)
    async with (
        served(harness.app, max_connections=600, header_seconds=60) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as http,
    ):

        async def stream(key: str) -> httpx2.Response:
            return await http.get(path, headers=STREAM | {"Authorization": f"Bearer {key}"})

        async with AsyncExitStack() as held:

            async def hold(key: str, number: int) -> None:
                for _ in range(number):
                    assert await begun(await held.enter_async_context(connected(port, follow(path, key))))

            await hold("cs", STREAMS_PER_CALLER)
            refused = await stream("cs")
            problem(refused, 429, "too_many_requests")
            assert int(refused.headers["retry-after"]) > 0
            await hold("st", STREAMS_PER_CALLER)
            await hold("dev", IN_ALL - 2 * STREAMS_PER_CALLER)
            problem(await stream("dev"), 503, "unavailable")
            read = await http.get(path, headers={"Authorization": "Bearer cs"})
            assert [event["kind"] for event in read.json()["items"]] == ["submitted"]
        await harness.http.post(f"/v1/claims/{claim['id']}/cancel")
        async with asyncio.timeout(30):
            while (await stream("cs")).status_code != 200:
                await asyncio.sleep(0.05)
