"""Workflows: online repair: the unit comes in, is quoted for, and the customer chooses a way out (R-REP)."""

from temporalio import workflow

from domain.kinds import Service
from messages.claims import SubmitRepair
from messages.jobs import OpenJob
from workflows.bench import Bench


@workflow.defn
class OnlineRepair(Bench):
    """Label, arrival, inspection, quote, choice, repair or replacement, back. Returns the outcome."""

    @workflow.init
    def __init__(self, ask: SubmitRepair) -> None:
        job = OpenJob(
            claim_id=ask.claim_id,
            service=Service.ONLINE_REPAIR,
            serial_number=ask.serial_number,
            at=workflow.now(),
            incident=ask.incident,
        )
        super().__init__(job, ask.return_address, ask.actor)

    @workflow.run
    async def run(self, ask: SubmitRepair) -> str:
        return await self._tell(self._story())
