"""Workflow of the daily reconciliation: copy the gateway's payments, compare by page, report the differences.

It moves no money: a person decides on a difference (payments.md section 3).
"""

from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.types import MethodAsyncSingleParam

from messages.ids import new_id
from messages.reconciliation import (
    BeginReconciliation,
    CompareSubjects,
    CopyPayments,
    FinishReconciliation,
    Progress,
    Reconcile,
    Reconciled,
    Reconciliation,
)
from messages.search import CLAIM_ATTENTION
from workflows.parts.activity_calls import RequestT, ResultT, Self_

PAGE_SIZE: Final = 200
BOOKING_DELAY: Final = timedelta(seconds=5)
"""How long payments in flight get to reach the ledger before the comparison."""
_RETRY: Final = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=2))


@workflow.defn
class ReconcilePayments:
    """Compare gateway, ledger, claims and workflows as at one moment, and write a report."""

    def __init__(self) -> None:
        self._progress = "begins"

    @workflow.query
    def progress(self) -> str:
        """The progress so far, in words."""
        return self._progress

    @workflow.run
    async def run(self, request: Reconcile) -> Reconciled:
        # It is the same for every run of the chain, so that a run continues the report of the run before it.
        own = new_id("rec", f"{workflow.info().workflow_id}:{workflow.info().first_execution_run_id}")
        reconciliation_id = request.reconciliation_id or own
        at = request.progress or await self._begin(reconciliation_id)
        if at.copying:
            at = await self._copy(reconciliation_id, at)
            # Payments in flight when the gateway was read must reach the ledger first.
            await workflow.sleep(BOOKING_DELAY, summary="let payments under way be booked")
        await self._compare(reconciliation_id, at)
        finish = FinishReconciliation(reconciliation_id=reconciliation_id, at=workflow.now())
        done = await self._step(Reconciliation.finish_reconciliation, finish, "check the ledger's sums and count")
        if done.by_code:
            workflow.upsert_search_attributes([CLAIM_ATTENTION.value_set(sorted(done.by_code))])
        counts = ", ".join(f"{code}: {number}" for code, number in done.by_code.items())
        self._report(f"{_findings(done.findings)} in {done.payments_checked} payments. {counts}".strip())
        return done

    async def _begin(self, reconciliation_id: str) -> Progress:
        now: datetime = workflow.now()
        begin = BeginReconciliation(reconciliation_id=reconciliation_id, at=now)
        begun = await self._step(Reconciliation.begin_reconciliation, begin, "begin")
        return Progress(began_at=now, mark=begun.mark, copied=0, copying=True, after=None)

    async def _copy(self, reconciliation_id: str, at: Progress) -> Progress:
        while True:
            request = CopyPayments(reconciliation_id=reconciliation_id, after=at.after, size=PAGE_SIZE)
            page = await self._step(
                Reconciliation.copy_payments, request, f"copy payments after {at.after or 'the first'}"
            )
            copied = at.copied + page.copied
            at = at.model_copy(update={"copied": copied, "after": page.next, "copying": page.next is not None})
            self._report(f"{copied} payments copied")
            if page.next is None:
                return at
            self._continue_as_new_if_suggested(reconciliation_id, at)

    async def _compare(self, reconciliation_id: str, at: Progress) -> None:
        compared = found = 0
        while True:
            request = CompareSubjects(
                reconciliation_id=reconciliation_id, at=at.began_at, mark=at.mark, after=at.after, size=PAGE_SIZE
            )
            page = await self._step(
                Reconciliation.compare_subjects, request, f"compare after {at.after or 'the beginning'}"
            )
            compared, found = compared + page.compared, found + page.findings
            self._report(f"{at.copied} payments copied, {compared} claims and purchases compared: {_findings(found)}")
            if page.next is None:
                return
            at = at.model_copy(update={"after": page.next})
            self._continue_as_new_if_suggested(reconciliation_id, at)

    def _continue_as_new_if_suggested(self, reconciliation_id: str, at: Progress) -> None:
        """Continue as new, so that the history does not grow with the number of payments."""
        if workflow.info().is_continue_as_new_suggested():
            workflow.continue_as_new(Reconcile(reconciliation_id=reconciliation_id, progress=at))

    def _report(self, text: str) -> None:
        self._progress = text
        workflow.set_current_details(text)

    async def _step(
        self, method: MethodAsyncSingleParam[Self_, RequestT, ResultT], request: RequestT, summary: str
    ) -> ResultT:
        return await workflow.execute_activity_method(
            method, request, start_to_close_timeout=timedelta(minutes=10), retry_policy=_RETRY, summary=summary
        )


def _findings(number: int) -> str:
    return f"{number} finding{'' if number == 1 else 's'}"
