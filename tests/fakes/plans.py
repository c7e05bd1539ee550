"""A fake of the plan activities, in memory. `refuses` lets a check or a write be refused."""

from datetime import timedelta

from temporalio import activity

from domain.kinds import ReasonCode
from domain.money import Money
from domain.reasons import Reason
from messages.registry import AddPlan, BuyPlan, CheckPlan, PlanBought, PlanPriced, PlanRefused, Plans

PRICE = Money(23900, "USD")
REFUSED = PlanRefused(reasons=(Reason(ReasonCode.PLAN_EXISTS, "R-PUR-4", "The device has a plan."),))


class FakePlans(Plans):
    """One price for everything; a plan written twice is the same plan."""

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.bought: dict[str, BuyPlan] = {}

    @activity.defn
    async def check_plan(self, request: CheckPlan) -> PlanPriced | PlanRefused:
        return REFUSED if "check" in self.refuses else PlanPriced(price=PRICE)

    @activity.defn
    async def add_plan(self, request: AddPlan) -> PlanBought | PlanRefused:
        if "add" in self.refuses:
            return REFUSED
        self.bought[request.plan.plan_id] = request.plan
        today = request.at.date()
        return PlanBought(
            plan_id=request.plan.plan_id,
            kind=request.plan.kind,
            price=request.price,
            purchased_at=request.at,
            starts_on=today,
            ends_on=today + timedelta(days=364),
        )
