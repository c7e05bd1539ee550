"""Temporal: the versions of workers that run at once: which one claims go to, and how one replaces another.

Each build of the worker is a version of one worker deployment. The current version takes new workflows and the open
ones of earlier versions; a ramping version takes a share of both first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from temporalio.api.deployment.v1 import WorkerDeploymentInfo
from temporalio.api.enums.v1 import RoutingConfigUpdateState, VersionDrainageStatus
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig

DEPLOYMENT: Final = "aftercare"
UNVERSIONED: Final = "unversioned"
_RETRY_SECONDS: Final = 0.2
_ROUTING_SECONDS: Final = 30.0
_NOT_YET: Final = (RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION)


class DeploymentError(Exception):
    """The change of version is not possible. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version that has polled. `drained`: no open workflow is on it. `last_current`: until when it was current."""

    build_id: str
    drained: bool
    last_current: datetime | None


@dataclass(frozen=True, slots=True)
class Deployment:
    """`current` takes the workflows, None: unversioned workers do; `ramp_percent` of them go to `ramping`."""

    current: str | None
    ramping: str | None
    ramp_percent: float
    versions: tuple[Version, ...]

    @property
    def previous(self) -> str | None:
        """The version that was current before the present one."""
        earlier = [v for v in self.versions if v.build_id != self.current and v.last_current is not None]
        return (
            max(earlier, key=lambda v: v.last_current or datetime.min.replace(tzinfo=UTC)).build_id if earlier else None
        )


def deployment_config(build_id: str, name: str = DEPLOYMENT) -> WorkerDeploymentConfig | None:
    """How a worker of this build registers; None for an unversioned one. Open workflows move to the current version.

    The behaviour is the worker's default and not the workflows' own: a workflow with a behaviour of its own fails on an
    unversioned worker.
    """
    if not build_id:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name=name, build_id=build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


async def describe(client: Client, name: str = DEPLOYMENT) -> Deployment:
    """The deployment as it is. Raises DeploymentError when no versioned worker has ever polled, RPCError."""
    return _deployment(await _info(client, name))


async def set_current(
    client: Client, build_id: str, *, wait_seconds: float, leave_lanes: bool = False, name: str = DEPLOYMENT
) -> None:
    """Send new workflows, and the open ones at their next task, to the build. Raises DeploymentError, RPCError.

    Waits up to `wait_seconds` for workers of the build to poll the lanes that the present one polls, and then for all
    task queues to follow. With `leave_lanes` the build may lack lanes, as those until release 0.3.0 do: unversioned
    workers serve them.
    """
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=name,
        build_id=build_id,
        identity=client.identity,
        ignore_missing_task_queues=leave_lanes,
    )
    await _once_polled(lambda: client.workflow_service.set_worker_deployment_current_version(request), wait_seconds)
    await _until_routed(client, name)


async def ramp(client: Client, build_id: str, percent: float, *, wait_seconds: float, name: str = DEPLOYMENT) -> None:
    """Send `percent` of the workflows, new and open, to the build. No build ends the ramp.

    Raises DeploymentError, RPCError.
    """
    request = SetWorkerDeploymentRampingVersionRequest(
        namespace=client.namespace,
        deployment_name=name,
        build_id=build_id,
        percentage=percent,
        identity=client.identity,
    )
    await _once_polled(lambda: client.workflow_service.set_worker_deployment_ramping_version(request), wait_seconds)
    await _until_routed(client, name)


async def roll_back(client: Client, *, wait_seconds: float, leave_lanes: bool = False, name: str = DEPLOYMENT) -> str:
    """End a ramp; without one, make the version before the current one current again (`set_current`).

    Without one before, unversioned workers become current; workflows that the version has worked on stay with it.
    Returns the current version. Raises DeploymentError, RPCError.
    """
    deployment = await describe(client, name)
    if deployment.ramping:
        await ramp(client, "", 0, wait_seconds=wait_seconds, name=name)
        return deployment.current or UNVERSIONED
    if deployment.current is None:
        raise DeploymentError("No version is current: there is nothing to roll back")
    before = deployment.previous or ""
    await set_current(client, before, wait_seconds=wait_seconds, leave_lanes=leave_lanes, name=name)
    return before or UNVERSIONED


async def _info(client: Client, name: str) -> WorkerDeploymentInfo:
    try:
        response = await client.workflow_service.describe_worker_deployment(
            DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=name)
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        raise DeploymentError(
            "No worker with a version has polled yet: start one with AFTERCARE_BUILD_ID=<build> aftercare worker"
        ) from None
    return response.worker_deployment_info


async def _until_routed(client: Client, name: str) -> None:
    """Wait until every task queue follows the change. Raises DeploymentError after `_ROUTING_SECONDS`."""
    in_progress = RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS
    try:
        async with asyncio.timeout(_ROUTING_SECONDS):
            while (await _info(client, name)).routing_config_update_state == in_progress:  # noqa: ASYNC110
                await asyncio.sleep(_RETRY_SECONDS)
    except TimeoutError:
        raise DeploymentError(
            f"The change was made, and not all task queues follow it after {_ROUTING_SECONDS:.0f} s: ask for the "
            "status again"
        ) from None


def _deployment(info: WorkerDeploymentInfo) -> Deployment:
    routing = info.routing_config
    return Deployment(
        current=routing.current_deployment_version.build_id or None,
        ramping=routing.ramping_deployment_version.build_id or None,
        ramp_percent=routing.ramping_version_percentage,
        versions=tuple(
            Version(
                summary.deployment_version.build_id,
                drained=summary.drainage_status == VersionDrainageStatus.VERSION_DRAINAGE_STATUS_DRAINED,
                last_current=(
                    summary.last_current_time.ToDatetime(tzinfo=UTC) if summary.HasField("last_current_time") else None
                ),
            )
            for summary in info.version_summaries
        ),
    )


async def _once_polled(change: Callable[[], Awaitable[object]], wait_seconds: float) -> None:
    """Repeat the change until the server knows the version: it does once a worker of it has polled."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + wait_seconds
    while True:
        try:
            await change()
            return
        except RPCError as error:
            if error.status not in _NOT_YET or loop.time() > give_up:
                if error.status in _NOT_YET:
                    raise DeploymentError(
                        f"Temporal refuses the version ({error.message}). Is a worker of that build running, for every "
                        "lane? A build of release 0.3.0 or before has no lanes: see --leave-lanes"
                    ) from None
                raise
        await asyncio.sleep(_RETRY_SECONDS)
