"""The base class of every claim workflow: its run loop, submission, completion and continue-as-new.

A phase is a coroutine for one state in which a claim waits, or for one step that must be completed. It returns the next
phase, None at the end. A new run enters the phase again from its beginning, so a phase begins with its wait or its
step; what happens once is done before the phase is returned.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from domain.claim import Claim
from domain.kinds import ClaimState
from domain.money import Money
from domain.reasons import RuleError
from messages.base import Message
from messages.claims import (
    CancelClaim,
    ClaimAccepted,
    ClaimRefused,
    CorrectAddress,
    Decision,
    Event,
    MailFailed,
    OwnerCorrected,
    ParcelArrived,
    ParcelDelivered,
    ParcelScanned,
    PaymentChanged,
    ShipTo,
)
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.claim_record import ClaimRecord, RecordData
from workflows.parts.delivery_address import DeliveryAddress, DeliveryAddressData
from workflows.parts.gateway_requests import GatewayRequests
from workflows.parts.message_inbox import InboxData, MessageInbox, TimeReached
from workflows.parts.parcel_events import record_unexpected
from workflows.parts.payment_check import PaymentCheck, PaymentCheckData
from workflows.parts.pending_message import PAYMENT_IN_PROGRESS, payment_in_progress
from workflows.parts.reachability import mail_failed, owner_corrected

Phase = Callable[[], Coroutine[Any, Any, "Phase | None"]]
ResultT = TypeVar("ResultT")


@dataclass
class ClaimData:
    """What a new run of any claim needs: the phase to enter, the record, the inbox, the comparison of its payments with
    the phase after it, and the delivery address."""

    phase: str = ""
    record: RecordData = field(default_factory=RecordData)
    inbox: InboxData = field(default_factory=InboxData)
    check: PaymentCheckData = field(default_factory=PaymentCheckData)
    after_check: str = ""
    address: DeliveryAddressData = field(default_factory=DeliveryAddressData)


class ClaimWorkflow(ABC):
    """A claim workflow subclasses it, creates its parts and defines its phases."""

    HISTORY_BOUND: ClassVar[int] = 2_000
    """Events of a run after which the next wait continues as new. The server warns at 10,240 events and accepts at most
    10,000 signals in a run."""

    def __init__(self, request: Message, ship_to: ShipTo, data: ClaimData | None) -> None:
        self._request = request
        self._data = data or ClaimData()
        self.calls = ActivityCalls()
        self.record = ClaimRecord(self.calls, self._data.record)
        self.address = DeliveryAddress(self.record, self.calls, ship_to, self._data.address)
        self.gateway = GatewayRequests(self.record, self.calls)
        self.inbox = MessageInbox(self.record, self.calls, self.gateway, self, self._data.inbox)
        self.check = PaymentCheck(self.record, self.calls, self.paid, self._data.check)
        self._submission: ClaimAccepted | ClaimRefused | None = None
        self._continuing = False
        if self.record.created and self.record.claim.state is not ClaimState.SUBMITTED:
            self._submission = ClaimAccepted(claim=self.record.claim)

    # -- what a subclass defines -------------------------------------------------------------------------------------

    @property
    def phase(self) -> str:
        """The name of the phase that the claim is in."""
        return self._data.phase

    @property
    def phases(self) -> tuple[object, ...]:
        """The objects whose methods are phases: the workflow, or its parts. A snapshot has a phase's method name."""
        return (self,)

    @abstractmethod
    def snapshot(self, claim: ClaimData) -> object:
        """Everything that a new run needs: `claim`, and the data of the workflow's own parts."""

    @abstractmethod
    def paid(self) -> Money | None:
        """What the claim's requests have taken from the customer and not refunded; None when it has taken nothing."""

    @abstractmethod
    async def compensate(self) -> Phase | None:
        """The phase of a cancelled claim: release and refund what can be, and close it."""

    @abstractmethod
    def accepts_during_step(self, decision: Decision) -> bool:
        """Whether `handle_during_step` can execute the decision while a step is in flight: it moves no money."""

    @abstractmethod
    async def handle_during_step(self, message: Event | Decision) -> None:
        """While a step is in flight: record an event, or execute an accepted decision."""

    @property
    def owed_phase(self) -> Phase | None:
        """The phase that waits for what the customer owes; None when nothing is owed."""
        return None

    def next_timer_at(self) -> datetime | None:
        """When the claim's next timer fires."""
        claim = self.record.claim_or_none
        return self.record.acts_at(claim.deadline) if claim else None

    # -- the submission and the queries ------------------------------------------------------------------------------

    @workflow.update(description="Wait for the result of the submission")
    async def submission(self) -> ClaimAccepted | ClaimRefused:
        await workflow.wait_condition(lambda: self._submission is not None or self._continuing)
        if self._submission is None:
            error = payment_in_progress()
            raise ApplicationError(error.message, type=PAYMENT_IN_PROGRESS, non_retryable=True)
        return self._submission

    @workflow.query(description="The claim in its present state")
    def claim(self) -> Claim | None:
        return self.record.claim_or_none

    @workflow.query(description="Whether nothing is in flight: the claim waits for people or for time")
    def settled(self) -> bool:
        return self.inbox.settled

    @workflow.query(description="When time moves the claim next")
    def next_wake(self) -> datetime | None:
        return self.next_timer_at()

    # -- the run -----------------------------------------------------------------------------------------------------

    async def run_phases(self, first: Phase) -> str:
        """Run the phases to the end; a cancel from the Temporal UI compensates the claim and ends it."""
        begin = self._phase(self._data.phase) if self._data.phase else first
        self.check.resume()
        try:
            await self._follow(begin)
        except asyncio.CancelledError:
            if not await self._cancelled():
                raise
        await self._finish()
        claim = self.record.claim_or_none
        return (claim.outcome or "") if claim else "refused"

    async def run_step(self, step: Awaitable[ResultT]) -> ResultT:
        """Await a payment step or another external step while the claim still takes messages."""
        return await self.inbox.run_step(step)

    async def accept(self) -> None:
        """Save the new claim and complete the submission."""
        await self.record.save()
        self._submission = ClaimAccepted(claim=self.record.claim)

    def refuse_submission(self, result: ClaimRefused) -> None:
        self._submission = result

    async def next_before_deadline(self, what: str) -> Event | Decision | TimeReached:
        """The next message, or TimeReached after the claim's deadline; `what` is due then."""
        deadline = self.record.claim.deadline
        return await self.inbox.next(deadline, f"{what} {deadline:%Y-%m-%d}" if deadline else "people", deadline)

    async def reject_decision(self, error: RuleError, back_to: Phase | None) -> Phase | None:
        """Reject the decision whose step failed, and continue in `back_to`."""
        await self.record.save()
        self.inbox.reject(error)
        return back_to

    def in_any_state(self, message: Event | Decision | TimeReached) -> Phase | None:
        """Handle a message that more than one state takes. Returns the next phase; None to stay in the same."""
        match message:
            case CancelClaim() as decision:
                self.record.note("cancel_asked", "The claim was cancelled.", decision.reason, decision.actor)
                return self.compensate
            case CorrectAddress() as decision:
                self.address.propose(decision, self._data.phase)
                return self.correct_address
            case MailFailed() as event:
                mail_failed(self.record, event)
            case OwnerCorrected() as event:
                owner_corrected(self.record, event)
            case ParcelArrived() | ParcelScanned() | ParcelDelivered() as event:
                record_unexpected(self.record, event)
            case PaymentChanged() as event:
                self.check.heard(event)
            case TimeReached():
                pass
            case _:
                raise AssertionError(f"{type(message).__name__} is not for {self.record.claim.state}")
        return None

    async def correct_address(self) -> Phase | None:
        """The delivery address is corrected (R-CLM-12). What is in progress is in the part's data, for a new run."""
        back_to = self._phase(self.address.phase)
        error = await self.run_step(self.address.correct())
        return back_to if error is None else await self.reject_decision(error, back_to)

    async def _follow(self, phase: Phase | None) -> None:
        while phase is not None:
            self._data.phase = phase.__name__
            try:
                phase = await phase()
            except RuleError as error:
                # The decision changed nothing: the same phase waits again.
                await self.record.save()
                self.inbox.reject(error)
            else:
                phase = self._checked_first(phase)

    def _checked_first(self, phase: Phase | None) -> Phase | None:
        """The comparison of the payments before `phase` when the claim was closed, or changed after it was.

        It answers the decision, so it comes after a correction of the address, which may be rejected.
        """
        if phase == self.correct_address or not self.check.due or not workflow.patched("payments-compared-at-close"):
            return phase
        self._data.after_check = phase.__name__ if phase is not None else ""
        return self.compare_payments

    async def compare_payments(self) -> Phase | None:
        """Whether gateway, ledger, claim and outcome agree. What was decided is saved and answered first."""
        await self.inbox.finish()
        await self.check.compare()
        await self.record.save()
        return self._phase(self._data.after_check) if self._data.after_check else None

    async def _cancelled(self) -> bool:
        """Compensate the claim. One whose replacement the warehouse can no longer stop goes on to its end (R-EXP-9), as
        does one with an amount owed, which stays payable (R-RET-9). Returns whether it went on for that."""
        self.calls.cancel_requested = False
        if self.record.created and not self.record.closed:
            self.record.note("cancelled_by_operations", "The workflow was cancelled by operations.", actor="operations")
            await self._follow(self.compensate)
        if self.record.created:
            self.record.change(dispute_until=None)  # the workflow ends, so nothing can be disputed
        owed = self.owed_phase
        if owed is not None and workflow.patched("owed-outlives-a-cancel"):
            self.record.note("owed_after_cancel", f"{self.record.claim.amount_owed} is owed: it can be paid or waived.")
            await self._follow(owed)
            return True
        await self._finish()
        return False

    async def _finish(self) -> None:
        if self.record.created:
            await self.record.save()
            if self._submission is None:
                self._submission = ClaimAccepted(claim=self.record.claim)
        await self.inbox.drain()
        await self.check.finish()

    def _phase(self, name: str) -> Phase:
        owners = (*self.phases, self)
        found: Phase = next(getattr(owner, name) for owner in owners if hasattr(owner, name))
        return found

    # -- what the inbox calls ----------------------------------------------------------------------------------------

    def history_is_long(self) -> bool:
        info = workflow.info()
        return info.is_continue_as_new_suggested() or info.get_current_history_length() >= self.HISTORY_BOUND

    def release_handlers(self) -> None:
        """End a waiting submission; its caller repeats it in the next run."""
        self._continuing = True

    def continue_as_new(self) -> None:
        data = ClaimData(
            phase=self._data.phase,
            record=self.record.data,
            inbox=self.inbox.data,
            check=self.check.data,
            after_check=self._data.after_check,
            address=self.address.data,
        )
        workflow.continue_as_new(args=[self._request, self.snapshot(data)])
