"""The end of the API: unready first, requests in flight finished, streams ended; and writes while Temporal is away."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx2
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from temporalio.client import Client

from api.claim_commands import TemporalUnavailable
from api.shutdown import GracefulServer
from api.temporal_client import TemporalClaimCommands
from api.temporal_connection import TemporalConnection
from devstack.commands import scratch_settings
from messages.claims import ParcelArrived
from store.migrate import upgrade
from tests.api.conftest import NOW, ApiHarness, no_temporal
from tests.api.test_timeline import until

ROOT = Path(__file__).parents[2]
STREAM = {"Accept": "text/event-stream"}


async def test_a_stopping_server_is_unready_first_and_finishes_what_is_in_flight(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    services = harness.app.state.services
    arrived, go_on = 0, asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal arrived
        if scope["path"] == "/v1/products":
            arrived += 1
            await go_on.wait()
        await harness.app(scope, receive, send)

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        config = uvicorn.Config(slow, log_config=None, lifespan="off", timeout_graceful_shutdown=5, ws="none")
        server = GracefulServer(config, services.shutdown, services.streams.close, drain_seconds=60)
        serving = asyncio.create_task(server._serve(sockets=[sock]))
        await until(lambda: server.started)
        limits = httpx2.Limits(max_connections=100)
        async with httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{sock.getsockname()[1]}",
            headers={"Authorization": "Bearer dev"},
            trust_env=False,
            limits=limits,
            timeout=30,
        ) as http:
            stream = asyncio.create_task(http.get(claim["links"]["events"], headers=STREAM))
            in_flight = [asyncio.create_task(http.get("/v1/products")) for _ in range(50)]
            await until(lambda: arrived == len(in_flight) and not stream.done())
            assert (await http.get("/readyz")).status_code == 200
            server.handle_exit(signal.SIGTERM, None)
            ready = await http.get("/readyz")
            assert (ready.status_code, ready.json()["stopping"]) == (503, True)
            served = await http.get("/healthz")
            assert served.status_code == 200
            server.handle_exit(signal.SIGTERM, None)  # the second signal ends the drain
            await until(lambda: not server.servers[0].is_serving())
            go_on.set()
            responses = await asyncio.gather(*in_flight)
            assert {response.status_code for response in responses} == {200}
            ended = await asyncio.wait_for(stream, 5)
            assert b"event: submitted" in ended.content
            await asyncio.wait_for(serving, 10)


async def test_a_second_signal_ends_the_wait(harness: ApiHarness) -> None:
    services = harness.app.state.services
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        config = uvicorn.Config(harness.app, log_config=None, lifespan="off", ws="none")
        server = GracefulServer(config, services.shutdown, services.streams.close, drain_seconds=60)
        serving = asyncio.create_task(server._serve(sockets=[sock]))
        await until(lambda: server.started)
        server.handle_exit(signal.SIGTERM, None)
        server.handle_exit(signal.SIGTERM, None)
        await asyncio.wait_for(serving, 5)


def test_the_process_ends_without_a_traceback(tmp_path: Path) -> None:
    settings = scratch_settings(tmp_path)
    upgrade(settings.database_url)
    variables = settings.to_environment() | {"TEMPORAL_ADDRESS": "127.0.0.1:1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "api"],
        cwd=ROOT,
        env=os.environ | variables,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                try:
                    assert httpx2.get(f"{settings.api_url}/healthz", trust_env=False).status_code == 200
                    break
                except httpx2.TransportError:
                    time.sleep(0.1)
            process.terminate()
            written = process.communicate(timeout=20)[1]
        finally:
            process.kill()
    assert process.returncode == 0
    assert "Traceback" not in written


class Server:
    """A Temporal server that can be away: a client of it, as far as health is concerned."""

    def __init__(self) -> None:
        self.away = False
        self.checks = 0
        self.client = cast(Client, SimpleNamespace(service_client=self))

    async def check_health(self, **_options: Any) -> bool:
        self.checks += 1
        if self.away:
            raise TimeoutError
        return True


async def test_while_temporal_is_away_writes_are_refused_at_once_and_go_on_afterwards() -> None:
    server = Server()

    async def connect() -> Client:
        return server.client

    connection = TemporalConnection(connect, check_seconds=0.02)
    connection.open()
    assert await connection.client() is server.client
    server.away = True
    await until_refused(connection)
    server.away = False
    async with asyncio.timeout(5):
        while True:
            try:
                assert await connection.client() is server.client
                break
            except TemporalUnavailable:
                await asyncio.sleep(0.01)
    await connection.close()


async def test_one_failed_check_refuses_nothing() -> None:
    server = Server()

    async def connect() -> Client:
        return server.client

    connection = TemporalConnection(connect, check_seconds=0.05)
    connection.open()
    await connection.client()
    server.away = True
    seen = server.checks
    await until(lambda: server.checks > seen)
    server.away = False
    assert await connection.client() is server.client
    await connection.close()


async def test_a_write_before_the_first_connection_is_refused_at_once_after_one_failure() -> None:
    commands = TemporalClaimCommands(no_temporal, "aftercare")
    await commands.open()
    event = ParcelArrived(event_id="evt_1", actor="warehouse", arrived_at=NOW)
    await asyncio.sleep(0.1)
    started = time.monotonic()
    with pytest.raises(TemporalUnavailable):
        await commands.send_event("clm_a", event)
    assert time.monotonic() - started < 0.5
    await commands.close()


async def until_refused(connection: TemporalConnection) -> None:
    async with asyncio.timeout(5):
        while True:
            try:
                await connection.client()
            except TemporalUnavailable:
                return
            await asyncio.sleep(0.01)
