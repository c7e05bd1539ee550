"""Activities: what else a device is entitled to, kept in the database. Each attempt is one transaction."""

from temporalio import activity

from activities.refusals import refused_for_good
from messages.entitlements import (
    ApproveVerification,
    ChangeOwner,
    EndPlan,
    Entitlements,
    IssueMaintenanceCode,
    MaintenanceCodeIssued,
    MaintenanceRefused,
    PlanEnded,
)
from messages.registry import PlanRefused, Registered
from store.database import Database
from store.writes import entitlements


class DatabaseEntitlements(Entitlements):
    """Entitlements in `database`. A refused command is an ApplicationError whose type is its code."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def approve_verification(self, ask: ApproveVerification) -> Registered:
        with refused_for_good():
            async with self._database.writing() as session:
                return Registered(serial_number=await entitlements.approve_verification(session, ask))

    @activity.defn
    async def change_owner(self, ask: ChangeOwner) -> Registered:
        with refused_for_good():
            async with self._database.writing() as session:
                return Registered(serial_number=await entitlements.change_owner(session, ask))

    @activity.defn
    async def issue_maintenance_code(self, ask: IssueMaintenanceCode) -> MaintenanceCodeIssued | MaintenanceRefused:
        with refused_for_good():
            async with self._database.writing() as session:
                return await entitlements.issue_code(session, ask)

    @activity.defn
    async def end_plan(self, ask: EndPlan) -> PlanEnded | PlanRefused:
        with refused_for_good():
            async with self._database.writing() as session:
                return await entitlements.end_plan(session, ask)
