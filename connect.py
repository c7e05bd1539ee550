"""A composition root: the connection to Temporal. No room imports this module.

The address, namespace, API key and TLS come from Temporal's own conventions (environment variables and profiles), so
a cluster or Temporal Cloud is configuration, not code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType, TaskQueueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeTaskQueueRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
)
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.service import RPCError, RPCStatusCode

RETENTION = timedelta(days=30)
"""How long closed claims must stay at least: a charge can be disputed for that long, found by its history."""
LOCAL_ADDRESS = "localhost:7233"
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0


_JSON = PydanticJSONPlainPayloadConverter()


class HouseConverter(CompositePayloadConverter):
    """The SDK's pydantic converter, whose validators are made once, not again for each claim in memory."""

    def __init__(self) -> None:
        super().__init__(
            *(
                _JSON if isinstance(converter, JSONPlainPayloadConverter) else converter
                for converter in DefaultPayloadConverter.default_encoding_payload_converters
            )
        )


DATA_CONVERTER = DataConverter(payload_converter_class=HouseConverter)


class TemporalUnreachable(Exception):
    """Temporal did not answer in time, or not to us. The message says where and what to look at."""


async def connect(*, wait_seconds: float, address: str | None = None) -> Client:
    """A client with the house's data converter, once the server answers.

    Args:
        wait_seconds: how long to try again before giving up.
        address: this address and nothing else, instead of Temporal's environment variables and profiles.

    Raises:
        TemporalUnreachable: no answer within ``wait_seconds``, or a refusal that waiting does not mend.
    """
    config = _configured() if address is None else ClientConnectConfig(target_host=address)
    target = config.setdefault("target_host", LOCAL_ADDRESS)
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_seconds
    pause = _FIRST_PAUSE
    while True:
        try:
            client = await asyncio.wait_for(
                Client.connect(**config, data_converter=DATA_CONVERTER), max(until - loop.time(), 0.5)
            )
            await _answers(client)
            return client
        # The SDK reports an address nobody listens on as a RuntimeError.
        except (RuntimeError, OSError, RPCError, TimeoutError) as error:
            if isinstance(error, RPCError) and error.status in _FINAL:
                raise TemporalUnreachable(f"Temporal at {target} refuses us: {error.message}") from error
            if loop.time() + pause >= until:
                raise TemporalUnreachable(
                    f"Temporal does not answer at {target} ({wait_seconds:.0f} s). Is it running? "
                    "TEMPORAL_ADDRESS names another address; `aftercare dev` starts a local one."
                ) from error
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def configured_namespace() -> str:
    """The namespace ``connect`` will use, known before there is a connection; it is part of every address of a page.

    Raises:
        TemporalUnreachable: Temporal's variables or profile cannot be read.
    """
    return _configured().get("namespace", "default")


def _configured() -> ClientConnectConfig:
    try:
        return ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError, OSError) as error:
        raise TemporalUnreachable(f"Temporal's configuration cannot be read: {error}") from error


_FINAL = {RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.INVALID_ARGUMENT}


async def _answers(client: Client) -> None:
    """A server that is still starting accepts the connection before it knows its namespaces."""
    await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), timeout=timedelta(seconds=5)
    )


async def has_workers(client: Client, task_queue: str) -> bool:
    """Whether anybody asked `task_queue` for workflows in the last minutes."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    return bool((await client.workflow_service.describe_task_queue(request)).pollers)


def indexed_type_name(key: SearchAttributeKey[Any]) -> str:
    """The name Temporal's command line uses for the key's type, such as ``KeywordList``."""
    return key.indexed_value_type.name.title().replace("_", "")


async def register_search_attributes(client: Client, keys: Sequence[SearchAttributeKey[Any]]) -> list[str]:
    """Registers the keys the namespace lacks; may run any number of times.

    Returns:
        the names added, in the order of ``keys``.

    Raises:
        TypeError: the namespace has an attribute of that name with another type. Nothing was added then.
    """
    present = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    missing: dict[str, IndexedValueType.ValueType] = {}
    for key in keys:
        wanted = IndexedValueType.ValueType(int(key.indexed_value_type))
        found = present.custom_attributes.get(key.name)
        if found is None:
            missing[key.name] = wanted
        elif found != wanted:
            raise TypeError(
                f"search attribute {key.name} is registered as {IndexedValueType.Name(found)}, "
                f"not {IndexedValueType.Name(wanted)}; remove it in Temporal first"
            )
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        )
    return list(missing)


async def keep_closed_claims(client: Client, retention: timedelta) -> timedelta:
    """Has the namespace keep histories for ``retention`` after their end; one that keeps them longer is left alone.

    Returns:
        how long it kept them before; a new namespace's own default is one day.

    Raises:
        RPCError: the server does not let this account change it.
    """
    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    before = described.config.workflow_execution_retention_ttl.ToTimedelta()
    if before < retention:
        request = UpdateNamespaceRequest(namespace=client.namespace)
        request.config.workflow_execution_retention_ttl.CopyFrom(Duration(seconds=int(retention.total_seconds())))
        await client.workflow_service.update_namespace(request)
    return before


async def set_up_retention(client: Client, retention: timedelta) -> str:
    """``keep_closed_claims`` in words: what was done, or what somebody else has to do."""
    try:
        before = await keep_closed_claims(client, retention)
    except RPCError as error:
        mend = f"temporal operator namespace update -n {client.namespace} --retention {retention.days}d"
        return (
            f"not changed ({error.message}). Closed claims must stay for {retention.days} days or more: "
            f"have an administrator run `{mend}`, or set it on the namespace's page in Temporal Cloud"
        )
    return (
        f"{before.days} days already" if before >= retention else f"raised from {before.days} to {retention.days} days"
    )
