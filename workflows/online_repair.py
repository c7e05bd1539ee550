"""Workflows: online repair: the unit comes in, is quoted for, and the customer chooses among the options (R-REP)."""

from temporalio import workflow

from domain.kinds import Service
from messages.claims import Decision, Event, SubmitRepair
from messages.jobs import OpenJob
from workflows.parts.claim_workflow import ClaimData, ClaimWorkflow, Phase
from workflows.parts.service_job import ServiceJob, ServiceJobSnapshot


@workflow.defn
class OnlineRepair(ClaimWorkflow):
    """Label, arrival, inspection, quote, choice, repair or replacement, back. Returns the outcome."""

    @workflow.init
    def __init__(self, request: SubmitRepair, snapshot: ServiceJobSnapshot | None) -> None:
        kept = snapshot or ServiceJobSnapshot()
        super().__init__(request, kept.claim)
        job = OpenJob(
            claim_id=request.claim_id,
            service=Service.ONLINE_REPAIR,
            serial_number=request.serial_number,
            at=workflow.now(),
            incident=request.incident,
        )
        self.job = ServiceJob(self, job, request.return_address, request.actor, kept, inspects_first=True)

    @workflow.run
    async def run(self, request: SubmitRepair, snapshot: ServiceJobSnapshot | None) -> str:
        return await self.run_phases(self.job.submit)

    @property
    def phases(self) -> tuple[object, ...]:
        return (self.job,)

    def snapshot(self, claim: ClaimData) -> ServiceJobSnapshot:
        return self.job.snapshot(claim)

    async def undo(self) -> Phase | None:
        return await self.job.undo()

    def takes_meanwhile(self, decision: Decision) -> bool:
        return self.job.takes_meanwhile(decision)

    async def meanwhile(self, message: Event | Decision) -> None:
        await self.job.meanwhile(message)
