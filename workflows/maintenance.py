"""Workflow of a first-year maintenance: a code, a unit in the workshop, a quote when more is found (R-MNT)."""

from temporalio import workflow

from domain.kinds import Service
from domain.money import Money
from messages.claims import Decision, Event, SubmitMaintenance
from messages.jobs import OpenJob
from workflows.parts.claim_workflow import ClaimData, ClaimWorkflow, Phase
from workflows.parts.service_job import ServiceJob
from workflows.parts.service_job_snapshot import ServiceJobSnapshot


@workflow.defn
class Maintenance(ClaimWorkflow):
    """Code, label, arrival, service, back. Issues found lead to a repair quote (R-MNT-2). Returns the outcome."""

    @workflow.init
    def __init__(self, request: SubmitMaintenance, snapshot: ServiceJobSnapshot | None) -> None:
        restored = snapshot or ServiceJobSnapshot()
        super().__init__(request, request.return_address, restored.claim)
        job = OpenJob(
            claim_id=request.claim_id,
            service=Service.MAINTENANCE,
            serial_number=request.serial_number,
            at=workflow.now(),
            maintenance_code=request.maintenance_code,
            return_country=request.return_address.country,
        )
        self.job = ServiceJob(self, job, request.actor, restored, inspects_first=False)

    @workflow.run
    async def run(self, request: SubmitMaintenance, snapshot: ServiceJobSnapshot | None) -> str:
        return await self.run_phases(self.job.submit)

    @property
    def phases(self) -> tuple[object, ...]:
        return (self.job, self.job.unit_return)

    def snapshot(self, claim: ClaimData) -> ServiceJobSnapshot:
        return self.job.snapshot(claim)

    def paid(self) -> Money | None:
        return self.job.paid

    async def compensate(self) -> Phase | None:
        return await self.job.compensate()

    def accepts_during_step(self, decision: Decision) -> bool:
        return self.job.accepts_during_step(decision)

    async def handle_during_step(self, message: Event | Decision) -> None:
        await self.job.handle_during_step(message)
