"""API: the one door to Temporal. It alone knows workflows; every call is bounded in time and ends in a typed answer."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper
from temporalio.types import MethodAsyncSingleParam

from api import commands
from api.bounded import NO_ANSWER, NOT_READY, answered
from api.door import ClocksFixed, Command, Gone, Submission, Unavailable
from domain.claim import Claim
from domain.inspection import normalise_serial
from domain.kinds import Action, Tier
from messages import search
from messages.claims import (
    SIGNALS,
    ClaimAccepted,
    ClaimRefused,
    Decision,
    ParcelArrived,
    ParcelScanned,
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
AskT = TypeVar("AskT")
AnswerT = TypeVar("AnswerT")

log = logging.getLogger("aftercare.api")

SUBMISSION: Final = timedelta(seconds=5)
"""How long a submission may wait for its answer; then it is answered as submitted, and goes on."""
DECISION: Final = timedelta(seconds=10)
COMMAND: Final = timedelta(seconds=15)
REMINDERS: Final = timedelta(seconds=30)
QUICK: Final = timedelta(seconds=5)
READY: Final = timedelta(seconds=2)
SETTLING: Final = timedelta(seconds=20)
_CONNECTING = 2.0
_REPEAT = 0.1
_RECONNECT = 1.0
_MEMO = "claim"
_UNTIL_ANSWERED = COMMAND - READY
"""How long a command may take: shorter than our own patience, so that its end is an answer, not a guess."""


class TemporalDoor:
    """`connect` is tried until it succeeds. With `movable_clocks` a claim's clock is asked of the server."""

    def __init__(
        self, connect: Callable[[], Awaitable[Client]], task_queue: str, *, movable_clocks: bool = False
    ) -> None:
        self._connect = connect
        self._task_queue = task_queue
        self._movable_clocks = movable_clocks
        self._client: asyncio.Future[Client] | None = None
        self._connecting: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._client = asyncio.get_running_loop().create_future()
        self._connecting = asyncio.create_task(self._keep_connecting(self._client))

    async def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._connecting

    async def _keep_connecting(self, client: asyncio.Future[Client]) -> None:
        while not client.done():
            try:
                client.set_result(await self._connect())
            except Exception as error:  # whatever it is, reads go on and the next try may succeed
                log.warning("Temporal cannot be reached yet: %s", error)
                await asyncio.sleep(_RECONNECT)

    async def _connected(self) -> Client:
        assert self._client is not None, "the door was not opened"
        return await asyncio.wait_for(asyncio.shield(self._client), _CONNECTING)

    async def ready(self) -> bool:
        try:
            async with answered(READY):
                client = await self._connected()
                return await client.service_client.check_health(timeout=READY)
        except Unavailable:
            return False

    async def submit(
        self, ask: Submission, provisional: Claim, summary: str, key: str
    ) -> ClaimAccepted | ClaimRefused | None:
        async with answered(SUBMISSION + 2 * READY):
            client = await self._connected()
            start = self._start(ask, provisional, summary)
            try:
                async with asyncio.timeout(SUBMISSION.total_seconds()):
                    answer: ClaimAccepted | ClaimRefused = await client.execute_update_with_start_workflow(
                        ClaimWorkflow.submission,  # type: ignore[arg-type]  # no-argument updates are typed amiss
                        start_workflow_operation=start,
                        id=key,
                        rpc_timeout=SUBMISSION,
                    )
                    return answer
            except WorkflowAlreadyStartedError as error:
                await _consume(start)
                raise Gone(ask.claim_id) from error
            except WorkflowUpdateFailedError as error:
                if not isinstance(error.cause, ApplicationError) or error.cause.type != PAYMENT_IN_PROGRESS:
                    raise
                return None  # a new run of the process goes on with it
            except NO_ANSWER:
                await _consume(start)
                # The start is stored with the first message, so it is there, or nothing happened at all.
                if await self._running(client, ask.claim_id) is None:
                    raise
                return None
            except RPCError as error:
                await _consume(start)
                if error.status is not NOT_READY or await self._running(client, ask.claim_id) is None:
                    raise
                return None

    def _start(self, ask: Submission, provisional: Claim, summary: str) -> WithStartWorkflowOperation[Any, str]:
        common: dict[str, Any] = {
            "id": ask.claim_id,
            "task_queue": self._task_queue,
            "id_conflict_policy": WorkflowIDConflictPolicy.USE_EXISTING,
            "id_reuse_policy": WorkflowIDReusePolicy.REJECT_DUPLICATE,
            "static_summary": summary,
            "static_details": _details(provisional),
            "search_attributes": TypedSearchAttributes(
                [
                    SearchAttributePair(search.CLAIM_SERVICE, provisional.service.value),
                    SearchAttributePair(search.CLAIM_STATE, provisional.state.value),
                    SearchAttributePair(search.CLAIM_REGION, provisional.region),
                    SearchAttributePair(search.SERIAL_NUMBER, normalise_serial(provisional.serial_number)),
                ]
            ),
            "memo": {_MEMO: provisional},
        }
        return WithStartWorkflowOperation(_process_of(ask), args=[ask, None], **common)

    async def claim(self, claim_id: str) -> Claim | None:
        async with answered(QUICK):
            return await self._running(await self._connected(), claim_id)

    async def _running(self, client: Client, claim_id: str) -> Claim | None:
        try:
            found = await client.get_workflow_handle(claim_id).describe(rpc_timeout=READY)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        if found.status is not WorkflowExecutionStatus.RUNNING:
            return None
        return await found.memo_value(_MEMO, None, type_hint=Claim)

    async def decide(self, claim_id: str, action: Action, decision: Decision, key: str) -> Claim:
        # A test holds that a claim has an update of every action's name.
        async with answered(DECISION):
            client = await self._connected()
            handle = client.get_workflow_handle(claim_id)
            while True:
                try:
                    claim: Claim = await handle.execute_update(
                        action.value, decision, id=key, result_type=Claim, rpc_timeout=DECISION
                    )
                except RPCError as error:
                    if error.status is not NOT_READY:
                        raise
                    # It met the end of a run, or of a worker, and was not executed: under its id it counts once.
                    await asyncio.sleep(_REPEAT)
                else:
                    return claim

    async def report(self, claim_id: str, event: ParcelScanned | ParcelArrived | PaymentChanged) -> None:
        async with answered(QUICK):
            handle = (await self._connected()).get_workflow_handle(claim_id)
            await handle.signal(SIGNAL_OF[type(event)], event, rpc_timeout=QUICK)

    async def now(self, claim_id: str) -> datetime:
        if not self._movable_clocks:
            return datetime.now(UTC)
        async with answered(QUICK):
            client = await self._connected()
            return await TimeSkipper(client).get_current_time(client.get_workflow_handle(claim_id))

    async def fast_forward(self, claim_id: str, by: timedelta) -> Claim | None:
        async with answered(SETTLING):
            client = await self._connected()
            handle = client.get_workflow_handle(claim_id)
            skipper = TimeSkipper(client)
            try:
                await skipper.fast_forward(handle, by)
            except RPCError as error:
                if error.status is RPCStatusCode.UNIMPLEMENTED:
                    raise ClocksFixed(error.message) from error
                raise
            while (await handle.describe(rpc_timeout=QUICK)).status is WorkflowExecutionStatus.RUNNING:
                # The clock is moved already: who has lost a worker for a moment waits on, for as long as SETTLING.
                with _unheard():
                    wakes_at = await handle.query(ClaimWorkflow.next_wake, rpc_timeout=QUICK)
                    settled = await handle.query(ClaimWorkflow.settled, rpc_timeout=QUICK)
                    if settled and not _due(wakes_at, await skipper.get_current_time(handle)):
                        return await handle.query(ClaimWorkflow.claim, rpc_timeout=QUICK)
                await asyncio.sleep(0.05)
            return None

    async def buy_plan(self, ask: BuyPlan, summary: str) -> PlanBought | PlanRefused | PlanDeclined:
        async with answered(COMMAND):
            return await self._outcome(PlanPurchase.run, ask, ask.plan_id, summary, ask.serial_number)

    async def refund_plan(self, ask: RefundPlan, summary: str) -> PlanEnded | PlanRefused:
        async with answered(COMMAND):
            return await self._outcome(PlanRefund.run, ask, ask.refund_id, summary, ask.serial_number)

    async def remind(self, ask: RemindRegion, reminders_id: str) -> RegionReminded:
        async with answered(REMINDERS):
            summary = f"Renewal reminders · {ask.region} · {ask.as_of or 'today'}"
            return await self._outcome(RenewalReminders.run, ask, reminders_id, summary)

    async def _outcome(
        self,
        run: MethodAsyncSingleParam[Any, AskT, AnswerT],
        ask: AskT,
        workflow_id: str,
        summary: str,
        serial_number: str | None = None,
    ) -> AnswerT:
        """Start a short workflow, or find it by its id, and await its answer."""
        client = await self._connected()
        serial = None if serial_number is None else normalise_serial(serial_number)
        about = [] if serial is None else [SearchAttributePair(search.SERIAL_NUMBER, serial)]
        handle: WorkflowHandle[Any, AnswerT]
        try:
            handle = await client.start_workflow(
                run,
                ask,
                id=workflow_id,
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                static_summary=summary,
                search_attributes=TypedSearchAttributes(about),
                rpc_timeout=QUICK,
            )
        except WorkflowAlreadyStartedError:
            handle = client.get_workflow_handle_for(run, workflow_id)
        return await handle.result()

    async def command(self, ask: Command, key: str) -> str:
        async with answered(COMMAND):
            return await commands.command(await self._connected(), self._task_queue, ask, key, _UNTIL_ANSWERED)

    async def issue_maintenance_code(
        self, ask: IssueMaintenanceCode, key: str
    ) -> MaintenanceCodeIssued | MaintenanceRefused:
        async with answered(COMMAND):
            client = await self._connected()
            return await commands.issue_maintenance_code(client, self._task_queue, ask, key, _UNTIL_ANSWERED)


