"""API: workflows that end within one request: start one, or find it by its id, and await its result."""

from typing import Any, TypeVar

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.types import MethodAsyncSingleParam

from api.rpc_errors import QUICK_TIMEOUT
from api.start_metadata import device_search_attributes

CommandT = TypeVar("CommandT")
ResultT = TypeVar("ResultT")


async def run_workflow(
    client: Client,
    task_queue: str,
    run: MethodAsyncSingleParam[Any, CommandT, ResultT],
    command: CommandT,
    workflow_id: str,
    summary: str,
    serial_number: str | None = None,
) -> ResultT:
    """The result of the workflow `workflow_id`; `serial_number` becomes its search attribute."""
    handle: WorkflowHandle[Any, ResultT]
    try:
        handle = await client.start_workflow(
            run,
            command,
            id=workflow_id,
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=summary,
            search_attributes=device_search_attributes(serial_number),
            rpc_timeout=QUICK_TIMEOUT,
        )
    except WorkflowAlreadyStartedError:
        handle = client.get_workflow_handle_for(run, workflow_id)
    return await handle.result()
