"""Messages: the daily comparison of gateway, ledger, claims and processes, a page at a time. It moves nothing."""

from abc import ABC, abstractmethod
from datetime import datetime

from temporalio import activity

from domain.reconciliation import Code
from messages.base import Message


class Progress(Message):
    """Where a run has come to when it goes on as a new one: copied or compared up to and with `after`."""

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
    """Note that a run begins; `at` is the moment everything is judged by."""

    reconciliation_id: str
    at: datetime


class ReconciliationBegun(Message):
    """`mark` is the ledger's last line then: what is booked later was moving, and is left for the next run."""

    mark: int


class CopyPayments(Message):
    """Copy up to `size` of the gateway's payments after the payment `after`."""

    reconciliation_id: str
    after: str | None
    size: int


class PaymentsCopied(Message):
    """`next` is where to go on, None when there were no more."""

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
    """`next` is where to go on, None at the end. `findings` counts what differs on this page."""

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


class Reconciling(ABC):
    """Compares and writes down what differs. Neither gateway nor ledger nor claim is ever changed by it.

    Every method may be called again with the same message and then changes nothing more.
    """

    @activity.defn
    @abstractmethod
    async def begin_reconciliation(self, ask: BeginReconciliation) -> ReconciliationBegun: ...

    @activity.defn
    @abstractmethod
    async def copy_payments(self, ask: CopyPayments) -> PaymentsCopied: ...

    @activity.defn
    @abstractmethod
    async def compare_subjects(self, ask: CompareSubjects) -> SubjectsCompared: ...

    @activity.defn
    @abstractmethod
    async def finish_reconciliation(self, ask: FinishReconciliation) -> Reconciled: ...
