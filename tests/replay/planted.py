"""Changes to a running process, planted into its parts: what they do to a claim that began before them."""

from typing import Any

from temporalio import workflow

from domain.money import Money
from messages.mail import MailKind
from tests.planting import planted, swap
from workflows.premium import CareExpressPremium


@planted
class OneMailMore(CareExpressPremium):
    def plant(self) -> None:
        async def with_a_mail(*, with_battery: bool) -> bool:
            self.record.notify(MailKind.SHIPPED)
            ordered: bool = await real(with_battery=with_battery)
            return ordered

        real = swap(self.replacement, "order_inline", with_a_mail)


@planted
class OneStepLess(CareExpressPremium):
    def plant(self) -> None:
        async def nothing() -> Money:
            return self.record.claim.fee.zero()

        swap(self.hold, "release", nothing)


@planted
class AnotherOrder(CareExpressPremium):
    def plant(self) -> None:
        async def fee_first(amount: Money, payment_method: str, fee: Any) -> Any:
            await self.fees.charge(self.record.claim.fee, payment_method, "service_fees", "fee", off_session=False)
            return await real(amount, payment_method, fee)

        real = swap(self.hold, "place", fee_first)


@planted
class OneTimerMore(CareExpressPremium):
    def plant(self) -> None:
        async def later(*, with_battery: bool) -> bool:
            await workflow.sleep(60)
            ordered: bool = await real(with_battery=with_battery)
            return ordered

        real = swap(self.replacement, "order_inline", later)


@planted
class OneTimerMoreForNewClaims(CareExpressPremium):
    """How it is done: what began before goes on as it was."""

    def plant(self) -> None:
        async def later(*, with_battery: bool) -> bool:
            if workflow.patched("one-timer-more"):
                await workflow.sleep(60)
            ordered: bool = await real(with_battery=with_battery)
            return ordered

        real = swap(self.replacement, "order_inline", later)
