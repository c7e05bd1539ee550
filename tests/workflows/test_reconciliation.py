"""The daily reconciliation on the real server: page by page, with a bounded history, once a day."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.reconciliation import FindingCode
from messages.reconciliation import CompareSubjects, Reconcile, Reconciled, SubjectsCompared
from messages.search import CLAIM_ATTENTION
from temporal_runtime.schedules import RECONCILIATION, reconciliation_schedule, set_up_schedules
from tests.fakes.reconciliation import FakeReconciliation
from tests.server import CONTINUE_AS_NEW_EVENTS
from workflows.reconciliation import ReconcilePayments

CODE = FindingCode


def methods(reconciling: FakeReconciliation) -> list[Callable[..., Any]]:
    return [
        reconciling.begin_reconciliation,
        reconciling.copy_payments,
        reconciling.compare_subjects,
        reconciling.finish_reconciliation,
    ]


async def reconciled(client: Client, reconciling: FakeReconciliation) -> tuple[Reconciled, WorkflowHandle[Any, Any]]:
    queue = f"q-{uuid4()}"
    async with Worker(client, task_queue=queue, workflows=[ReconcilePayments], activities=methods(reconciling)):
        handle = await client.start_workflow(ReconcilePayments.run, Reconcile(), id=f"rec-{uuid4()}", task_queue=queue)
        done = await handle.result()
        assert await handle.query(ReconcilePayments.progress)
    return done, handle


async def test_it_copies_every_page_and_then_compares_every_page(temporal: WorkflowEnvironment) -> None:
    reconciling = FakeReconciliation(payment_pages=3, subject_pages=2)
    done, _ = await reconciled(temporal.client, reconciling)
    assert [request.after for request in reconciling.copied] == [None, "1", "2"]
    assert [(request.after, request.mark) for request in reconciling.compared] == [(None, 7), ("1", 7)]
    (begun,) = reconciling.begun
    assert {request.at for request in reconciling.compared} == {begun.at}
    ids = {request.reconciliation_id for request in reconciling.copied}
    ids |= {request.reconciliation_id for request in reconciling.compared}
    assert ids == {done.reconciliation_id, begun.reconciliation_id}
    assert (done.payments_checked, done.findings) == (2, 0)


async def test_payments_in_flight_may_be_booked_before_it_compares(temporal: WorkflowEnvironment) -> None:
    reconciling = FakeReconciliation()
    _, handle = await reconciled(temporal.client, reconciling)
    kinds = [event.event_type for event in (await handle.fetch_history()).events]
    timers = [place for place, kind in enumerate(kinds) if kind == 17]  # EVENT_TYPE_TIMER_STARTED
    scheduled = [place for place, kind in enumerate(kinds) if kind == 10]  # EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    assert len(timers) == 1
    assert len([place for place in scheduled if place < timers[0]]) == 1 + reconciling.payment_pages


async def test_findings_are_seen_in_temporals_list(temporal: WorkflowEnvironment) -> None:
    found = (CODE.TWO_LIVE_HOLDS, CODE.HOLD_WITHOUT_WORKFLOW, CODE.TWO_LIVE_HOLDS)
    done, handle = await reconciled(temporal.client, FakeReconciliation(found=found))
    assert done.by_code == {CODE.TWO_LIVE_HOLDS: 2, CODE.HOLD_WITHOUT_WORKFLOW: 1}
    attributes = (await handle.describe()).typed_search_attributes
    assert attributes[CLAIM_ATTENTION] == ["hold_without_workflow", "two_live_holds"]


async def test_a_run_without_findings_has_no_flags(temporal: WorkflowEnvironment) -> None:
    _, handle = await reconciled(temporal.client, FakeReconciliation())
    assert (await handle.describe()).typed_search_attributes.get(CLAIM_ATTENTION) is None


async def test_the_history_does_not_grow_with_the_payments(temporal: WorkflowEnvironment) -> None:
    """More pages than one history should hold: the run continues as new, with the same report."""
    reconciling = FakeReconciliation(payment_pages=220, subject_pages=220)
    done, handle = await reconciled(temporal.client, reconciling)
    first = await handle.describe()
    chain = temporal.client.get_workflow_handle(handle.id)
    latest = await chain.describe()
    assert latest.run_id != first.raw_description.workflow_execution_info.first_run_id
    assert len(reconciling.begun) == 1
    assert [request.after for request in reconciling.copied] == [None, *map(str, range(1, 220))]
    assert [request.after for request in reconciling.compared] == [None, *map(str, range(1, 220))]
    assert {request.reconciliation_id for request in reconciling.compared} == {done.reconciliation_id}
    assert (await chain.fetch_history()).events[-1].event_id < 3 * CONTINUE_AS_NEW_EVENTS


class FailsOnce(FakeReconciliation):
    failed = False

    @activity.defn
    async def compare_subjects(self, request: CompareSubjects) -> SubjectsCompared:
        if not self.failed:
            self.failed = True
            raise RuntimeError("the gateway is away")
        return await super().compare_subjects(request)


async def test_an_outage_is_retried(temporal: WorkflowEnvironment) -> None:
    reconciling = FailsOnce()
    done, _ = await reconciled(temporal.client, reconciling)
    assert reconciling.failed
    assert done.findings == 0


async def test_the_schedule_runs_it_daily_at_five(temporal: WorkflowEnvironment) -> None:
    queue = f"q-{uuid4()}"
    done = await set_up_schedules(temporal.client, [], queue)
    assert set(done) == {RECONCILIATION}
    handle = temporal.client.get_schedule_handle(RECONCILIATION)
    description = await handle.describe()
    upcoming = [moment.astimezone(UTC) for moment in description.info.next_action_times[:3]]
    assert {(moment.hour, moment.minute) for moment in upcoming} == {(5, 0)}
    assert len({moment.date() for moment in upcoming}) == 3
    assert reconciliation_schedule(queue).policy == description.schedule.policy
    reconciling = FakeReconciliation()
    async with Worker(
        temporal.client, task_queue=queue, workflows=[ReconcilePayments], activities=methods(reconciling)
    ):
        await handle.trigger()
        for _ in range(400):
            if reconciling.finished:
                break
            await asyncio.sleep(0.05)
    assert len(reconciling.finished) == 1
    assert reconciling.begun[0].at <= datetime.now(UTC)
    await handle.delete()
