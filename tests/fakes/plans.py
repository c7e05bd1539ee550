"""Terms of cover, by hand and in memory. `refuses` makes a check or a write say no."""

from datetime import timedelta

from temporalio import activity

from domain.kinds import ReasonCode
from domain.money import Money
from domain.reasons import Reason
from messages.registry import AddPlan, BuyPlan, CheckPlan, PlanBought, PlanPriced, PlanRefused, Plans

PRICE = Money(23900, "USD")
TAKEN = PlanRefused(reasons=(Reason(ReasonCode.PLAN_EXISTS, "R-PUR-4", "The device has a plan."),))


class FakePlans(Plans):
    """One price for everything; a plan written twice is the same plan."""

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.bought: dict[str, BuyPlan] = {}

    @activity.defn
    async def check_plan(self, ask: CheckPlan) -> PlanPriced | PlanRefused:
        return TAKEN if "check" in self.refuses else PlanPriced(price=PRICE)

    @activity.defn
    async def add_plan(self, ask: AddPlan) -> PlanBought | PlanRefused:
        if "add" in self.refuses:
            return TAKEN
        self.bought[ask.plan.plan_id] = ask.plan
        today = ask.at.date()
        return PlanBought(
            plan_id=ask.plan.plan_id,
            kind=ask.plan.kind,
            price=ask.price,
            purchased_at=ask.at,
            starts_on=today,
            ends_on=today + timedelta(days=364),
        )
