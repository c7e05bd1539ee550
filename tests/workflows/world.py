"""The real workflows on the real Temporal server with time skipping, and fakes of the external services."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper
from temporalio.worker import Worker, WorkerDeploymentConfig

from domain.claim import Incident
from domain.dates import whole_second
from domain.kinds import Cause, Tier
from domain.policy import Policy
from messages.claims import (
    ClaimAccepted,
    ClaimRefused,
    ShipTo,
    SubmitCareExpress,
    SubmitFlyaway,
    SubmitMaintenance,
    SubmitRepair,
)
from messages.payments import Payments
from messages.record import Record
from messages.warehouse import Warehouse
from tests.fakes.external_services import FakeMail, FakePayments, FakeWarehouse
from tests.fakes.jobs import CODE, FakeJobs, FakeWorkshop
from tests.fakes.record import FakeRecord
from tests.workflows.case import RPC_TIMEOUT, Case, run_has_ended
from worker import workflow_runner
from workflows.flyaway import Flyaway
from workflows.maintenance import Maintenance
from workflows.online_repair import OnlineRepair
from workflows.parts.claim_workflow import ClaimWorkflow
from workflows.premium import CareExpressPremium
from workflows.standard import CareExpressStandard

Submission = SubmitCareExpress | SubmitFlyaway | SubmitRepair | SubmitMaintenance
SHIP_TO = ShipTo(name="Ada Flyer", line1="1 Sky Road", city="Portland", postal_code="97201", country="US")


PROCESSES = (CareExpressPremium, CareExpressStandard, Flyaway, OnlineRepair, Maintenance)


def workflow_type_of(submission: Submission) -> str:
    """The workflow type that a submission starts."""
    match submission:
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


def claim_activities(record: Record, payments: Payments, warehouse: Warehouse) -> list[Callable[..., Any]]:
    """The activities that claims with a replacement call."""
    return [
        record.reserve_use,
        record.save_claim,
        record.record_dispatch,
        record.undo_dispatch,
        record.compute_window,
        record.compute_deadline,
        record.identify_serial,
        record.find_delivered_notices,
        record.find_waiting_events,
        payments.look_up_card,
        payments.authorize_hold,
        payments.hold_and_charge,
        payments.capture_hold,
        payments.release_hold,
        payments.charge_card,
        payments.refund_payment,
        payments.look_at_hold,
        payments.keep_deposit,
        payments.compare_payments,
        warehouse.request_dispatch,
        warehouse.withdraw_dispatch,
        warehouse.change_address,
    ]


@dataclass
class World:
    """What a test needs: the client, the fakes, and valid submissions. With `retries_decisions` a decision that is
    rejected with `payment_in_progress` is repeated."""

    client: Client
    policy: Policy = field(default_factory=Policy)
    task_queue: str = field(default_factory=lambda: f"q-{uuid.uuid4()}")
    payments: FakePayments = field(default_factory=FakePayments)
    warehouse: FakeWarehouse = field(default_factory=FakeWarehouse)
    mail: FakeMail = field(default_factory=FakeMail)
    workshop: FakeWorkshop = field(default_factory=FakeWorkshop)
    processes: Sequence[type] = PROCESSES
    retries_decisions: bool = False
    deployment: WorkerDeploymentConfig | None = None

    def __post_init__(self) -> None:
        covered_since = whole_second(datetime.now(UTC)) - timedelta(days=30)
        self.record = FakeRecord(covered_since, self.mail, self.policy)
        self.jobs = FakeJobs(self.record)
        self.skipper = TimeSkipper(self.client)

    def worker(self) -> Worker:
        """A worker without lanes, as releases until 0.3.0 had it: one task queue is quicker, and a workflow does not
        know of lanes."""
        return Worker(
            self.client,
            task_queue=self.task_queue,
            # Cut off at once, a local activity is tried again for ever, and the worker never stops.
            graceful_shutdown_timeout=timedelta(seconds=10),
            workflows=self.processes,
            workflow_runner=workflow_runner(),
            deployment_config=self.deployment,
            activities=self.activities(),
        )

    def activities(self) -> list[Callable[..., Any]]:
        """The fakes' activities."""
        jobs = self.jobs
        return [
            *claim_activities(self.record, self.payments, self.warehouse),
            jobs.open_job,
            jobs.ask_replacement_fee,
            jobs.reserve_for_repair,
            jobs.compute_mornings,
            self.workshop.request_return,
        ]

    def care_express(self, tier: Tier, **changes: object) -> SubmitCareExpress:
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

    def flyaway(self, **changes: object) -> SubmitFlyaway:
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

    def online_repair(self) -> SubmitRepair:
        return SubmitRepair(
            claim_id=f"clm_{uuid.uuid4().hex[:16]}",
            serial_number="SN1",
            incident=Incident(Cause.COLLISION, whole_second(datetime.now(UTC)) - timedelta(hours=3), "rattles"),
            return_address=SHIP_TO,
        )

    def maintenance(self, code: str = CODE) -> SubmitMaintenance:
        return SubmitMaintenance(
            claim_id=f"clm_{uuid.uuid4().hex[:16]}",
            serial_number="SN1",
            maintenance_code=code,
            return_address=SHIP_TO,
        )

    async def submit(self, submission: Submission) -> ClaimAccepted | ClaimRefused:
        while True:
            operation: WithStartWorkflowOperation[Any, str] = WithStartWorkflowOperation(
                workflow_type_of(submission),
                args=[submission, None],
                id=submission.claim_id,
                task_queue=self.task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            )
            try:
                result: ClaimAccepted | ClaimRefused = await self.client.execute_update_with_start_workflow(
                    ClaimWorkflow.submission,  # type: ignore[arg-type]  # an update without an argument is not typed
                    start_workflow_operation=operation,
                    id="submit",
                    rpc_timeout=RPC_TIMEOUT,
                )
                return result
            except (RPCError, WorkflowUpdateFailedError) as error:
                if not run_has_ended(error):
                    raise

    def handle(self, claim_id: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(claim_id)

    async def open(self, submission: Submission) -> "Case":
        result = await self.submit(submission)
        assert isinstance(result, ClaimAccepted), result
        return Case(self, result.claim.id)

    async def shipped(self, **changes: object) -> "Case":
        """A Premium claim whose replacement SN2 was dispatched."""
        case = await self.open(self.care_express(Tier.PREMIUM, **changes))
        await case.dispatch()
        return case
