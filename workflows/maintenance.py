"""Workflows: the maintenance of the first year: a code, a unit on the bench, and a quote if more is found (R-MNT)."""

from temporalio import workflow

from domain.kinds import ClaimState, Outcome, Service
from messages.claims import SubmitMaintenance
from messages.jobs import OpenJob
from workflows.bench import Bench


@workflow.defn
class Maintenance(Bench):
    """Code, label, arrival, service, back. Issues found lead to a repair quote (R-MNT-2). Returns the outcome."""

    @workflow.init
    def __init__(self, ask: SubmitMaintenance) -> None:
        job = OpenJob(
            claim_id=ask.claim_id,
            service=Service.MAINTENANCE,
            serial_number=ask.serial_number,
            at=workflow.now(),
            maintenance_code=ask.maintenance_code,
        )
        super().__init__(job, ask.return_address, ask.actor)
        self._goes_back_as = Outcome.SERVICED

    @workflow.run
    async def run(self, ask: SubmitMaintenance) -> str:
        return await self._tell(self._story())

    def _take_in(self) -> None:
        if self._the_claim.repair_quote is not None:
            super()._take_in()
            return
        self._change(state=ClaimState.IN_SERVICE, wait_reason="for the maintenance")
