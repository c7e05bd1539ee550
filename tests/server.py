"""The real Temporal server for tests: the installed package's dev server, tuned so that weeks take milliseconds."""

import asyncio
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from messages.search import SEARCH_ATTRIBUTES
from temporal_runtime.namespace import indexed_type_name

PROGRAM = str(Path(sys.executable).parent / "temporal")
CONTINUE_AS_NEW_EVENTS = 1000
"""So many events, not the usual 4096, make the server suggest a new run: tests of it need not be long."""
_DYNAMIC_CONFIG = (
    f"limit.historyCount.suggestContinueAsNew={CONTINUE_AS_NEW_EVENTS}",
    "frontend.WorkflowTimeSkippingEnabled=true",
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    'history.timerProcessorMaxTimeShift="1ms"',
)
_TUNING = [argument for value in _DYNAMIC_CONFIG for argument in ("--dynamic-config-value", value)]


async def start_temporal(identity: str | None = None, port: int | None = None) -> WorkflowEnvironment:
    """A server of its own with everything in memory; `identity` is what its client calls itself in histories."""
    return await WorkflowEnvironment.start_local(
        dev_server_existing_path=PROGRAM,
        dev_server_log_level="never",
        dev_server_extra_args=_TUNING,
        search_attributes=SEARCH_ATTRIBUTES,
        data_converter=pydantic_data_converter,
        identity=identity,
        port=port,
    )


def temporal_command(port: int, namespaces: Sequence[str]) -> list[str]:
    """The command of the same server as a process of its own."""
    command = [PROGRAM, "server", "start-dev", "--disable-config-file", "--disable-config-env", "--headless"]
    command += ["--ip", "127.0.0.1", "--port", str(port), "--log-level", "never", *_TUNING]
    for namespace in namespaces:
        command += ["--namespace", namespace]
    for key in SEARCH_ATTRIBUTES:
        command += ["--search-attribute", f"{key.name}={indexed_type_name(key)}"]
    return command


async def connect_to(address: str, namespace: str) -> Client:
    """A client of a server that may still be starting."""
    async with asyncio.timeout(60):
        while True:
            try:
                client = await Client.connect(address, namespace=namespace, data_converter=pydantic_data_converter)
                await client.count_workflows()
            except (RuntimeError, RPCError):
                await asyncio.sleep(0.1)
            else:
                return client


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
