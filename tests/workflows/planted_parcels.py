"""Bugs of how a parcel's facts are judged, planted into the parts of a Premium claim."""

from domain.money import Money
from tests.planting import planted, swap
from workflows.premium import CareExpressPremium


@planted
class KeepsAnEarlyDefault(CareExpressPremium):
    def plant(self) -> None:
        async def never() -> bool:
            return False

        swap(self.original.charged, "_charged_early", never)


@planted
class ForgetsTheDelivery(CareExpressPremium):
    def plant(self) -> None:
        swap(self.original._window, "delivered_in_time", lambda: False)


@planted
class ChargesAgainUnderTheFirstKey(CareExpressPremium):
    def plant(self) -> None:
        async def uncounted(purpose: str) -> Money:
            refund: Money = await real(purpose)
            self.original._charges.data.undone = 0
            return refund

        real = swap(self.original._charges, "undo", uncounted)
