"""One claim of the workflow tests, and the operations of a test on it."""

import asyncio
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import (
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.claim import Claim
from domain.dates import whole_second
from domain.kinds import ClaimState, Component
from messages.claims import (
    Decision,
    Dispatch,
    Inspect,
    MailFailed,
    ParcelArrived,
    ParcelScanned,
)
from temporal_runtime.task_times import EventsWithoutTaskError
from workflows.parts.claim_workflow import ClaimWorkflow

if TYPE_CHECKING:
    from tests.workflows.world import World

RPC_TIMEOUT = timedelta(seconds=15)
ALL_COMPONENTS = (Component.AIRCRAFT, Component.GIMBAL_CAMERA, Component.PROPELLERS, Component.BATTERY)
WITHOUT_BATTERY = ALL_COMPONENTS[:3]


_SECONDS_TO_SETTLE = 30


async def answer(handle: WorkflowHandle[Any, Any], query: Any) -> Any:
    """The answer of a query, which is repeated while its workflow's next task waits for a worker (decision 0063)."""
    while True:
        try:
            return await handle.query(query)
        except WorkflowQueryFailedError as error:
            if str(error) != str(EventsWithoutTaskError()):
                raise
            await asyncio.sleep(0.02)


@dataclass
class Case:
    """One claim, called as the API calls it."""

    world: "World"
    id: str

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.world.handle(self.id)

    async def claim(self) -> Claim:
        """The claim once nothing is in flight any more, and its clock has not overtaken its deadline."""
        deadline = time.monotonic() + _SECONDS_TO_SETTLE
        while True:
            claim: Claim | None = await answer(self.handle, ClaimWorkflow.claim) if await self._settled() else None
            # It may have gone on since: then the record is ahead of what the query returned.
            if claim is not None and claim == self.world.record.claims.get(self.id):
                return claim
            assert time.monotonic() < deadline, f"the claim does not come to rest, or is not as its record: {claim}"
            await asyncio.sleep(0.03)

    async def _settled(self) -> bool:
        try:
            if not await answer(self.handle, ClaimWorkflow.settled):
                return False
            # The clock may have moved on a moment before the timer's task is there.
            next_timer_at: datetime | None = await answer(self.handle, ClaimWorkflow.next_wake)
        except RPCError as error:
            if not run_has_ended(error):
                raise
            return False  # the server lets a second pass before the next run begins
        return next_timer_at is None or await self.now() <= next_timer_at + timedelta(seconds=1)

    async def until_in_step(self) -> None:
        """Until a step is in flight."""
        async with asyncio.timeout(5):
            while await answer(self.handle, ClaimWorkflow.settled):
                await asyncio.sleep(0.02)

    async def now(self) -> datetime:
        return await self.world.skipper.get_current_time(self.handle)

    async def pass_time(self, **duration: int) -> Claim:
        if any(duration.values()):
            await self._advance(timedelta(**duration))
        return await self.claim()

    async def pass_until(self, instant: datetime) -> Claim:
        """Move the claim's clock to `instant`, unless it has passed that already (a reset run keeps its clock)."""
        if (by := instant - await self.now()) > timedelta(0):
            await self._advance(by)
        return await self.claim()

    async def _advance(self, by: timedelta) -> None:
        """Move the claim's clock. Moved while a new run begins, it goes on to the run's next timer; so where runs are
        short it is moved from one timer to the next."""
        if not self.world.retries_decisions:
            await self.world.skipper.fast_forward(self.handle, by)
            return
        until = await self.now() + by
        while (now := await self.now()) < until:
            await self.claim()
            if (await self.handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
                return
            next_timer_at: datetime | None = await answer(self.handle, ClaimWorkflow.next_wake)
            stop = until if next_timer_at is None or next_timer_at <= now else min(until, next_timer_at)
            await self.world.skipper.fast_forward(self.handle, stop - now)
            if stop == next_timer_at:
                await asyncio.sleep(1.2)  # a timer fires a second after its moment

    async def mail_failed(self, kind: str, occurrence: int = 1) -> Claim:
        """The delivery gave the mail up."""
        event = MailFailed(
            event_id=str(uuid.uuid4()), actor="system", kind=kind, occurrence=occurrence, reason="no such mailbox"
        )
        await self.handle.signal("mail_failed", event)
        return await self.claim()

    async def pass_due(self) -> Claim:
        returning = (await self.claim()).returning
        assert returning is not None
        return await self.pass_until(returning.due_at + timedelta(seconds=2))

    async def decide(self, name: str, decision: Decision, update_id: str | None = None) -> Claim:
        """Send a decision; returns the claim after it."""
        update_id = update_id or str(uuid.uuid4())
        while True:
            try:
                claim: Claim = await self.handle.execute_update(
                    name, decision, id=update_id, result_type=Claim, rpc_timeout=RPC_TIMEOUT
                )
                return claim
            except RPCError as error:
                if not run_has_ended(error):
                    raise
            except WorkflowUpdateFailedError as error:
                if not self.world.retries_decisions or not run_has_ended(error):
                    raise
                await asyncio.sleep(0.1)

    async def payment_in_progress(self, name: str, decision: Decision) -> None:
        """Send a decision that must be rejected within a second because a payment is in flight."""
        async with asyncio.timeout(1):
            assert (await self.refused(name, decision)).type == "payment_in_progress"

    async def refused(self, name: str, decision: Decision) -> ApplicationError:
        """Send a decision that must be rejected; returns the error."""
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await self.decide(name, decision)
        assert isinstance(caught.value.cause, ApplicationError)
        return caught.value.cause

    async def dispatch(self, serial: str = "SN2") -> Claim:
        decision = Dispatch(actor="warehouse", replacement_serial_number=serial, carrier="UPS", tracking_number="1Z")
        return await self.decide("dispatch", decision)

    async def arrive(self, at: datetime | None = None, event_id: str | None = None, reason: str | None = None) -> Claim:
        event = ParcelArrived(
            event_id=event_id or str(uuid.uuid4()),
            actor="warehouse",
            arrived_at=whole_second(at or await self.now()),
            reason=reason,
        )
        await self.handle.signal("arrival", event)
        return await self.claim()

    async def signal_arrival(self) -> None:
        """The parcel arrives while a step is in flight; its effects are not awaited."""
        at = whole_second(await self.now())
        await self.handle.signal("arrival", ParcelArrived(event_id=str(uuid.uuid4()), actor="warehouse", arrived_at=at))

    async def scan(self, at: datetime | None = None) -> Claim:
        event = ParcelScanned(
            event_id=str(uuid.uuid4()),
            actor="warehouse",
            carrier="UPS",
            tracking_number="1Z9",
            scanned_at=whole_second(at or await self.now()),
        )
        await self.handle.signal("return_scan", event)
        return await self.claim()

    async def inspect(
        self,
        serial: str = "SN1",
        components: tuple[Component, ...] = ALL_COMPONENTS,
        genuine: bool = True,
        not_genuine: tuple[Component, ...] = (),
    ) -> Claim:
        decision = Inspect(
            actor="warehouse", serial_number=serial, genuine=genuine, components=components, not_genuine=not_genuine
        )
        return await self.decide("inspection", decision)

    async def reset(self) -> None:
        """Reset the workflow to its first task, as operators do in the Temporal UI; every message is applied again."""
        history = await self.handle.fetch_history()
        first = next(e.event_id for e in history.events if e.HasField("workflow_task_completed_event_attributes"))
        await self.world.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=self.world.client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=self.id),
                reason="rehearsal",
                workflow_task_finish_event_id=first,
                request_id=str(uuid.uuid4()),
            )
        )

    async def until(self, state: ClaimState) -> Claim:
        claim = await self.claim()
        assert claim.state is state, claim
        return claim


def run_has_ended(error: RPCError | WorkflowUpdateFailedError) -> bool:
    """Whether the update met the end of a run and was not executed: under its id it counts once."""
    if isinstance(error, RPCError):
        return error.status is RPCStatusCode.FAILED_PRECONDITION
    return isinstance(error.cause, ApplicationError) and error.cause.type == "payment_in_progress"
