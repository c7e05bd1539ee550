"""Activities: what else a device is entitled to, kept in the database. Each attempt is one transaction."""

from temporalio import activity

from activities.command_errors import refusals_as_application_errors
from messages.entitlements import (
    ApprovePlan,
    ApproveVerification,
    ChangeOwner,
    CorrectOwner,
    EndPlan,
    Entitlements,
    IssueMaintenanceCode,
    MaintenanceCodeIssued,
    MaintenanceRefused,
    MoveRegion,
    NoteRefusedRefund,
    PlanEnded,
)
from messages.registry import PlanRefused, Registered
from store.database import Database
from store.writes import entitlements, owners, region_moves


class DatabaseEntitlements(Entitlements):
    """Entitlements in `database`. A refused command is an ApplicationError whose type is its code."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def approve_verification(self, request: ApproveVerification) -> Registered:
        with refusals_as_application_errors():
            async with self._database.transaction() as session:
                return Registered(serial_number=await entitlements.approve_verification(session, request))

    @activity.defn
    async def change_owner(self, request: ChangeOwner) -> Registered:
        with refusals_as_application_errors():
            async with self._database.transaction() as session:
                return Registered(serial_number=await entitlements.change_owner(session, request))

    @activity.defn
    async def correct_owner(self, request: CorrectOwner) -> Registered:
        with refusals_as_application_errors():
            async with self._database.transaction() as session:
                return Registered(serial_number=await owners.correct_owner(session, request))

    @activity.defn
    async def move_region(self, request: MoveRegion) -> Registered:
        with refusals_as_application_errors():
            async with self._database.transaction() as session:
                return Registered(serial_number=await region_moves.move_region(session, request))

    @activity.defn
    async def approve_plan(self, request: ApprovePlan) -> Registered:
        with refusals_as_application_errors():
            async with self._database.transaction() as session:
                return Registered(serial_number=await entitlements.approve_plan(session, request))

    @activity.defn
    async def issue_maintenance_code(self, request: IssueMaintenanceCode) -> MaintenanceCodeIssued | MaintenanceRefused:
        with refusals_as_application_errors():
            async with self._database.transaction() as session:
                return await entitlements.issue_code(session, request)

    @activity.defn
    async def end_plan(self, request: EndPlan) -> PlanEnded | PlanRefused:
        with refusals_as_application_errors():
            async with self._database.transaction() as session:
                return await entitlements.end_plan(session, request)

    @activity.defn
    async def note_refused_refund(self, request: NoteRefusedRefund) -> None:
        async with self._database.transaction() as session:
            await entitlements.note_refused_refund(session, request)
