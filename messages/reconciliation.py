"""Messages: the daily comparison of gateway, ledger, claims and workflows, a page at a time. It moves nothing."""

from abc import ABC, abstractmethod
from datetime import datetime

from temporalio import activity

from domain.reconciliation import Code
from messages.base import Message


class Progress(Message):
    """The progress of a run that continues as new: copied or compared up to and including `after`."""

    began_at: datetime
    mark: int
    copied: int
    copying: bool
    after: str | None


class Reconcile(Message):
    """Reconcile as the `reconciliation_id`, None for one named after the run itself; `progress` None to begin."""

    reconciliation_id: str | None = None
    progress: Progress | None = None


class BeginReconciliation(Message):
    """Record that a run begins; `at` is the moment of all its comparisons."""

    reconciliation_id: str
    at: datetime


class ReconciliationBegun(Message):
    """`mark` is the ledger's last line at `at`: later lines are left for the next run."""

    mark: int


class CopyPayments(Message):
    """Copy up to `size` of the gateway's payments after the payment `after`."""

    reconciliation_id: str
    after: str | None
    size: int


class PaymentsCopied(Message):
    """`next` is where to continue, None when there were no more."""

    copied: int
    next: str | None


class CompareSubjects(Message):
    """Compare up to `size` claims and purchases after the subject `after`."""

    reconciliation_id: str
    at: datetime
    mark: int
    after: str | None
    size: int


class SubjectsCompared(Message):
    """`next` is where to continue, None at the end. `findings` counts what differs on this page."""

    compared: int
    findings: int
    next: str | None


class FinishReconciliation(Message):
    """Check the ledger as a whole and close the run, at `at`."""

    reconciliation_id: str
    at: datetime


class Reconciled(Message):
    """The whole run. `by_code` counts the findings by code, for those that occur."""

    reconciliation_id: str
    payments_checked: int
    holds_live: int
    findings: int
    by_code: dict[Code, int]


class Reconciliation(ABC):
    """Compares and records the differences. It never changes gateway, ledger or claim.

    Every method may be retried with the same message and then changes nothing more.
    """

    @activity.defn
    @abstractmethod
    async def begin_reconciliation(self, request: BeginReconciliation) -> ReconciliationBegun: ...

    @activity.defn
    @abstractmethod
    async def copy_payments(self, request: CopyPayments) -> PaymentsCopied: ...

    @activity.defn
    @abstractmethod
    async def compare_subjects(self, request: CompareSubjects) -> SubjectsCompared: ...

    @activity.defn
    @abstractmethod
    async def finish_reconciliation(self, request: FinishReconciliation) -> Reconciled: ...
