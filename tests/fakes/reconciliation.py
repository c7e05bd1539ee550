"""A fake of the reconciliation activities: prepared pages of payments and subjects, with findings."""

from collections import Counter

from temporalio import activity

from domain.reconciliation import Code
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


class FakeReconciliation(Reconciliation):
    """Each page but the last has one payment or one subject; `found` are the findings of the whole."""

    def __init__(self, payment_pages: int = 2, subject_pages: int = 2, found: tuple[Code, ...] = ()) -> None:
        self.payment_pages = payment_pages
        self.subject_pages = subject_pages
        self.found = found
        self.begun: list[BeginReconciliation] = []
        self.copied: list[CopyPayments] = []
        self.compared: list[CompareSubjects] = []
        self.finished: list[FinishReconciliation] = []

    @activity.defn
    async def begin_reconciliation(self, request: BeginReconciliation) -> ReconciliationBegun:
        self.begun.append(request)
        return ReconciliationBegun(mark=7)

    @activity.defn
    async def copy_payments(self, request: CopyPayments) -> PaymentsCopied:
        self.copied.append(request)
        done = int(request.after or 0) + 1
        if done == self.payment_pages:
            return PaymentsCopied(copied=0, next=None)
        return PaymentsCopied(copied=1, next=str(done))

    @activity.defn
    async def compare_subjects(self, request: CompareSubjects) -> SubjectsCompared:
        self.compared.append(request)
        done = int(request.after or 0) + 1
        return SubjectsCompared(compared=1, findings=0, next=None if done == self.subject_pages else str(done))

    @activity.defn
    async def finish_reconciliation(self, request: FinishReconciliation) -> Reconciled:
        self.finished.append(request)
        return Reconciled(
            reconciliation_id=request.reconciliation_id,
            payments_checked=self.payment_pages - 1,
            holds_live=0,
            findings=len(self.found),
            by_code=dict(Counter(self.found)),
        )
