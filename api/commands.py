"""API: short commands as standalone activities: each is done at once or refused. Knows no workflow."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import ActivityIDConflictPolicy, ActivityIDReusePolicy
from temporalio.exceptions import ActivityAlreadyStartedError

from api.door import Command
from messages.entitlements import (
    ApproveVerification,
    ChangeOwner,
    Entitlements,
    IssueMaintenanceCode,
    MaintenanceCodeIssued,
    MaintenanceRefused,
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

_CALLS: dict[type, Callable[..., Awaitable[Registered]]] = {
    RegisterDevice: Registry.register_device,
    ActivateDevice: Registry.activate_device,
    BindController: Registry.bind_controller,
    UnbindController: Registry.unbind_controller,
    PlantTerm: Registry.plant_term,
    ApproveVerification: Entitlements.approve_verification,
    ChangeOwner: Entitlements.change_owner,
}


async def command(client: Client, task_queue: str, ask: Command, key: str, patience: timedelta) -> str:
    """Have it done; the serial number as it is stored."""
    registered: Registered = await _done(client, task_queue, _CALLS[type(ask)], ask, key, patience, Registered)
    return registered.serial_number


async def issue_maintenance_code(
    client: Client, task_queue: str, ask: IssueMaintenanceCode, key: str, patience: timedelta
) -> MaintenanceCodeIssued | MaintenanceRefused:
    """Have the code issued, or every reason why not."""
    answers: Any = MaintenanceCodeIssued | MaintenanceRefused
    issued: MaintenanceCodeIssued | MaintenanceRefused = await _done(
        client, task_queue, Entitlements.issue_maintenance_code, ask, key, patience, answers
    )
    return issued


async def _done(
    client: Client,
    task_queue: str,
    activity: Callable[..., Awaitable[Any]],
    ask: Command | IssueMaintenanceCode,
    key: str,
    patience: timedelta,
    answers: Any,
) -> Any:
    """What the activity answers: now, or when the same `key` asked before."""
    kind = activity.__name__.replace("_", "-")
    activity_id = f"{kind}:{key}"
    try:
        return await client.execute_activity(
            activity,
            args=[ask],
            id=activity_id,
            task_queue=task_queue,
            start_to_close_timeout=timedelta(seconds=10),
            schedule_to_close_timeout=patience,
            id_conflict_policy=ActivityIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=ActivityIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            summary=f"{kind} {ask.serial_number}",
        )
    except ActivityAlreadyStartedError:
        return await client.get_activity_handle(activity_id, result_type=answers).result()
