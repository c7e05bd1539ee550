"""Activities: the daily reconciliation. It reads the gateway, the database and the workflow engine, and changes none
of them but its own report. What must agree is `domain.reconciliation`'s to say."""

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

from activities.gateway import Gateway, Payment
from domain.reconciliation import CODES, Finding
from domain.reconciliation_rules import Process, Subject, findings, parked, unbalanced, wants_process
from messages.reconciliation import (
    BeginReconciliation,
    CompareSubjects,
    CopyPayments,
    FinishReconciliation,
    PaymentsCopied,
    Reconciled,
    ReconciliationBegun,
    Reconciling,
    SubjectsCompared,
)
from store import ledger_book
from store.database import Database
from store.reconciliation_tables import FindingRow, SeenPaymentRow
from store.reconciliation_view import subject_page
from store.webhooks import parked_events
from store.writes import reconciliation as book

AT_ONCE: Final = 8
"""How many processes are asked about at the same time."""
PARKED_FOR: Final = timedelta(days=7)
"""How long a parked webhook is reported: whoever reads the report once a week has seen it."""
_MOST_UNBALANCED: Final = 1000

_ENDED: Final = {
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED: Process.COMPLETED,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED: Process.FAILED,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CANCELED: Process.CANCELLED,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED: Process.TERMINATED,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TIMED_OUT: Process.TIMED_OUT,
}
"""Whatever else a process may be (running, paused, going on as a new run), it is there."""


class Processes(ABC):
    """Who knows what has become of the processes."""

    @abstractmethod
    async def state(self, workflow_id: str) -> Process:
        """What the latest run of `workflow_id` is doing."""


class TemporalProcesses(Processes):
    """Asks the Temporal server of the worker that runs the activity."""

    async def state(self, workflow_id: str) -> Process:
        client = activity.client()
        request = DescribeWorkflowExecutionRequest(
            namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
        )
        try:
            described = await client.workflow_service.describe_workflow_execution(request)
        except RPCError as error:
            # An id that no workflow can have is nobody's either.
            if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT):
                return Process.NOT_FOUND
            raise
        return _ENDED.get(described.workflow_execution_info.status, Process.RUNNING)


class DatabaseReconciliation(Reconciling):
    """Compares `gateway` with the ledger and claims in `database` and with what `processes` says of live holds.

    The gateway's payments are copied beside the ledger first, so that a page of subjects is compared by a few queries
    whatever the gateway is.
    """

    def __init__(self, database: Database, gateway: Gateway, processes: Processes) -> None:
        self._database = database
        self._gateway = gateway
        self._processes = processes

    @activity.defn
    async def begin_reconciliation(self, ask: BeginReconciliation) -> ReconciliationBegun:
        async with self._database.writing() as session:
            return ReconciliationBegun(mark=await book.begin(session, ask.reconciliation_id, ask.at))

    @activity.defn
    async def copy_payments(self, ask: CopyPayments) -> PaymentsCopied:
        page = await self._gateway.page(ask.after, limit=ask.size)
        async with self._database.writing() as session:
            await book.saw(session, ask.reconciliation_id, (_row(ask.reconciliation_id, each) for each in page))
        return PaymentsCopied(copied=len(page), next=page[-1].id if page else None)

    @activity.defn
    async def compare_subjects(self, ask: CompareSubjects) -> SubjectsCompared:
        async with self._database.reading() as session:
            page = await subject_page(session, ask.reconciliation_id, ask.mark, ask.after, ask.size)
        gate = asyncio.Semaphore(AT_ONCE)

        async def with_process(subject: Subject) -> Subject:
            if not wants_process(subject, ask.at):
                return subject
            async with gate:
                return replace(subject, process=await self._processes.state(subject.id))

        subjects = await asyncio.gather(*map(with_process, page.subjects))
        differ = [finding for subject in subjects for finding in findings(subject, ask.at)]
        await self._write_down(ask.reconciliation_id, differ)
        return SubjectsCompared(compared=page.looked_at, findings=len(differ), next=page.next)

    @activity.defn
    async def finish_reconciliation(self, ask: FinishReconciliation) -> Reconciled:
        async with self._database.reading() as session:
            wrong = await ledger_book.unbalanced(session, _MOST_UNBALANCED)
            unheard = await parked_events(session, ask.at - PARKED_FOR)
        await self._write_down(
            ask.reconciliation_id,
            [
                *(unbalanced(each.subject, each.key, each.off_by) for each in wrong),
                *(parked(each.source, each.event_id, each.kind, each.subject, each.payment_id) for each in unheard),
            ],
        )
        async with self._database.writing() as session:
            run = await book.finish(session, ask.reconciliation_id, ask.at)
            codes = select(FindingRow.code, func.count()).where(FindingRow.reconciliation_id == ask.reconciliation_id)
            by_code = Counter(dict((await session.exec(codes.group_by(col(FindingRow.code)))).all()))
        return Reconciled(
            reconciliation_id=run.id,
            payments_checked=run.payments_checked,
            holds_live=run.holds_live,
            findings=run.findings,
            by_code={code: by_code[code] for code in CODES if by_code[code]},
        )

    async def _write_down(self, reconciliation_id: str, differ: Sequence[Finding]) -> None:
        if differ:
            async with self._database.writing() as session:
                await book.found(session, reconciliation_id, differ)


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
