"""Workflow part: whether gateway, ledger, claim and outcome agree on what the customer has paid."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from temporalio.exceptions import ActivityError

from domain.kinds import Attention
from domain.money import Money
from domain.outcome_sums import paid_by_outcome
from messages.claims import PaymentChanged
from messages.payments import Payments, PaymentsCompared
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.hold_requests import HoldRequests

_SUMMARY: Final = "compare the payments"


@dataclass
class PaymentCheckData:
    """`checked` is the outcome and the sums of the last comparison, `waiting`: the gateway has not answered it yet."""

    checked: str = ""
    waiting: bool = False


class PaymentCheck:
    """Compares, and flags a difference that nothing has flagged yet. It moves no money.

    `paid` returns what the claim's own requests have taken and not refunded, None when they have taken nothing.
    """

    def __init__(
        self,
        record: ClaimRecord,
        calls: ActivityCalls,
        paid: Callable[[], Money | None],
        data: PaymentCheckData | None = None,
    ) -> None:
        self._record = record
        self._calls = calls
        self._paid = paid
        self._data = data or PaymentCheckData()
        self._task: asyncio.Task[None] | None = None

    @property
    def data(self) -> PaymentCheckData:
        return self._data

    @property
    def due(self) -> bool:
        """Whether the claim is closed and has not been compared as it stands."""
        paid = self._paid()
        return paid is not None and self._record.closed and self._data.checked != self._state(paid)

    def heard(self, event: PaymentChanged) -> None:
        """Flag a dispute or a refund that has failed, and book what the gateway did."""
        if event.kind.startswith("charge.dispute."):
            self._record.flag(Attention.PAYMENT_DISPUTED)
        elif event.kind in ("refund.failed", "charge.refund.updated"):
            self._record.flag(Attention.PAYMENT_DIFFERS)
        else:
            return
        self._record.note("payment_event", f"The gateway reports {event.kind} of a payment.", event.payment_id)
        self.start()

    async def compare(self) -> None:
        """One attempt at once; when the gateway does not answer, the rest is done while the claim goes on."""
        paid = self._paid()
        assert paid is not None, "compared without a payment"
        self._data.checked = self._state(paid)
        found = await self._calls.inline(Payments.compare_payments, HoldRequests(self._record).compare(), _SUMMARY)
        if found is not None:
            self._report(found)
        else:
            self.start()

    def start(self) -> None:
        """Compare while the claim goes on."""
        self._data.waiting = True
        self.resume()

    def resume(self) -> None:
        """Go on with a comparison that waits for the gateway."""
        if self._data.waiting and self._task is None:
            self._task = asyncio.create_task(self._compare_later())

    async def finish(self) -> None:
        """Wait for a comparison under way: the last thing that a claim does."""
        if self._task is not None:
            await self._task

    async def _compare_later(self) -> None:
        try:
            self._report(
                await self._calls.external(Payments.compare_payments, HoldRequests(self._record).compare(), _SUMMARY)
            )
        except ActivityError as error:
            self._record.note("payments_not_compared", "What the customer has paid was not compared.", str(error.cause))
        self._data.waiting, self._task = False, None
        await self._record.save()

    def _report(self, found: PaymentsCompared) -> None:
        claim, paid = self._record.claim, self._paid()
        due = paid_by_outcome(claim, self._record.policy)
        if found.gateway == found.ledger == paid == (paid if due is None else due):
            return
        if any(attention.concerns_payment for attention in claim.attention):
            return
        self._record.flag(Attention.PAYMENT_DIFFERS)
        sums = [f"gateway {found.gateway}", f"ledger {found.ledger}", f"claim {paid}"]
        sums += [f"outcome {due}"] if due is not None else []
        self._record.note("payments_differ", "What the customer has paid differs.", "; ".join(sums) + ".")

    def _state(self, paid: Money) -> str:
        claim = self._record.claim
        return f"{claim.outcome} {paid} {claim.amount_owed}"
