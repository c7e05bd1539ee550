"""Bugs of the parts that all claims share, planted into the parts of a Premium claim."""

from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any

from temporalio import workflow

from messages.claims import SubmitCareExpress
from tests.planting import planted, swap
from tests.workflows.short_runs import ShortPremium
from workflows.parts.message_inbox import InboxData
from workflows.parts.message_queue import QueueData
from workflows.premium import CareExpressPremium, PremiumSnapshot

NAME = "CareExpressPremium"


@planted
class TakesNoMessageInAStep(CareExpressPremium):
    def plant(self) -> None:
        async def without_messages(step: Awaitable[Any]) -> Any:
            return await step

        swap(self.inbox, "run_step", without_messages)


@planted
class LetsDecisionsWaitForThePayment(CareExpressPremium):
    def plant(self) -> None:
        setattr(self.inbox, "_gateway", SimpleNamespace(in_flight=False))  # noqa: B010


@planted
class ChargesACustomerNobodyReached(CareExpressPremium):
    def plant(self) -> None:
        async def informed() -> bool:
            return True

        swap(self.record, "customer_informed", informed)


@workflow.defn(name=NAME)
class LosesEventsInANewRun(ShortPremium):
    @workflow.init
    def __init__(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> None:
        if snapshot is not None:
            snapshot.claim.inbox.queue = QueueData()
        super().__init__(request, snapshot)

    @workflow.run
    async def run(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> str:
        return await super().run(request, snapshot)


@workflow.defn(name=NAME)
class LosesUpdateResultsInANewRun(ShortPremium):
    @workflow.init
    def __init__(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> None:
        if snapshot is not None:
            snapshot.claim.inbox = InboxData(seen=snapshot.claim.inbox.seen, queue=snapshot.claim.inbox.queue)
        super().__init__(request, snapshot)

    @workflow.run
    async def run(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> str:
        return await super().run(request, snapshot)
