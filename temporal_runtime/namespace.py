"""Temporal: search attributes and retention of the namespace. Both can be set up any number of times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError

RETENTION = timedelta(days=30)
"""How long the history of a closed claim must be kept at least: a charge can be disputed for that long."""


def indexed_type_name(key: SearchAttributeKey[Any]) -> str:
    """The key's type as Temporal's command line names it, such as ``KeywordList``."""
    return key.indexed_value_type.name.title().replace("_", "")


async def register_search_attributes(client: Client, keys: Sequence[SearchAttributeKey[Any]]) -> list[str]:
    """Register the keys that the namespace lacks.

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
        expected = IndexedValueType.ValueType(int(key.indexed_value_type))
        registered = present.custom_attributes.get(key.name)
        if registered is None:
            missing[key.name] = expected
        elif registered != expected:
            raise TypeError(
                f"search attribute {key.name} is registered as {IndexedValueType.Name(registered)}, "
                f"not {IndexedValueType.Name(expected)}; remove it in Temporal first"
            )
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        )
    return list(missing)


async def ensure_retention(client: Client, retention: timedelta) -> timedelta:
    """Raise the namespace's retention to ``retention``; a longer one is left alone.

    Returns:
        the retention before; a new namespace's default is one day.

    Raises:
        RPCError: this account may not change the namespace.
    """
    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    before = described.config.workflow_execution_retention_ttl.ToTimedelta()
    if before < retention:
        request = UpdateNamespaceRequest(namespace=client.namespace)
        request.config.workflow_execution_retention_ttl.CopyFrom(Duration(seconds=int(retention.total_seconds())))
        await client.workflow_service.update_namespace(request)
    return before


async def set_up_retention(client: Client, retention: timedelta) -> str:
    """Call ``ensure_retention`` and describe the result: what was changed, or what an administrator has to do."""
    try:
        before = await ensure_retention(client, retention)
    except RPCError as error:
        command = f"temporal operator namespace update -n {client.namespace} --retention {retention.days}d"
        return (
            f"not changed ({error.message}). Closed claims must stay for {retention.days} days or more: "
            f"have an administrator run `{command}`, or set it on the namespace's page in Temporal Cloud"
        )
    return (
        f"{before.days} days already" if before >= retention else f"raised from {before.days} to {retention.days} days"
    )
