"""Changes to a running process, planted: what they do to a claim that began before them."""

from temporalio import workflow

from domain.money import Money
from messages.claims import ShipTo, SubmitCareExpress
from messages.mail import MailKind
from messages.payments import PaymentDeclined
from workflows.premium import CareExpressPremium

NAME = "CareExpressPremium"


@workflow.defn(name=NAME)
class OneMailMore(CareExpressPremium):
    @workflow.init
    def __init__(self, ask: SubmitCareExpress) -> None:
        super().__init__(ask)

    @workflow.run
    async def run(self, ask: SubmitCareExpress) -> str:
        return await super().run(ask)

    async def _request_dispatch(self, ship_to: ShipTo, *, with_battery: bool) -> None:
        self._mail(MailKind.SHIPPED)
        await super()._request_dispatch(ship_to, with_battery=with_battery)


@workflow.defn(name=NAME)
class OneStepLess(CareExpressPremium):
    @workflow.init
    def __init__(self, ask: SubmitCareExpress) -> None:
        super().__init__(ask)

    @workflow.run
    async def run(self, ask: SubmitCareExpress) -> str:
        return await super().run(ask)

    async def _release_hold(self) -> None:
        pass


@workflow.defn(name=NAME)
class AnotherOrder(CareExpressPremium):
    @workflow.init
    def __init__(self, ask: SubmitCareExpress) -> None:
        super().__init__(ask)

    @workflow.run
    async def run(self, ask: SubmitCareExpress) -> str:
        return await super().run(ask)

    async def _place_hold(
        self, amount: Money, payment_method: str, *, off_session: bool = False
    ) -> PaymentDeclined | None:
        await self._charge(self._the_claim.fee, payment_method, "service_fees", "fee")
        return await super()._place_hold(amount, payment_method, off_session=off_session)


@workflow.defn(name=NAME)
class OneTimerMore(CareExpressPremium):
    @workflow.init
    def __init__(self, ask: SubmitCareExpress) -> None:
        super().__init__(ask)

    @workflow.run
    async def run(self, ask: SubmitCareExpress) -> str:
        return await super().run(ask)

    async def _request_dispatch(self, ship_to: ShipTo, *, with_battery: bool) -> None:
        await workflow.sleep(60)
        await super()._request_dispatch(ship_to, with_battery=with_battery)


@workflow.defn(name=NAME)
class OneMailMoreForNewClaims(CareExpressPremium):
    """How it is done: what began before goes on as it was."""

    @workflow.init
    def __init__(self, ask: SubmitCareExpress) -> None:
        super().__init__(ask)

    @workflow.run
    async def run(self, ask: SubmitCareExpress) -> str:
        return await super().run(ask)

    async def _request_dispatch(self, ship_to: ShipTo, *, with_battery: bool) -> None:
        if workflow.patched("one-mail-more"):
            self._mail(MailKind.SHIPPED)
        await super()._request_dispatch(ship_to, with_battery=with_battery)
