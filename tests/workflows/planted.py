"""Bugs of the mechanisms that all claims share, planted into the parts of a Premium claim."""

from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any

from temporalio import workflow

from messages.claims import SubmitCareExpress
from tests.workflows.short_runs import ShortPremium
from workflows.parts.message_inbox import InboxData
from workflows.parts.message_queue import QueueData
from workflows.premium import CareExpressPremium, PremiumSnapshot

NAME = "CareExpressPremium"


@workflow.defn(name=NAME)
class TakesNoMessageInAStep(CareExpressPremium):
    @workflow.init
    def __init__(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> None:
        super().__init__(request, snapshot)

        async def plainly(step: Awaitable[Any]) -> Any:
            return await step

        setattr(self.inbox, "during", plainly)  # noqa: B010

    @workflow.run
    async def run(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> str:
        return await super().run(request, snapshot)


@workflow.defn(name=NAME)
class LetsDecisionsWaitForThePayment(CareExpressPremium):
    @workflow.init
    def __init__(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> None:
        super().__init__(request, snapshot)
        setattr(self.inbox, "_gateway", SimpleNamespace(in_flight=False))  # noqa: B010

    @workflow.run
    async def run(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> str:
        return await super().run(request, snapshot)


@workflow.defn(name=NAME)
class LosesFactsInANewRun(ShortPremium):
    @workflow.init
    def __init__(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> None:
        if snapshot is not None:
            snapshot.claim.inbox.queue = QueueData()
        super().__init__(request, snapshot)

    @workflow.run
    async def run(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> str:
        return await super().run(request, snapshot)


@workflow.defn(name=NAME)
class ForgetsItsAnswersInANewRun(ShortPremium):
    @workflow.init
    def __init__(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> None:
        if snapshot is not None:
            snapshot.claim.inbox = InboxData(seen=snapshot.claim.inbox.seen, queue=snapshot.claim.inbox.queue)
        super().__init__(request, snapshot)

    @workflow.run
    async def run(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> str:
        return await super().run(request, snapshot)