def _process_of(ask: Submission) -> Callable[..., Awaitable[str]]:
    """The process that a submission starts; a claim's first run has no snapshot of an earlier one."""
    match ask:
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


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Let pass that nobody answers a query now."""
    try:
        yield
    except RPCError as error:
        if error.status not in (NOT_READY, RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED):
            raise


def _due(wakes_at: datetime | None, now: datetime) -> bool:
    """Whether time has brought something the claim has not taken up yet: a timer fires up to a second late."""
    return wakes_at is not None and wakes_at < now


def _details(claim: Claim) -> str:
    lines = [f"Device **{claim.serial_number}**, region {claim.region}"]
    if claim.incident:
        lines.append(f"Incident: {claim.incident.cause.replace('_', ' ')}, {claim.incident.occurred_at:%Y-%m-%d}")
    return "\n\n".join(lines)


async def _consume(start: WithStartWorkflowOperation[Any, Any]) -> None:
    """Take the start's own result as well, or the loop complains of an exception nobody looked at."""
    task = asyncio.current_task()
    try:
        async with asyncio.timeout(0.1):
            await start.workflow_handle()
    except asyncio.CancelledError:
        # After a timeout the start holds the cancellation of its call; ours is another one.
        if task is not None and task.cancelling():
            raise
    except Exception as error:
        log.debug("the start of a claim ended with %s", error)
