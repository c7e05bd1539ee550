"""Changes to a running process, planted into its parts: what they do to a claim that began before them."""

from typing import Any

from temporalio import workflow

from domain.money import Money
from messages.claims import SubmitCareExpress
from messages.mail import MailKind
from workflows.premium import CareExpressPremium, PremiumSnapshot

NAME = "CareExpressPremium"


@workflow.defn(name=NAME)
class OneMailMore(CareExpressPremium):
    @workflow.init
    def __init__(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> None:
        super().__init__(request, snapshot)
        real = self.replacement.order_inline

        async def with_a_mail(*, with_battery: bool) -> bool:
            self.record.notify(MailKind.SHIPPED)
            return await real(with_battery=with_battery)

        setattr(self.replacement, "order_inline", with_a_mail)  # noqa: B010

    @workflow.run
    async def run(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> str:
        return await super().run(request, snapshot)


@workflow.defn(name=NAME)
class OneStepLess(CareExpressPremium):
    @workflow.init
    def __init__(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> None:
        super().__init__(request, snapshot)

        async def nothing() -> Money:
            return self.record.claim.fee.zero()

        setattr(self.hold, "release", nothing)  # noqa: B010

    @workflow.run
    async def run(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> str:
        return await super().run(request, snapshot)


@workflow.defn(name=NAME)
class AnotherOrder(CareExpressPremium):
    @workflow.init
    def __init__(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> None:
        super().__init__(request, snapshot)
        real = self.hold.place

        async def fee_first(amount: Money, payment_method: str, fee: Any) -> Any:
            await self.fees.charge(self.record.claim.fee, payment_method, "service_fees", "fee")
            return await real(amount, payment_method, fee)

        setattr(self.hold, "place", fee_first)  # noqa: B010

    @workflow.run
    async def run(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> str:
        return await super().run(request, snapshot)


@workflow.defn(name=NAME)
class OneTimerMore(CareExpressPremium):
    @workflow.init
    def __init__(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> None:
        super().__init__(request, snapshot)
        real = self.replacement.order_inline

        async def later(*, with_battery: bool) -> bool:
            await workflow.sleep(60)
            return await real(with_battery=with_battery)

        setattr(self.replacement, "order_inline", later)  # noqa: B010

    @workflow.run
    async def run(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> str:
        return await super().run(request, snapshot)


@workflow.defn(name=NAME)
class OneTimerMoreForNewClaims(CareExpressPremium):
    """How it is done: what began before goes on as it was."""

    @workflow.init
    def __init__(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> None:
        super().__init__(request, snapshot)
        real = self.replacement.order_inline

        async def later(*, with_battery: bool) -> bool:
            if workflow.patched("one-timer-more"):
                await workflow.sleep(60)
            return await real(with_battery=with_battery)

        setattr(self.replacement, "order_inline", later)  # noqa: B010

    @workflow.run
    async def run(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> str:
        return await super().run(request, snapshot)
