"""Activities: terms of cover, kept in the database. Each attempt is one transaction; money is another party's."""

from temporalio import activity

from activities.refusals import refused_for_good
from messages.registry import AddPlan, CheckPlan, PlanBought, PlanPriced, PlanRefused, Plans
from store.database import Database
from store.writes import plans


class DatabasePlans(Plans):
    """Terms in `database`. A serial number nobody knows is an ApplicationError of type `not_found`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def check_plan(self, ask: CheckPlan) -> PlanPriced | PlanRefused:
        with refused_for_good():
            async with self._database.reading() as session:
                return await plans.check_plan(session, ask)

    @activity.defn
    async def add_plan(self, ask: AddPlan) -> PlanBought | PlanRefused:
        with refused_for_good():
            async with self._database.writing() as session:
                return await plans.add_plan(session, ask)
