"""The real Temporal server with time skipping, a worker of the real workflows, and hand-written outside parties."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper, WorkflowEnvironment
from temporalio.worker import Worker

from domain.claim import Claim, Incident
from domain.dates import whole_second
from domain.kinds import Cause, ClaimState, Component, Tier
from domain.policy import Policy
from messages.claims import (
    ClaimAccepted,
    ClaimRefused,
    Decision,
    Dispatch,
    Inspect,
    ParcelArrived,
    ParcelScanned,
    ShipTo,
    SubmitCareExpress,
    SubmitFlyaway,
    SubmitMaintenance,
    SubmitRepair,
)
from messages.payments import Payments
from messages.record import Record
from messages.warehouse import Warehouse
from tests.fakes.jobs import CODE, FakeJobs, FakeWorkshop
from tests.fakes.outside import FakeMail, FakePayments, FakeWarehouse
from tests.fakes.record import FakeRecord
from worker import workflow_runner
from workflows.flyaway import Flyaway
from workflows.maintenance import Maintenance
from workflows.online_repair import OnlineRepair
from workflows.parts.claim_workflow import ClaimWorkflow
from workflows.premium import CareExpressPremium
from workflows.standard import CareExpressStandard

PATIENCE = timedelta(seconds=15)
EVERYTHING = (Component.AIRCRAFT, Component.GIMBAL_CAMERA, Component.PROPELLERS, Component.BATTERY)
WITHOUT_BATTERY = EVERYTHING[:3]
Submission = SubmitCareExpress | SubmitFlyaway | SubmitRepair | SubmitMaintenance
SHIP_TO = ShipTo(name="Ada Flyer", line1="1 Sky Road", city="Portland", postal_code="97201", country="US")


PROCESSES = (CareExpressPremium, CareExpressStandard, Flyaway, OnlineRepair, Maintenance)


def story_of(ask: Submission) -> str:
    """The workflow type that a submission starts."""
    match ask:
        case SubmitCareExpress(tier=Tier.PREMIUM):
            return "CareExpressPremium"
        case SubmitCareExpress():
            return "CareExpressStandard"
        case SubmitFlyaway():
            return "Flyaway"
        case SubmitRepair():
            return "OnlineRepair"
        case SubmitMaintenance():
            return "Maintenance"


def of_a_claim(record: Record, payments: Payments, warehouse: Warehouse) -> list[Callable[..., Any]]:
    """The activities that every claim with a unit on the move calls."""
    return [
        record.reserve_use,
        record.save_claim,
        record.record_dispatch,
        record.compute_window,
        record.compute_deadline,
        record.identify_serial,
        payments.look_up_card,
        payments.authorize_hold,
        payments.hold_and_charge,
        payments.capture_hold,
        payments.release_hold,
        payments.charge_card,
        payments.refund_payment,
        payments.look_at_hold,
        payments.keep_deposit,
        warehouse.request_dispatch,
        warehouse.withdraw_dispatch,
    ]


@dataclass
class World:
    """Everything one test needs: the client, the fakes, and verbs in the words of the trade. With `asks_again` a caller
    repeats a decision that met a payment in progress."""

    client: Client
    policy: Policy = field(default_factory=Policy)
    task_queue: str = field(default_factory=lambda: f"q-{uuid.uuid4()}")
    payments: FakePayments = field(default_factory=FakePayments)
    warehouse: FakeWarehouse = field(default_factory=FakeWarehouse)
    mail: FakeMail = field(default_factory=FakeMail)
    workshop: FakeWorkshop = field(default_factory=FakeWorkshop)
    processes: Sequence[type] = PROCESSES
    asks_again: bool = False

    def __post_init__(self) -> None:
        covered_since = whole_second(datetime.now(UTC)) - timedelta(days=30)
        self.record = FakeRecord(covered_since, self.mail, self.policy)
        self.jobs = FakeJobs(self.record)
        self.skipper = TimeSkipper(self.client)

    def worker(self) -> Worker:
        jobs = self.jobs
        return Worker(
            self.client,
            task_queue=self.task_queue,
            # Cut off at once, a local activity is tried again for ever, and the worker never stops.
            graceful_shutdown_timeout=timedelta(seconds=10),
            workflows=self.processes,
            workflow_runner=workflow_runner(),
            activities=[
                *of_a_claim(self.record, self.payments, self.warehouse),
                jobs.open_job,
                jobs.ask_replacement_fee,
                jobs.reserve_for_repair,
                jobs.compute_mornings,
                self.workshop.request_return,
            ],
        )

    def express(self, tier: Tier, **changes: object) -> SubmitCareExpress:
        fields: dict[str, object] = {
            "claim_id": f"clm_{uuid.uuid4().hex[:16]}",
            "serial_number": "SN1",
            "tier": tier,
            "incident": Incident(Cause.COLLISION, whole_second(datetime.now(UTC)) - timedelta(hours=3), "hit a tree"),
            "replace_battery": False,
            "payment_method": "pm_card_visa",
            "ship_to": SHIP_TO,
            "accepted_terms": True,
            "terms_version": "2026-01",
        }
        return SubmitCareExpress.model_validate({**fields, **changes})

    def lost(self, **changes: object) -> SubmitFlyaway:
        fields: dict[str, object] = {
            "claim_id": f"clm_{uuid.uuid4().hex[:16]}",
            "serial_number": "SN1",
            "incident": Incident(Cause.FLYAWAY, whole_second(datetime.now(UTC)) - timedelta(hours=3)),
            "flight_record": "FR-1",
            "confirmed_unrecoverable": True,
            "payment_method": "pm_card_visa",
            "ship_to": SHIP_TO,
            "accepted_terms": True,
            "terms_version": "2026-01",
        }
        return SubmitFlyaway.model_validate({**fields, **changes})

    def broken(self) -> SubmitRepair:
        return SubmitRepair(
            claim_id=f"clm_{uuid.uuid4().hex[:16]}",
            serial_number="SN1",
            incident=Incident(Cause.COLLISION, whole_second(datetime.now(UTC)) - timedelta(hours=3), "rattles"),
            return_address=SHIP_TO,
        )

    def due_for_service(self, code: str = CODE) -> SubmitMaintenance:
        return SubmitMaintenance(
            claim_id=f"clm_{uuid.uuid4().hex[:16]}",
            serial_number="SN1",
            maintenance_code=code,
            return_address=SHIP_TO,
        )

    async def submit(self, ask: Submission) -> ClaimAccepted | ClaimRefused:
        while True:
            operation: WithStartWorkflowOperation[Any, str] = WithStartWorkflowOperation(
                story_of(ask),
                args=[ask, None],
                id=ask.claim_id,
                task_queue=self.task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            )
            try:
                answer: ClaimAccepted | ClaimRefused = await self.client.execute_update_with_start_workflow(
                    ClaimWorkflow.submission,  # type: ignore[arg-type]  # an update without an argument is typed amiss
                    start_workflow_operation=operation,
                    id="submit",
                    rpc_timeout=PATIENCE,
                )
                return answer
            except (RPCError, WorkflowUpdateFailedError) as error:
                if not _ask_the_next_run(error):
                    raise

    def handle(self, claim_id: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(claim_id)

    async def open(self, ask: Submission) -> "Case":
        answer = await self.submit(ask)
        assert isinstance(answer, ClaimAccepted), answer
        return Case(self, answer.claim.id)

    async def shipped(self, **changes: object) -> "Case":
        """A Premium claim whose replacement SN2 has left."""
        case = await self.open(self.express(Tier.PREMIUM, **changes))
        await case.dispatch()
        return case


@dataclass
class Case:
    """One claim, spoken to as the API would."""

    world: World
    id: str

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.world.handle(self.id)

    async def claim(self) -> Claim:
        """The claim once nothing is in flight any more, and its clock has not overtaken its deadline."""
        for _ in range(1000):
            try:
                settled = await self.handle.query(ClaimWorkflow.settled)
                claim: Claim | None = await self.handle.query(ClaimWorkflow.claim)
                # The clock may have moved on a moment before the timer's task is there.
                wakes_at: datetime | None = await self.handle.query(ClaimWorkflow.next_wake)
            except RPCError as error:
                if not _ask_the_next_run(error):
                    raise
                await asyncio.sleep(0.05)  # the server lets a second pass before the next run begins
                continue
            overtaken = wakes_at and await self.now() > wakes_at + timedelta(seconds=1)
            if settled and not overtaken:
                break
            await asyncio.sleep(0.02)
        else:
            raise AssertionError("the claim does not come to rest")
        assert claim is not None
        assert claim == self.world.record.claims[self.id], "the record says something else than the workflow"
        return claim

    async def in_step(self) -> None:
        """Until a step is in flight."""
        async with asyncio.timeout(5):
            while await self.handle.query(ClaimWorkflow.settled):
                await asyncio.sleep(0.02)

    async def now(self) -> datetime:
        return await self.world.skipper.get_current_time(self.handle)

    async def pass_time(self, **duration: int) -> Claim:
        if any(duration.values()):
            await self._advance(timedelta(**duration))
        return await self.claim()

    async def pass_until(self, instant: datetime) -> Claim:
        await self._advance(instant - await self.now())
        return await self.claim()

    async def _advance(self, by: timedelta) -> None:
        """Move the claim's clock. Moved while a new run begins, it goes on to the run's next timer; so where runs are
        short it is moved from one timer to the next."""
        if not self.world.asks_again:
            await self.world.skipper.fast_forward(self.handle, by)
            return
        until = await self.now() + by
        while (now := await self.now()) < until:
            await self.claim()
            if (await self.handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
                return
            wakes_at: datetime | None = await self.handle.query(ClaimWorkflow.next_wake)
            stop = until if wakes_at is None or wakes_at <= now else min(until, wakes_at)
            await self.world.skipper.fast_forward(self.handle, stop - now)
            if stop == wakes_at:
                await asyncio.sleep(1.2)  # a timer fires a second after its moment

    async def pass_due(self) -> Claim:
        returning = (await self.claim()).returning
        assert returning is not None
        return await self.pass_until(returning.due_at + timedelta(seconds=2))

    async def decide(self, name: str, decision: Decision, update_id: str | None = None) -> Claim:
        """Ask for a decision and wait for the claim as it is afterwards."""
        update_id = update_id or str(uuid.uuid4())
        while True:
            try:
                claim: Claim = await self.handle.execute_update(
                    name, decision, id=update_id, result_type=Claim, rpc_timeout=PATIENCE
                )
                return claim
            except RPCError as error:
                if not _ask_the_next_run(error):
                    raise
            except WorkflowUpdateFailedError as error:
                if not self.world.asks_again or not _ask_the_next_run(error):
                    raise
                await asyncio.sleep(0.1)

    async def payment_in_progress(self, name: str, decision: Decision) -> None:
        """Ask for a decision that a payment in flight must refuse, within a second."""
        async with asyncio.timeout(1):
            assert (await self.refuses(name, decision)).type == "payment_in_progress"

    async def refuses(self, name: str, decision: Decision) -> ApplicationError:
        """Ask for a decision that must be refused; the refusal."""
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

    async def arrive_in_step(self) -> None:
        """The parcel arrives while a step is in flight; nobody waits for what follows from it."""
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
        self, serial: str = "SN1", components: tuple[Component, ...] = EVERYTHING, genuine: bool = True
    ) -> Claim:
        decision = Inspect(actor="warehouse", serial_number=serial, genuine=genuine, components=components)
        return await self.decide("inspection", decision)

    async def reset(self) -> None:
        """Reset the workflow to its first task, as people do in the Temporal UI; every message comes again."""
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


def _ask_the_next_run(error: RPCError | WorkflowUpdateFailedError) -> bool:
    """Whether the update met the end of a run and was not executed: under its id it counts once."""
    if isinstance(error, RPCError):
        return error.status is RPCStatusCode.FAILED_PRECONDITION
    return isinstance(error.cause, ApplicationError) and error.cause.type == "payment_in_progress"


@pytest.fixture
async def world(temporal: WorkflowEnvironment) -> AsyncIterator[World]:
    world = World(temporal.client)
    async with world.worker():
        yield world


@pytest.fixture
def make_world(temporal: WorkflowEnvironment) -> Callable[..., World]:
    """A world without a worker, for tests that start and stop their own."""
    return lambda **changes: World(temporal.client, **changes)
