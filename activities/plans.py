"""Activities: terms of cover in the database. Each attempt is one transaction; the payment activities move money."""

from temporalio import activity

from activities.command_errors import refusals_as_application_errors
from messages.registry import AddPlan, CheckPlan, PlanBought, PlanPriced, PlanRefused, Plans
from store.database import Database
from store.writes import plans


class DatabasePlans(Plans):
    """Terms in `database`. An unknown serial number is an ApplicationError of type `not_found`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def check_plan(self, request: CheckPlan) -> PlanPriced | PlanRefused:
        with refusals_as_application_errors():
            async with self._database.snapshot() as session:
                return await plans.check_plan(session, request)

    @activity.defn
    async def add_plan(self, request: AddPlan) -> PlanBought | PlanRefused:
        with refusals_as_application_errors():
            async with self._database.transaction() as session:
                return await plans.add_plan(session, request)
