"""Every way the daily reconciliation can go."""

import uuid
from collections.abc import Callable
from typing import Any

from temporalio.worker import Worker

from domain.reconciliation import FindingCode
from messages.reconciliation import Reconcile
from tests.fakes.reconciliation import FakeReconciliation
from tests.replay.scenario import scenario
from tests.workflows.world import World
from workflows.reconciliation import ReconcilePayments

WORKFLOW = "ReconcilePayments"


async def reconciled(world: World, reconciling: FakeReconciliation) -> str:
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


@scenario(WORKFLOW, worker=False)
async def clean(world: World) -> str:
    return await reconciled(world, FakeReconciliation())


@scenario(WORKFLOW, worker=False)
async def with_findings(world: World) -> str:
    return await reconciled(world, FakeReconciliation(found=(FindingCode.HOLD_WITHOUT_WORKFLOW,)))
