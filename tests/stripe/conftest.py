"""Servers that speak Stripe's language, on loopback, one for the whole run."""

import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import stripe

from activities.stripe_wire import HttpxWire
from tests.stripe.simulator import NoSimulator, simulator_command

ROOT = Path(__file__).parents[2]


@contextmanager
def served(command: list[str], port: int) -> Iterator[str]:
    """The address of a server of ours, from when it answers until the block ends."""
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(address, trust_env=False)
            except httpx.TransportError:
                assert server.poll() is None, f"{command} ended"
                assert time.monotonic() < deadline, f"{command} does not answer"
                time.sleep(0.1)
            else:
                break
        yield address
    finally:
        server.terminate()
        server.wait(10)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def localstripe() -> Iterator[str]:
    """The address of localstripe."""
    port = free_port()
    with served([sys.executable, "-m", "tests.stripe.localstripe_server", str(port)], port) as address:
        yield address


@pytest.fixture(scope="session")
def simulator() -> Iterator[str]:
    """The address of python-getpaid-simulator, in an environment of its own; skipped where there can be none."""
    port = free_port()
    try:
        command = simulator_command(port)
    except NoSimulator as reason:
        pytest.skip(str(reason))
    with served(command, port) as address:
        yield address


@pytest.fixture
async def http() -> AsyncIterator[stripe.HTTPClient]:
    """What carries requests to these servers: it waits a second, not fifteen."""
    client = HttpxWire(seconds=3)
    yield client
    await client.close_async()
