"""API: short commands as standalone activities, each executed at once or rejected. Knows no workflow."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import ActivityIDConflictPolicy, ActivityIDReusePolicy
from temporalio.exceptions import ActivityAlreadyStartedError

from api.claim_commands import DeviceCommand
from messages.entitlements import (
    ApprovePlan,
    ApproveVerification,
    ChangeOwner,
    CorrectOwner,
    Entitlements,
    IssueMaintenanceCode,
    MaintenanceCodeIssued,
    MaintenanceRefused,
    MoveRegion,
)
from messages.registry import (
    ActivateDevice,
    BindController,
    PlantTerm,
    RegisterDevice,
    Registered,
    Registry,
    UnbindController,
)

_ACTIVITIES: dict[type, Callable[..., Awaitable[Registered]]] = {
    RegisterDevice: Registry.register_device,
    ActivateDevice: Registry.activate_device,
    BindController: Registry.bind_controller,
    UnbindController: Registry.unbind_controller,
    PlantTerm: Registry.plant_term,
    ApproveVerification: Entitlements.approve_verification,
    ChangeOwner: Entitlements.change_owner,
    CorrectOwner: Entitlements.correct_owner,
    MoveRegion: Entitlements.move_region,
    ApprovePlan: Entitlements.approve_plan,
}


async def execute(client: Client, task_queue: str, command: DeviceCommand, key: str, timeout: timedelta) -> str:
    """Execute the command; returns the serial number as it is stored."""
    activity = _ACTIVITIES[type(command)]
    registered: Registered = await _execute_activity(client, task_queue, activity, command, key, timeout, Registered)
    return registered.serial_number


async def issue_maintenance_code(
    client: Client, task_queue: str, command: IssueMaintenanceCode, key: str, timeout: timedelta
) -> MaintenanceCodeIssued | MaintenanceRefused:
    """Issue the code, or return every reason why not."""
    result_type: Any = MaintenanceCodeIssued | MaintenanceRefused
    result: MaintenanceCodeIssued | MaintenanceRefused = await _execute_activity(
        client, task_queue, Entitlements.issue_maintenance_code, command, key, timeout, result_type
    )
    return result


async def _execute_activity(
    client: Client,
    task_queue: str,
    activity: Callable[..., Awaitable[Any]],
    command: DeviceCommand | IssueMaintenanceCode,
    key: str,
    timeout: timedelta,
    result_type: Any,
) -> Any:
    """The activity's result; for a repeated `key` the result of the first execution."""
    kind = activity.__name__.replace("_", "-")
    activity_id = f"{kind}:{key}"
    try:
        return await client.execute_activity(
            activity,
            args=[command],
            id=activity_id,
            task_queue=task_queue,
            start_to_close_timeout=timedelta(seconds=10),
            schedule_to_close_timeout=timeout,
            id_conflict_policy=ActivityIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=ActivityIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            summary=f"{kind} {command.serial_number}",
        )
    except ActivityAlreadyStartedError:
        return await client.get_activity_handle(activity_id, result_type=result_type).result()
