"""Temporal: the client connection. No layer imports this module.

Address, namespace, API key and TLS come from Temporal's own environment variables and profiles, so a cluster or
Temporal Cloud needs configuration and no code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, Interceptor
from temporalio.converter import DataConverter
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from messages.lane_polls import lane_polls
from messages.lanes import Lane

DEFAULT_ADDRESS = "localhost:7233"
_FIRST_RETRY_DELAY = 0.1
_MAX_RETRY_DELAY = 2.0
_NOT_RETRYABLE = {RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.INVALID_ARGUMENT}


class TemporalUnreachable(Exception):
    """Temporal did not answer in time, or refused this client. The message names the address and what to check."""


async def connect(
    *,
    wait_seconds: float,
    converter: DataConverter,
    address: str | None = None,
    runtime: Runtime | None = None,
    interceptors: Sequence[Interceptor] = (),
) -> Client:
    """Connect a client, and return it once the server answers.

    Args:
        wait_seconds: how long to retry before giving up.
        converter: `temporal_runtime.client.data_converter` of the settings.
        runtime: `temporal_runtime.metrics.metrics_runtime` for a process that serves metrics.
        interceptors: of the client and of the workers that use it: `temporal_runtime.traces`.
        address: use this address and ignore Temporal's environment variables and profiles.

    Raises:
        TemporalUnreachable: no answer within ``wait_seconds``, or an error that a retry cannot fix.
    """
    config = _client_config() if address is None else ClientConnectConfig(target_host=address)
    target = config.setdefault("target_host", DEFAULT_ADDRESS)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_seconds
    delay = _FIRST_RETRY_DELAY
    while True:
        try:
            client = await asyncio.wait_for(
                Client.connect(**config, data_converter=converter, runtime=runtime, interceptors=interceptors),
                max(deadline - loop.time(), 0.5),
            )
            await _check_namespace(client)
            return client
        # The SDK reports an address nobody listens on as a RuntimeError.
        except (RuntimeError, OSError, RPCError, TimeoutError) as error:
            if isinstance(error, RPCError) and error.status in _NOT_RETRYABLE:
                raise TemporalUnreachable(f"Temporal at {target} refuses us: {error.message}") from error
            if loop.time() + delay >= deadline:
                raise TemporalUnreachable(
                    f"Temporal does not answer at {target} ({wait_seconds:.0f} s). Is it running? "
                    "TEMPORAL_ADDRESS names another address; `aftercare dev` starts a local one."
                ) from error
        await asyncio.sleep(delay)
        delay = min(delay * 2, _MAX_RETRY_DELAY)


def configured_namespace() -> str:
    """The namespace ``connect`` will use, known before there is a connection; links to Temporal's UI contain it.

    Raises:
        TemporalUnreachable: Temporal's environment variables or profile cannot be read.
    """
    return _client_config().get("namespace", "default")


def _client_config() -> ClientConnectConfig:
    try:
        return ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError, OSError) as error:
        raise TemporalUnreachable(f"Temporal's configuration cannot be read: {error}") from error


async def _check_namespace(client: Client) -> None:
    """Fail while the server is still starting: it accepts connections before its namespaces are available."""
    await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), timeout=timedelta(seconds=5)
    )


async def pollers(client: Client, lane: Lane, task_queue: str) -> list[str]:
    """Who polled the lane in the last minutes: the workers' identities. `task_queue` is that of the workflows."""
    request = lane_polls(client.namespace, lane, task_queue)
    response = await client.workflow_service.describe_task_queue(request)
    return [poller.identity for poller in response.pollers]


async def lanes_without_worker(client: Client, task_queue: str) -> list[Lane]:
    """The lanes that no worker polled in the last minutes."""
    return [lane for lane in Lane if not await pollers(client, lane, task_queue)]
