"""Workflows: the daily reconciliation: copy the gateway's payments, compare everybody page by page, say what differs.

It moves nothing: a difference is for a person to judge (payments.md section 3).
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
    Reconciling,
)
from messages.search import CLAIM_ATTENTION
from workflows.parts.activity_calls import RequestT, ResultT, Self_

PAGE_SIZE: Final = 200
SETTLING: Final = timedelta(seconds=5)
"""What the gateway had done when it was looked at is booked by then, unless something is wrong."""
_RETRY: Final = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=2))


@workflow.defn
class ReconcilePayments:
    """Compare gateway, ledger, claims and processes as at one moment, and leave a report."""

    def __init__(self) -> None:
        self._said = "begins"

    @workflow.query
    def progress(self) -> str:
        """How far it has come, for the person who waits for it."""
        return self._said

    @workflow.run
    async def run(self, ask: Reconcile) -> Reconciled:
        # The same for every run of the chain, so that one goes on with the report of the one before it.
        own = new_id("rec", f"{workflow.info().workflow_id}:{workflow.info().first_execution_run_id}")
        name = ask.reconciliation_id or own
        at = ask.progress or await self._begin(name)
        if at.copying:
            at = await self._copy(name, at)
            # Long enough for what was under way when the gateway was asked to be in the ledger.
            await workflow.sleep(SETTLING, summary="let payments under way be booked")
        await self._compare(name, at)
        finish = FinishReconciliation(reconciliation_id=name, at=workflow.now())
        done = await self._step(Reconciling.finish_reconciliation, finish, "check the ledger's sums and count")
        if done.by_code:
            workflow.upsert_search_attributes([CLAIM_ATTENTION.value_set(sorted(done.by_code))])
        counts = ", ".join(f"{code}: {number}" for code, number in done.by_code.items())
        self._say(f"{_findings(done.findings)} in {done.payments_checked} payments. {counts}".strip())
        return done

    async def _begin(self, name: str) -> Progress:
        now: datetime = workflow.now()
        begin = BeginReconciliation(reconciliation_id=name, at=now)
        begun = await self._step(Reconciling.begin_reconciliation, begin, "begin")
        return Progress(began_at=now, mark=begun.mark, copied=0, copying=True, after=None)

    async def _copy(self, name: str, at: Progress) -> Progress:
        while True:
            ask = CopyPayments(reconciliation_id=name, after=at.after, size=PAGE_SIZE)
            page = await self._step(Reconciling.copy_payments, ask, f"copy payments after {at.after or 'the first'}")
            copied = at.copied + page.copied
            at = at.model_copy(update={"copied": copied, "after": page.next, "copying": page.next is not None})
            self._say(f"{copied} payments copied")
            if page.next is None:
                return at
            self._go_on_as_a_new_run(name, at)

    async def _compare(self, name: str, at: Progress) -> None:
        compared = found = 0
        while True:
            ask = CompareSubjects(reconciliation_id=name, at=at.began_at, mark=at.mark, after=at.after, size=PAGE_SIZE)
            page = await self._step(Reconciling.compare_subjects, ask, f"compare after {at.after or 'the beginning'}")
            compared, found = compared + page.compared, found + page.findings
            self._say(f"{at.copied} payments copied, {compared} claims and purchases compared: {_findings(found)}")
            if page.next is None:
                return
            at = at.model_copy(update={"after": page.next})
            self._go_on_as_a_new_run(name, at)

    def _go_on_as_a_new_run(self, name: str, at: Progress) -> None:
        """No history grows with the number of payments."""
        if workflow.info().is_continue_as_new_suggested():
            workflow.continue_as_new(Reconcile(reconciliation_id=name, progress=at))

    def _say(self, words: str) -> None:
        self._said = words
        workflow.set_current_details(words)

    async def _step(
        self, method: MethodAsyncSingleParam[Self_, RequestT, ResultT], ask: RequestT, summary: str
    ) -> ResultT:
        return await workflow.execute_activity_method(
            method, ask, start_to_close_timeout=timedelta(minutes=10), retry_policy=_RETRY, summary=summary
        )


def _findings(number: int) -> str:
    return f"{number} finding{'' if number == 1 else 's'}"
