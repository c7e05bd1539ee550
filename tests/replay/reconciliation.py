"""Every way the daily reconciliation can go."""

import uuid
from collections.abc import Callable
from typing import Any

from temporalio.worker import Worker

from domain.reconciliation import FindingCode
from messages.reconciliation import Reconcile
from tests.fakes.reconciling import FakeReconciling
from tests.replay.stories import story
from tests.workflows.conftest import World
from workflows.reconciliation import ReconcilePayments

KIND = "ReconcilePayments"


async def reconciled(world: World, reconciling: FakeReconciling) -> str:
    workflow_id, queue = f"rec-{uuid.uuid4()}", world.task_queue
    activities: list[Callable[..., Any]] = [
        reconciling.begin_reconciliation,
        reconciling.copy_payments,
        reconciling.compare_subjects,
        reconciling.finish_reconciliation,
    ]
    async with Worker(world.client, task_queue=queue, workflows=[ReconcilePayments], activities=activities):
        await world.client.execute_workflow(ReconcilePayments.run, Reconcile(), id=workflow_id, task_queue=queue)
    return workflow_id


@story(KIND, worker=False)
async def clean(world: World) -> str:
    return await reconciled(world, FakeReconciling())


@story(KIND, worker=False)
async def with_findings(world: World) -> str:
    return await reconciled(world, FakeReconciling(found=(FindingCode.HOLD_WITHOUT_WORKFLOW,)))
