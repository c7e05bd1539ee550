"""Payments, claims and the reconciliation over one database, for the tests of the reconciliation."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from activities.payments.activities import GatewayPayments
from activities.payments.simulated.gateway import SimulatedGateway
from activities.reconciliation import DatabaseReconciliation
from domain.claim import Claim, Hold
from domain.kinds import ClaimState
from domain.money import Money
from messages.payments import HoldPlaced
from messages.reconciliation import (
    BeginReconciliation,
    CompareSubjects,
    CopyPayments,
    FinishReconciliation,
    Reconciled,
)
from store.database import Database
from store.reads.reconciliation import Report, report
from store.writes.payment_attempts import Attempt, Purpose, ResponseJson, open_attempt, record_response
from tests.fakes.workflow_states import FakeWorkflowStates
from tests.payments.requests import a_charge, a_hold
from tests.store.programme import NOW as OPENED
from tests.store.programme import Programme

FEE, HOLD = Money(15_900, "USD"), Money(164_000, "USD")


AT = OPENED + timedelta(days=2)


RUN = "rec_1"


@dataclass
class ReconciliationHarness:
    """Payments, claims and the reconciliation over one database, with a claim's clock at `OPENED`."""

    database: Database
    payments: GatewayPayments
    gateway: SimulatedGateway
    programme: Programme
    workflow_states: FakeWorkflowStates = field(default_factory=FakeWorkflowStates)

    def __post_init__(self) -> None:
        self.reconciling = DatabaseReconciliation(self.database, self.gateway, self.workflow_states)

    async def hold(self, subject: str, number: int = 0) -> HoldPlaced:
        result = await self.payments.authorize_hold(
            a_hold(subject=subject, key=f"{subject}:authorize:{number}", at=OPENED, ordinal=number)
        )
        assert isinstance(result, HoldPlaced)
        return result

    async def charge(self, subject: str) -> None:
        await self.payments.charge_card(a_charge(subject=subject, key=f"{subject}:fee", at=OPENED))

    async def claim(self, subject: str, hold: Hold | None, **changes: object) -> Claim:
        """A Premium claim awaiting the return, as its process last saved it."""
        serial = await self.programme.device(f"SN-{subject}")
        reserved = await self.programme.reserve(self.programme.reservation(serial, claim_id=subject))
        opened = replace(reserved.claim, state=ClaimState.AWAITING_RETURN, hold=hold)
        claim = replace(opened, **changes)  # type: ignore[arg-type]
        await self.programme.save(claim)
        return claim

    async def in_force(self, subject: str) -> HoldPlaced:
        """A claim with its hold and fee, as all of them should be."""
        placed = await self.hold(subject)
        await self.charge(subject)
        await self.claim(subject, placed.hold)
        return placed

    async def reconcile(self, name: str = RUN, *, size: int = 200, at: datetime = AT) -> Reconciled:
        await self.copy(name, size=size, at=at)
        return await self.compare(name, size=size, at=at)

    async def copy(self, name: str = RUN, *, size: int = 200, at: datetime = AT) -> None:
        await self.reconciling.begin_reconciliation(BeginReconciliation(reconciliation_id=name, at=at))
        copy = CopyPayments(reconciliation_id=name, after=None, size=size)
        while (done := await self.reconciling.copy_payments(copy)).next is not None:
            copy = copy.model_copy(update={"after": done.next})

    async def compare(self, name: str = RUN, *, size: int = 200, at: datetime = AT) -> Reconciled:
        begun = await self.reconciling.begin_reconciliation(BeginReconciliation(reconciliation_id=name, at=at))
        request = CompareSubjects(reconciliation_id=name, at=at, mark=begun.mark, after=None, size=size)
        while (done := await self.reconciling.compare_subjects(request)).next is not None:
            request = request.model_copy(update={"after": done.next})
        return await self.reconciling.finish_reconciliation(FinishReconciliation(reconciliation_id=name, at=at))

    async def report(self, name: str = RUN) -> Report:
        async with self.database.snapshot() as session:
            found = await report(session, name)
        assert found is not None
        return found

    async def book(self, write: Callable[..., Awaitable[None]], *arguments: object) -> None:
        """Book a payment that the gateway does not have, with an attempt under its key, so that only this differs.

        `arguments` begin with the subject and the key.
        """
        subject, key = map(str, arguments[:2])
        await self.attempt(subject, key, "refund", {"result": "refused", "state": "captured"})
        async with self.database.transaction() as session:
            await write(session, *arguments)

    async def attempt(
        self,
        subject: str,
        key: str,
        purpose: Purpose = "charge",
        result: ResponseJson | None = None,
        *,
        acts_on: str = "",
        sent_at: datetime = OPENED,
    ) -> None:
        """A recorded attempt, and its result."""
        async with self.database.transaction() as session:
            await open_attempt(session, Attempt(key, subject, purpose, acts_on, FEE, "fingerprint"), sent_at)
            if result is not None:
                await record_response(session, key, result, sent_at)

    async def set_claim(self, subject: str, hold: Hold, **changes: object) -> None:
        claim = await self.programme.queries.claim(subject)
        assert claim is not None
        changed = replace(claim, hold=hold, **changes)  # type: ignore[arg-type]
        await self.programme.save(changed, 2)
