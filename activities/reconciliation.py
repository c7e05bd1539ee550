"""Activities: the daily reconciliation. It reads the gateway, the database and the Temporal server, and writes only its
own report. `domain.reconciliation` decides what must agree."""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from sqlmodel import col, func, select
from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.service import RPCError, RPCStatusCode

from activities.payments.gateway import Gateway, Payment
from domain.reconciliation import CODES, Finding
from domain.reconciliation_rules import Subject, WorkflowStatus, findings, has_live_hold, parked, unbalanced
from messages.reconciliation import (
    BeginReconciliation,
    CompareSubjects,
    CopyPayments,
    FinishReconciliation,
    PaymentsCopied,
    Reconciled,
    Reconciliation,
    ReconciliationBegun,
    SubjectsCompared,
)
from store.database import Database
from store.reads import ledger_export
from store.reads.reconciliation import subject_page
from store.tables.reconciliation import FindingRow, SeenPaymentRow
from store.webhook_events import parked_events
from store.writes.reconciliation import finish_run, record_findings, record_payments, start_run

CONCURRENCY: Final = 8
"""How many workflows are described at the same time."""
PARKED_FOR: Final = timedelta(days=7)
"""How long a parked webhook is reported: a weekly reader of the report sees it."""
_UNBALANCED_LIMIT: Final = 1000

_ENDED: Final = {
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED: WorkflowStatus.COMPLETED,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED: WorkflowStatus.FAILED,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CANCELED: WorkflowStatus.CANCELLED,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED: WorkflowStatus.TERMINATED,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TIMED_OUT: WorkflowStatus.TIMED_OUT,
}
"""Every other status (running, paused, continued as new) counts as running."""


class WorkflowStates(ABC):
    """Reads the states of workflows."""

    @abstractmethod
    async def state(self, workflow_id: str) -> WorkflowStatus:
        """The state of the latest run of `workflow_id`."""


class TemporalWorkflowStates(WorkflowStates):
    """Reads from the Temporal server of the worker that runs the activity."""

    async def state(self, workflow_id: str) -> WorkflowStatus:
        client = activity.client()
        request = DescribeWorkflowExecutionRequest(
            namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
        )
        try:
            described = await client.workflow_service.describe_workflow_execution(request)
        except RPCError as error:
            # An invalid workflow id belongs to no workflow either.
            if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT):
                return WorkflowStatus.NOT_FOUND
            raise
        return _ENDED.get(described.workflow_execution_info.status, WorkflowStatus.RUNNING)


class DatabaseReconciliation(Reconciliation):
    """Compares `gateway` with the ledger and claims in `database`, and live holds with `workflow_states`.

    The gateway's payments are copied into the database first, so that a page of subjects is compared by a few queries.
    """

    def __init__(self, database: Database, gateway: Gateway, workflow_states: WorkflowStates) -> None:
        self._database = database
        self._gateway = gateway
        self._workflow_states = workflow_states

    @activity.defn
    async def begin_reconciliation(self, request: BeginReconciliation) -> ReconciliationBegun:
        async with self._database.transaction() as session:
            return ReconciliationBegun(mark=await start_run(session, request.reconciliation_id, request.at))

    @activity.defn
    async def copy_payments(self, request: CopyPayments) -> PaymentsCopied:
        page = await self._gateway.page(request.after, limit=request.size)
        async with self._database.transaction() as session:
            await record_payments(
                session, request.reconciliation_id, (_row(request.reconciliation_id, each) for each in page)
            )
        return PaymentsCopied(copied=len(page), next=page[-1].id if page else None)

    @activity.defn
    async def compare_subjects(self, request: CompareSubjects) -> SubjectsCompared:
        async with self._database.snapshot() as session:
            page = await subject_page(session, request.reconciliation_id, request.mark, request.after, request.size)
        limit = asyncio.Semaphore(CONCURRENCY)

        async def with_workflow_state(subject: Subject) -> Subject:
            if not has_live_hold(subject, request.at):
                return subject
            async with limit:
                return replace(subject, workflow_status=await self._workflow_states.state(subject.id))

        subjects = await asyncio.gather(*map(with_workflow_state, page.subjects))
        found = [finding for subject in subjects for finding in findings(subject, request.at)]
        await self._save(request.reconciliation_id, found)
        return SubjectsCompared(compared=page.looked_at, findings=len(found), next=page.next)

    @activity.defn
    async def finish_reconciliation(self, request: FinishReconciliation) -> Reconciled:
        async with self._database.snapshot() as session:
            imbalances = await ledger_export.unbalanced(session, _UNBALANCED_LIMIT)
            parked_webhooks = await parked_events(session, request.at - PARKED_FOR)
        await self._save(
            request.reconciliation_id,
            [
                *(unbalanced(each.subject, each.key, each.off_by) for each in imbalances),
                *(
                    parked(each.source, each.event_id, each.kind, each.subject, each.payment_id)
                    for each in parked_webhooks
                ),
            ],
        )
        async with self._database.transaction() as session:
            run = await finish_run(session, request.reconciliation_id, request.at)
            codes = select(FindingRow.code, func.count()).where(
                FindingRow.reconciliation_id == request.reconciliation_id
            )
            by_code = Counter(dict((await session.exec(codes.group_by(col(FindingRow.code)))).all()))
        return Reconciled(
            reconciliation_id=run.id,
            payments_checked=run.payments_checked,
            holds_live=run.holds_live,
            findings=run.findings,
            by_code={code: by_code[code] for code in CODES if by_code[code]},
        )

    async def _save(self, reconciliation_id: str, found: Sequence[Finding]) -> None:
        if found:
            async with self._database.transaction() as session:
                await record_findings(session, reconciliation_id, found)


def _row(reconciliation_id: str, payment: Payment) -> SeenPaymentRow:
    return SeenPaymentRow(
        reconciliation_id=reconciliation_id,
        payment_id=payment.id,
        subject=payment.subject,
        reference=payment.reference,
        kind=payment.kind,
        status=payment.status,
        currency=payment.amount.currency,
        amount=payment.amount.amount,
        captured=payment.captured.amount,
        refunded=payment.refunded.amount,
        capture_before=payment.capture_before,
    )
