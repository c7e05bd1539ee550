"""API: the one door to Temporal. It alone knows workflows; every call is bounded in time and ends in a typed answer."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowHandle,
)
from temporalio.common import (
    ActivityIDConflictPolicy,
    ActivityIDReusePolicy,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import (
    ActivityAlreadyStartedError,
    WorkflowAlreadyStartedError,
)
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper

from api.bounded import NO_ANSWER, answered
from api.door import Gone, RegistryCommand, Unavailable
from domain.claim import Claim
from domain.kinds import Action, Tier
from messages import search
from messages.claims import (
    ClaimAccepted,
    ClaimRefused,
    Decision,
    ParcelArrived,
    ParcelScanned,
    SubmitCareExpress,
    SubmitFlyaway,
)
from messages.registry import (
    ActivateDevice,
    BindController,
    BuyPlan,
    PlanBought,
    PlanDeclined,
    PlanRefused,
    PlantTerm,
    RegisterDevice,
    Registered,
    Registry,
    UnbindController,
)
from workflows.desk import ClaimDesk
from workflows.flyaway import Flyaway
from workflows.plan_purchase import PlanPurchase
from workflows.premium import CareExpressPremium
from workflows.standard import CareExpressStandard

log = logging.getLogger("aftercare.api")

SUBMISSION: Final = timedelta(seconds=5)
"""How long a submission may wait for its answer; then it is answered as submitted, and goes on."""
DECISION: Final = timedelta(seconds=10)
COMMAND: Final = timedelta(seconds=15)
QUICK: Final = timedelta(seconds=5)
READY: Final = timedelta(seconds=2)
SETTLING: Final = timedelta(seconds=20)
_CONNECTING = 2.0
_RECONNECT = 1.0
_MEMO = "claim"


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
        self, ask: SubmitCareExpress | SubmitFlyaway, provisional: Claim, summary: str, key: str
    ) -> ClaimAccepted | ClaimRefused | None:
        async with answered(SUBMISSION + 2 * READY):
            client = await self._connected()
            start = self._start(ask, provisional, summary)
            try:
                async with asyncio.timeout(SUBMISSION.total_seconds()):
                    answer: ClaimAccepted | ClaimRefused = await client.execute_update_with_start_workflow(
                        ClaimDesk.submission,  # type: ignore[arg-type]  # no-argument updates are typed amiss
                        start_workflow_operation=start,
                        id=key,
                        rpc_timeout=SUBMISSION,
                    )
                    return answer
            except WorkflowAlreadyStartedError as error:
                await _consume(start)
                raise Gone(ask.claim_id) from error
            except NO_ANSWER:
                await _consume(start)
                # The start is stored with the first message, so it is there, or nothing happened at all.
                if await self._running(client, ask.claim_id) is None:
                    raise
                return None
            except RPCError:
                await _consume(start)
                raise

    def _start(
        self, ask: SubmitCareExpress | SubmitFlyaway, provisional: Claim, summary: str
    ) -> WithStartWorkflowOperation[ClaimDesk, Any]:
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
                    SearchAttributePair(search.SERIAL_NUMBER, provisional.serial_number),
                ]
            ),
            "memo": {_MEMO: provisional},
        }
        start: Any  # the three stories share their handlers, not their run
        if isinstance(ask, SubmitFlyaway):
            start = WithStartWorkflowOperation(Flyaway.run, ask, **common)
        elif ask.tier is Tier.PREMIUM:
            start = WithStartWorkflowOperation(CareExpressPremium.run, ask, **common)
        else:
            start = WithStartWorkflowOperation(CareExpressStandard.run, ask, **common)
        operation: WithStartWorkflowOperation[ClaimDesk, Any] = start
        return operation

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
        # A test holds that the desk has an update of every action's name.
        async with answered(DECISION):
            client = await self._connected()
            handle = client.get_workflow_handle(claim_id)
            claim: Claim = await handle.execute_update(
                action.value, decision, id=key, result_type=Claim, rpc_timeout=DECISION
            )
            return claim

    async def report(self, claim_id: str, event: ParcelScanned | ParcelArrived) -> None:
        async with answered(QUICK):
            handle = (await self._connected()).get_workflow_handle(claim_id)
            if isinstance(event, ParcelScanned):
                await handle.signal(ClaimDesk.return_scan, event, rpc_timeout=QUICK)
            else:
                await handle.signal(ClaimDesk.arrival, event, rpc_timeout=QUICK)

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
            await skipper.fast_forward(handle, by)
            while (await handle.describe(rpc_timeout=QUICK)).status is WorkflowExecutionStatus.RUNNING:
                claim = await handle.query(ClaimDesk.claim, rpc_timeout=QUICK)
                settled = await handle.query(ClaimDesk.settled, rpc_timeout=QUICK)
                if settled and not _due(claim, await skipper.get_current_time(handle)):
                    return await handle.query(ClaimDesk.claim, rpc_timeout=QUICK)
                await asyncio.sleep(0.05)
            return None

    async def buy_plan(self, ask: BuyPlan, summary: str) -> PlanBought | PlanRefused | PlanDeclined:
        async with answered(COMMAND):
            client = await self._connected()
            handle: WorkflowHandle[Any, PlanBought | PlanRefused | PlanDeclined]
            try:
                handle = await client.start_workflow(
                    PlanPurchase.run,
                    ask,
                    id=ask.plan_id,
                    task_queue=self._task_queue,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    static_summary=summary,
                    search_attributes=TypedSearchAttributes(
                        [SearchAttributePair(search.SERIAL_NUMBER, ask.serial_number)]
                    ),
                    rpc_timeout=QUICK,
                )
            except WorkflowAlreadyStartedError:
                handle = client.get_workflow_handle_for(PlanPurchase.run, ask.plan_id)
            return await handle.result()

    async def command(self, ask: RegistryCommand, key: str) -> str:
        async with answered(COMMAND):
            client = await self._connected()
            activity = _registry_call(ask)
            kind = activity.__name__.replace("_", "-")
            activity_id = f"{kind}:{key}"
            try:
                registered: Registered = await client.execute_activity(
                    activity,
                    args=[ask],
                    id=activity_id,
                    task_queue=self._task_queue,
                    start_to_close_timeout=timedelta(seconds=10),
                    # Shorter than our own patience: its end is an answer, not a guess.
                    schedule_to_close_timeout=COMMAND - READY,
                    id_conflict_policy=ActivityIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=ActivityIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                    summary=f"{kind} {ask.serial_number}",
                )
            except ActivityAlreadyStartedError:
                registered = await client.get_activity_handle(activity_id, result_type=Registered).result()
            return registered.serial_number


def _registry_call(ask: RegistryCommand) -> Callable[..., Awaitable[Registered]]:
    calls: dict[type, Callable[..., Awaitable[Registered]]] = {
        RegisterDevice: Registry.register_device,
        ActivateDevice: Registry.activate_device,
        BindController: Registry.bind_controller,
        UnbindController: Registry.unbind_controller,
        PlantTerm: Registry.plant_term,
    }
    return calls[type(ask)]


def _due(claim: Claim | None, now: datetime) -> bool:
    """Whether time has brought something the claim has not taken up yet: a timer fires up to a second late."""
    return claim is not None and claim.deadline is not None and claim.deadline < now


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
