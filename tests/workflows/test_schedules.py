"""The reminders' schedules on the real server: created once, kept paused, backfilled without a second mail."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import ScheduleBackfill, ScheduleOverlapPolicy
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.catalogue import Region
from domain.kinds import Category
from messages.renewals import PageReminded, RegionReminded, Reminder, RemindPage, RemindRegion, Renewals
from temporal_runtime.schedules import RECONCILIATION, schedule_id, set_up_schedules
from workflows.renewal_reminders import PAGES_A_RUN, RenewalReminders


def region(code: str) -> Region:
    return Region(
        code=code,
        name="Australia",
        currency="AUD",
        time_zone="Australia/Sydney",
        countries=("AU",),
        premium=False,
        window_days=10,
        purchase_hours={Category.DRONE: 48, Category.HANDHELD: 720},
    )


class FakeRenewals(Renewals):
    """Pages of one term each; records the requests."""

    def __init__(self, pages: int = 1) -> None:
        self.pages = pages
        self.requests: list[RemindPage] = []

    @activity.defn
    async def remind_page(self, request: RemindPage) -> PageReminded:
        self.requests.append(request)
        done = int(request.after or 0) + 1
        return PageReminded(
            as_of=request.as_of or request.scheduled_at.date(),
            next=None if done == self.pages else str(done),
            looked_at=1,
            sent=(Reminder(serial_number=f"SN{done}", kind="renewal_30"),),
        )


@pytest.fixture
def queue() -> str:
    return f"q-{uuid4()}"


async def test_a_run_reads_all_pages_and_continues_as_new(temporal: WorkflowEnvironment, queue: str) -> None:
    """R-NOT-1: no history grows with the number of customers."""
    renewals = FakeRenewals(pages=PAGES_A_RUN + 7)
    async with Worker(
        temporal.client, task_queue=queue, workflows=[RenewalReminders], activities=[renewals.remind_page]
    ):
        done: RegionReminded = await temporal.client.execute_workflow(
            RenewalReminders.run,
            RemindRegion(region="AU", as_of=date(2026, 11, 23)),
            id=f"run-{uuid4()}",
            task_queue=queue,
        )
    assert (done.sent, done.looked_at) == (PAGES_A_RUN + 7, PAGES_A_RUN + 7)
    assert {request.as_of for request in renewals.requests} == {date(2026, 11, 23)}


async def test_setting_up_twice_updates_and_keeps_a_pause(temporal: WorkflowEnvironment, queue: str) -> None:
    code = f"A{uuid4().hex[:6]}"
    done = await set_up_schedules(temporal.client, [region(code)], queue)
    assert done[schedule_id(code)] == "created"
    handle = temporal.client.get_schedule_handle(schedule_id(code))
    await handle.pause(note="holidays")
    done = await set_up_schedules(temporal.client, [region(code)], queue)
    assert done == {RECONCILIATION: "updated", schedule_id(code): "updated"}
    description = await handle.describe()
    assert description.schedule.state.paused
    assert description.schedule.spec.time_zone_name == "Australia/Sydney"
    upcoming = description.info.next_action_times[0].astimezone(UTC)
    assert upcoming.hour in (22, 23)  # 09:00 in Sydney, summer or winter
    await handle.delete()


async def test_backfilled_days_are_run_as_those_days(temporal: WorkflowEnvironment, queue: str) -> None:
    """Two missed days are backfilled at once: each run has its own day."""
    code = f"B{uuid4().hex[:6]}"
    renewals = FakeRenewals()
    await set_up_schedules(temporal.client, [region(code)], queue)
    handle = temporal.client.get_schedule_handle(schedule_id(code))
    async with Worker(
        temporal.client, task_queue=queue, workflows=[RenewalReminders], activities=[renewals.remind_page]
    ):
        end = datetime(2026, 11, 20, 12, tzinfo=UTC)
        await handle.backfill(
            ScheduleBackfill(start_at=end - timedelta(days=2), end_at=end, overlap=ScheduleOverlapPolicy.BUFFER_ALL)
        )
        await handle.trigger(overlap=ScheduleOverlapPolicy.BUFFER_ALL)
        for _ in range(300):
            if len(renewals.requests) >= 3:
                break
            await asyncio.sleep(0.05)
    nominal = sorted(request.scheduled_at for request in renewals.requests)
    assert nominal[:2] == [datetime(2026, 11, 18, 22, tzinfo=UTC), datetime(2026, 11, 19, 22, tzinfo=UTC)]
    assert len(nominal) == 3
    await handle.delete()
