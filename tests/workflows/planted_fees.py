"""Bugs planted into flyaway fees and repair quotes."""

from typing import Any

from temporalio import workflow

from domain.kinds import Outcome
from messages.claims import ChooseRepair, Decide, SubmitFlyaway, SubmitRepair
from tests.planting import swap
from workflows.flyaway import Flyaway, FlyawaySnapshot
from workflows.online_repair import OnlineRepair
from workflows.parts.claim_workflow import Phase
from workflows.parts.service_job_snapshot import ServiceJobSnapshot


@workflow.defn(name="Flyaway")
class ChargesTheAbsentOnSession(Flyaway):
    @workflow.init
    def __init__(self, request: SubmitFlyaway, snapshot: FlyawaySnapshot | None) -> None:
        super().__init__(request, snapshot)

        async def on_session(*arguments: Any, **others: Any) -> Any:
            return await real(*arguments, **(others | {"off_session": False}))

        real = swap(self.fees, "charge", on_session)

    @workflow.run
    async def run(self, request: SubmitFlyaway, snapshot: FlyawaySnapshot | None) -> str:
        return await super().run(request, snapshot)


@workflow.defn(name="Flyaway")
class EndsTheClaimAtADecline(Flyaway):
    @workflow.init
    def __init__(self, request: SubmitFlyaway, snapshot: FlyawaySnapshot | None) -> None:
        super().__init__(request, snapshot)

    @workflow.run
    async def run(self, request: SubmitFlyaway, snapshot: FlyawaySnapshot | None) -> str:
        return await super().run(request, snapshot)

    async def await_payment(self) -> Phase | None:
        self.record.close(Outcome.PAYMENT_DECLINED, gives_back=True)
        return None


@workflow.defn(name="OnlineRepair")
class ChargesWhateverIsQuotedNow(OnlineRepair):
    @workflow.init
    def __init__(self, request: SubmitRepair, snapshot: ServiceJobSnapshot | None) -> None:
        super().__init__(request, snapshot)

        async def newest(decision: ChooseRepair) -> None:
            made = self.record.claim.repair_quote
            await real(decision.model_copy(update={"quote_version": made.version if made else None}))

        real = swap(vars(self.job)["_options"], "choose", newest)

    @workflow.run
    async def run(self, request: SubmitRepair, snapshot: ServiceJobSnapshot | None) -> str:
        return await super().run(request, snapshot)


@workflow.defn(name="OnlineRepair")
class LetsTheAuthorApprove(OnlineRepair):
    @workflow.init
    def __init__(self, request: SubmitRepair, snapshot: ServiceJobSnapshot | None) -> None:
        super().__init__(request, snapshot)

        async def by_anybody(decision: Any) -> bool:
            somebody = {"by": "somebody else"} if isinstance(decision, Decide) else {}
            sent: bool = await real(decision.model_copy(update=somebody))
            return sent

        real = swap(vars(self.job)["_options"], "quoted", by_anybody)

    @workflow.run
    async def run(self, request: SubmitRepair, snapshot: ServiceJobSnapshot | None) -> str:
        return await super().run(request, snapshot)
