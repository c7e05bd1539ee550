"""Servers with Stripe's API, on loopback, one for the whole run."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import stripe

from activities.payments.stripe.http import HttpxClient
from tests.server import free_port
from tests.shared import SharedRun
from tests.stripe.simulator import NoSimulator, simulator_command

ROOT = Path(__file__).parents[2]


@contextmanager
def served(run: SharedRun, command: list[str], port: int) -> Iterator[str]:
    """The address of a server, from when it responds until the block ends."""
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run.stop_at_end(server.pid)  # should this process die
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx2.get(address, trust_env=False)
            except httpx2.TransportError:
                assert server.poll() is None, f"{command} ended"
                assert time.monotonic() < deadline, f"{command} does not answer"
                time.sleep(0.1)
            else:
                break
        yield address
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture(scope="session")
def localstripe(run: SharedRun) -> Iterator[str]:
    """The address of localstripe."""
    port = free_port()
    with served(run, [sys.executable, "-m", "tests.stripe.localstripe_server", str(port)], port) as address:
        yield address


@pytest.fixture(scope="session")
def simulator(run: SharedRun) -> Iterator[str]:
    """The address of python-getpaid-simulator, in an environment of its own; skipped where there can be none."""
    port = free_port()
    try:
        command = simulator_command(port)
    except NoSimulator as reason:
        pytest.skip(str(reason))
    with served(run, command, port) as address:
        yield address


@pytest.fixture
async def http() -> AsyncIterator[stripe.HTTPClient]:
    """The HTTP client of these servers, with a timeout of 3 s, not 15."""
    client = HttpxClient(seconds=3)
    yield client
    await client.close_async()
