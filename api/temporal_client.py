"""API: `ClaimCommands` over Temporal. The only module that knows workflows; every call has a time limit."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper

from api import device_commands
from api.claim_commands import (
    ClaimNotRunning,
    DeviceCommand,
    Submission,
    TimeSkippingUnsupported,
)
from api.rpc_errors import (
    QUICK_TIMEOUT,
    TIMEOUTS,
    WORKER_LOST,
    ignore_failed_query,
    translate_rpc_errors,
    translate_signal_errors,
)
from api.short_workflows import run_workflow
from api.start_metadata import claim_details, claim_memo, claim_search_attributes, submitted_claim
from api.temporal_connection import TemporalConnection
from api.temporal_readiness import READY_TIMEOUT, lanes_without_worker, temporal_answers
from domain.claim import Claim
from domain.kinds import Action, Tier
from messages.claims import (
    SIGNALS,
    ClaimAccepted,
    ClaimRefused,
    Decision,
    OwnerCorrected,
    ParcelEvent,
    PaymentChanged,
    SubmitCareExpress,
    SubmitFlyaway,
    SubmitMaintenance,
    SubmitRepair,
)
from messages.entitlements import (
    IssueMaintenanceCode,
    MaintenanceCodeIssued,
    MaintenanceRefused,
    PlanEnded,
    RefundPlan,
)
from messages.lanes import Lane, queue_of
from messages.registry import BuyPlan, PlanBought, PlanDeclined, PlanRefused
from messages.renewals import RegionReminded, RemindRegion
from workflows.flyaway import Flyaway
from workflows.maintenance import Maintenance
from workflows.online_repair import OnlineRepair
from workflows.parts.claim_workflow import ClaimWorkflow
from workflows.parts.pending_message import PAYMENT_IN_PROGRESS
from workflows.plan_purchase import PlanPurchase
from workflows.plan_refund import PlanRefund
from workflows.premium import CareExpressPremium
from workflows.renewal_reminders import RenewalReminders
from workflows.standard import CareExpressStandard

SIGNAL_OF: Final = {event: name for name, event in SIGNALS.items()}

log = logging.getLogger("aftercare.api")

SUBMISSION_TIMEOUT: Final = timedelta(seconds=5)
"""How long a submission may wait for its decision; after that it is answered as submitted, and its workflow goes on."""
DECISION_TIMEOUT: Final = timedelta(seconds=10)
COMMAND_TIMEOUT: Final = timedelta(seconds=15)
REMINDERS_TIMEOUT: Final = timedelta(seconds=30)
FAST_FORWARD_TIMEOUT: Final = timedelta(seconds=20)
_ACTIVITY_TIMEOUT: Final = COMMAND_TIMEOUT - READY_TIMEOUT
"""Shorter than our own limit, so that the API learns how the command ended."""
_UPDATE_RETRY_SECONDS: Final = 0.1
_QUERY_INTERVAL_SECONDS: Final = 0.05


class TemporalClaimCommands:
    """`connect` is called until it succeeds. With `movable_clocks` a claim's time is read from the server."""

    def __init__(
        self, connect: Callable[[], Awaitable[Client]], task_queue: str, *, movable_clocks: bool = False
    ) -> None:
        self._connection = TemporalConnection(connect)
        self._task_queue, self._record_queue = task_queue, queue_of(Lane.RECORD, task_queue)
        self._movable_clocks = movable_clocks

    async def open(self) -> None:
        self._connection.open()

    async def close(self) -> None:
        await self._connection.close()

    async def ready(self) -> bool:
        return await temporal_answers(self._connection)

    async def lanes_without_worker(self) -> list[Lane]:
        return await lanes_without_worker(self._connection, self._task_queue)

    async def submit(
        self, submission: Submission, provisional: Claim, summary: str, key: str
    ) -> ClaimAccepted | ClaimRefused | None:
        async with translate_rpc_errors(SUBMISSION_TIMEOUT + 2 * READY_TIMEOUT):
            client = await self._connection.client()
            start = self._start_operation(submission, provisional, summary)
            try:
                async with asyncio.timeout(SUBMISSION_TIMEOUT.total_seconds()):
                    result: ClaimAccepted | ClaimRefused = await client.execute_update_with_start_workflow(
                        ClaimWorkflow.submission,  # type: ignore[arg-type]  # the SDK mistypes updates without arguments
                        start_workflow_operation=start,
                        id=key,
                        rpc_timeout=SUBMISSION_TIMEOUT,
                    )
                    return result
            except WorkflowAlreadyStartedError as error:
                await _discard_result(start)
                raise ClaimNotRunning(submission.claim_id) from error
            except WorkflowUpdateFailedError as error:
                if not isinstance(error.cause, ApplicationError) or error.cause.type != PAYMENT_IN_PROGRESS:
                    raise
                return None  # the workflow continued as new and decides in its next run
            except TIMEOUTS:
                await _discard_result(start)
                # Start and update are stored together: the workflow is running, or nothing happened.
                if await self._submitted(client, submission.claim_id) is None:
                    raise
                return None
            except RPCError as error:
                await _discard_result(start)
                if error.status is not WORKER_LOST or await self._submitted(client, submission.claim_id) is None:
                    raise
                return None

    def _start_operation(
        self, submission: Submission, provisional: Claim, summary: str
    ) -> WithStartWorkflowOperation[Any, str]:
        options: dict[str, Any] = {
            "id": submission.claim_id,
            "task_queue": self._task_queue,
            "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
            "id_reuse_policy": WorkflowIDReusePolicy.REJECT_DUPLICATE,
            "static_summary": summary,
            "static_details": claim_details(provisional),
            "search_attributes": claim_search_attributes(provisional),
            "memo": claim_memo(provisional),
        }
        return WithStartWorkflowOperation(_workflow_for(submission), args=[submission, None], **options)

    async def pending_claim(self, claim_id: str) -> Claim | None:
        async with translate_rpc_errors(QUICK_TIMEOUT):
            return await self._submitted(await self._connection.client(), claim_id)

    async def _submitted(self, client: Client, claim_id: str) -> Claim | None:
        """The claim in the memo of its running workflow."""
        try:
            described = await client.get_workflow_handle(claim_id).describe(rpc_timeout=READY_TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        if described.status is not WorkflowExecutionStatus.RUNNING:
            return None
        return await submitted_claim(described)

    async def decide(self, claim_id: str, action: Action, decision: Decision, key: str) -> Claim:
        # A test checks that claims have an update with the name of every action.
        async with translate_rpc_errors(DECISION_TIMEOUT):
            client = await self._connection.client()
            handle = client.get_workflow_handle(claim_id)
            while True:
                try:
                    claim: Claim = await handle.execute_update(
                        action.value, decision, id=key, result_type=Claim, rpc_timeout=DECISION_TIMEOUT
                    )
                except RPCError as error:
                    if error.status is not WORKER_LOST:
                        raise
                    # A run or its worker ended before the update was executed; its id makes the retry safe.
                    await asyncio.sleep(_UPDATE_RETRY_SECONDS)
                else:
                    return claim

    async def send_event(self, claim_id: str, event: ParcelEvent | PaymentChanged | OwnerCorrected) -> None:
        async with translate_rpc_errors(QUICK_TIMEOUT), translate_signal_errors():
            handle = (await self._connection.client()).get_workflow_handle(claim_id)
            await handle.signal(SIGNAL_OF[type(event)], event, rpc_timeout=QUICK_TIMEOUT)

    async def claim_time(self, claim_id: str) -> datetime:
        if not self._movable_clocks:
            return datetime.now(UTC)
        async with translate_rpc_errors(QUICK_TIMEOUT):
            client = await self._connection.client()
            return await TimeSkipper(client).get_current_time(client.get_workflow_handle(claim_id))

    async def fast_forward(self, claim_id: str, by: timedelta) -> Claim | None:
        async with translate_rpc_errors(FAST_FORWARD_TIMEOUT):
            client = await self._connection.client()
            handle = client.get_workflow_handle(claim_id)
            skipper = TimeSkipper(client)
            try:
                await skipper.fast_forward(handle, by)
            except RPCError as error:
                if error.status is RPCStatusCode.UNIMPLEMENTED:
                    raise TimeSkippingUnsupported(error.message) from error
                raise
            while (await handle.describe(rpc_timeout=QUICK_TIMEOUT)).status is WorkflowExecutionStatus.RUNNING:
                # The clock has moved already, so a query without a worker is repeated until the timeout.
                with ignore_failed_query():
                    wakes_at = await handle.query(ClaimWorkflow.next_wake, rpc_timeout=QUICK_TIMEOUT)
                    settled = await handle.query(ClaimWorkflow.settled, rpc_timeout=QUICK_TIMEOUT)
                    if settled and not _is_due(wakes_at, await skipper.get_current_time(handle)):
                        return await handle.query(ClaimWorkflow.claim, rpc_timeout=QUICK_TIMEOUT)
                await asyncio.sleep(_QUERY_INTERVAL_SECONDS)
            return None

    async def buy_plan(self, command: BuyPlan, summary: str) -> PlanBought | PlanRefused | PlanDeclined:
        async with translate_rpc_errors(COMMAND_TIMEOUT):
            serial, client = command.serial_number, await self._connection.client()
            return await run_workflow(
                client, self._task_queue, PlanPurchase.run, command, command.plan_id, summary, serial
            )

    async def refund_plan(self, command: RefundPlan, summary: str) -> PlanEnded | PlanRefused:
        async with translate_rpc_errors(COMMAND_TIMEOUT):
            serial, client = command.serial_number, await self._connection.client()
            return await run_workflow(
                client, self._task_queue, PlanRefund.run, command, command.refund_id, summary, serial
            )

    async def send_reminders(self, command: RemindRegion, reminders_id: str) -> RegionReminded:
        async with translate_rpc_errors(REMINDERS_TIMEOUT):
            summary = f"Renewal reminders · {command.region} · {command.as_of or 'today'}"
            client = await self._connection.client()
            return await run_workflow(client, self._task_queue, RenewalReminders.run, command, reminders_id, summary)

    async def execute(self, command: DeviceCommand, key: str) -> str:
        async with translate_rpc_errors(COMMAND_TIMEOUT):
            client = await self._connection.client()
            return await device_commands.execute(client, self._record_queue, command, key, _ACTIVITY_TIMEOUT)

    async def issue_maintenance_code(
        self, command: IssueMaintenanceCode, key: str
    ) -> MaintenanceCodeIssued | MaintenanceRefused:
        async with translate_rpc_errors(COMMAND_TIMEOUT):
            client = await self._connection.client()
            return await device_commands.issue_maintenance_code(
                client, self._record_queue, command, key, _ACTIVITY_TIMEOUT
            )


def _workflow_for(submission: Submission) -> Callable[..., Awaitable[str]]:
    """The workflow that a submission starts. Its second argument, the snapshot of an earlier run, is None then."""
    match submission:
        case SubmitFlyaway():
            return Flyaway.run
        case SubmitRepair():
            return OnlineRepair.run
        case SubmitMaintenance():
            return Maintenance.run
        case SubmitCareExpress(tier=Tier.PREMIUM):
            return CareExpressPremium.run
        case SubmitCareExpress():
            return CareExpressStandard.run


def _is_due(wakes_at: datetime | None, now: datetime) -> bool:
    """Whether the claim's next timer is due and has not fired yet: a timer may fire up to a second late."""
    return wakes_at is not None and wakes_at < now


async def _discard_result(start: WithStartWorkflowOperation[Any, Any]) -> None:
    """Retrieve the start's own result, or asyncio reports an exception that was never retrieved."""
    task = asyncio.current_task()
    try:
        async with asyncio.timeout(0.1):
            await start.workflow_handle()
    except asyncio.CancelledError:
        # After a timeout the start holds the cancellation of its call, which is not a cancellation of this task.
        if task is not None and task.cancelling():
            raise
    except Exception as error:
        log.debug("the start of a claim ended with %s", error)
