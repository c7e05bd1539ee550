"""Temporal: the schedules of this release. They are created, or updated to this release's definition.

A paused schedule stays paused: operators decide that.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import partial

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from domain.catalogue import Region
from messages.reconciliation import Reconcile
from messages.renewals import RemindRegion
from settings import Settings
from store.database import Database
from store.reads.queries import Queries
from workflows.reconciliation import ReconcilePayments
from workflows.renewal_reminders import RenewalReminders

RECONCILIATION = "reconciliation"
"""Id of the daily reconciliation's schedule; the ids of its runs begin with it."""
RECONCILIATION_HOUR = 5
REMINDER_HOUR = 9
CATCHUP = timedelta(hours=12)
"""A run missed for longer is skipped: the next day's run sends what is still useful."""


def schedule_id(region: str) -> str:
    """Id of the schedule of a region's renewal reminders; the ids of its runs begin with it."""
    return f"renewal-reminders-{region}"


def reminder_schedule(region: Region, task_queue: str) -> Schedule:
    """Daily at 09:00 in the region's time zone; while a run is still going, the next one is buffered (R-NOT-1)."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            RenewalReminders.run,
            RemindRegion(region=region.code),
            id=schedule_id(region.code),
            task_queue=task_queue,
            static_summary=f"Renewal reminders · {region.name}",
        ),
        spec=ScheduleSpec(
            calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(REMINDER_HOUR)], comment="09:00 local, every day")],
            time_zone_name=region.time_zone,
        ),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.BUFFER_ONE, catchup_window=CATCHUP),
        state=ScheduleState(note=f"Reminders 30 and 7 days before the end, on it and 10 days after it ({region.name})"),
    )


def reconciliation_schedule(task_queue: str) -> Schedule:
    """Daily at 05:00 UTC. A missed run needs no catch-up: each run checks all payments."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            ReconcilePayments.run,
            Reconcile(),
            id=RECONCILIATION,
            task_queue=task_queue,
            static_summary="Reconciliation · gateway, ledger, claims, processes",
        ),
        spec=ScheduleSpec(
            calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(RECONCILIATION_HOUR)], comment="05:00 UTC, every day")]
        ),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCHUP),
        state=ScheduleState(note="Finds what differs and moves nothing; `aftercare reconcile --last` shows the report"),
    )


async def set_up_schedules(client: Client, regions: Iterable[Region], task_queue: str) -> dict[str, str]:
    """Create or update the reconciliation's schedule and one a region; may run any number of times.

    Returns schedule id -> "created" or "updated".
    """
    schedules = {RECONCILIATION: reconciliation_schedule(task_queue)}
    schedules |= {schedule_id(region.code): reminder_schedule(region, task_queue) for region in regions}
    results = {}
    for name, definition in schedules.items():
        try:
            await client.create_schedule(name, definition)
            results[name] = "created"
        except ScheduleAlreadyRunningError:
            await client.get_schedule_handle(name).update(partial(_update, definition))
            results[name] = "updated"
    return results


async def known_regions(settings: Settings) -> tuple[Region, ...]:
    """The regions of the catalogue in the settings' database."""
    database = Database(settings.database_url)
    try:
        return (await Queries(database).catalogue()).regions
    finally:
        await database.close()


def _update(definition: Schedule, current: ScheduleUpdateInput) -> ScheduleUpdate:
    definition.state.paused = current.description.schedule.state.paused
    return ScheduleUpdate(schedule=definition)
