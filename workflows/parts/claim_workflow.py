"""Workflows: the one base of every claim's process: its run loop, its submission, its end, and continue-as-new.

A phase is a coroutine for one state in which a claim waits, or for one step that must be finished: what it waits for,
what may happen there, where it goes next. It returns the next phase, None at the end. A new run of the process enters
the phase again from its beginning, so a phase begins with its wait or with its step; what happens once is done by who
returns the phase.
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
from domain.reasons import RuleError
from messages.base import Message
from messages.claims import (
    CancelClaim,
    ClaimAccepted,
    ClaimRefused,
    Decision,
    Event,
    MailFailed,
    ParcelArrived,
    ParcelScanned,
    PaymentChanged,
)
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.claim_record import ClaimRecord, RecordData
from workflows.parts.gateway_requests import GatewayRequests
from workflows.parts.message_inbox import InboxData, MessageInbox, TimeReached
from workflows.parts.pending_message import PAYMENT_IN_PROGRESS, payment_in_progress

Phase = Callable[[], Coroutine[Any, Any, "Phase | None"]]
ResultT = TypeVar("ResultT")


@dataclass
class ClaimData:
    """What a new run of any claim needs: the phase it goes on with, its record and its inbox."""

    phase: str = ""
    record: RecordData = field(default_factory=RecordData)
    inbox: InboxData = field(default_factory=InboxData)


class ClaimWorkflow(ABC):
    """A process subclasses it once, makes its parts and defines its phases. `phases` is who has them: the process, or
    a part that two processes share."""

    HISTORY_BOUND: ClassVar[int] = 2_000
    """Events of a run after which the next wait goes on as a new run; the server warns at 10,240 and takes no more
    than 10,000 signals in a run."""

    def __init__(self, request: Message, data: ClaimData | None) -> None:
        self._request = request
        self._data = data or ClaimData()
        self.calls = ActivityCalls()
        self.record = ClaimRecord(self.calls, self._data.record)
        self.gateway = GatewayRequests(self.record, self.calls)
        self.inbox = MessageInbox(self.record, self.calls, self.gateway, self, self._data.inbox)
        self._submission: ClaimAccepted | ClaimRefused | None = None
        self._continuing = False
        if self.record.begun and self.record.claim.state is not ClaimState.SUBMITTED:
            self._submission = ClaimAccepted(claim=self.record.claim)

    # -- what a process defines --------------------------------------------------------------------------------------

    @property
    def phase(self) -> str:
        """The name of the phase that the claim is in."""
        return self._data.phase

    @property
    def phases(self) -> tuple[object, ...]:
        """Who has the phases, by the names that a snapshot keeps: the process and its parts."""
        return (self,)

    @abstractmethod
    def snapshot(self, claim: ClaimData) -> object:
        """Everything that a new run needs: `claim` with the data of the process's own parts."""

    @abstractmethod
    async def undo(self) -> Phase | None:
        """The phase that releases and refunds what can be, and closes the claim: a cancel, by whomever."""

    @abstractmethod
    def takes_meanwhile(self, decision: Decision) -> bool:
        """Whether `meanwhile` can act on the decision in the step that is in flight: it needs no money."""

    @abstractmethod
    async def meanwhile(self, message: Event | Decision) -> None:
        """While a step is in flight: record a fact, or act on a decision that was taken."""

    def wakes_at(self) -> datetime | None:
        """When time moves the claim next."""
        claim = self.record.claim_or_none
        return claim.deadline if claim else None

    # -- what is asked from outside ----------------------------------------------------------------------------------

    @workflow.update(description="Wait for the answer to the submission")
    async def submission(self) -> ClaimAccepted | ClaimRefused:
        await workflow.wait_condition(lambda: self._submission is not None or self._continuing)
        if self._submission is None:
            error = payment_in_progress()
            raise ApplicationError(error.message, type=PAYMENT_IN_PROGRESS, non_retryable=True)
        return self._submission

    @workflow.query(description="The claim as it stands")
    def claim(self) -> Claim | None:
        return self.record.claim_or_none

    @workflow.query(description="Whether nothing is in flight: the claim waits for people or for time")
    def settled(self) -> bool:
        return self.inbox.settled

    @workflow.query(description="When time moves the claim next")
    def next_wake(self) -> datetime | None:
        return self.wakes_at()

    # -- the run -----------------------------------------------------------------------------------------------------

    async def run_phases(self, first: Phase) -> str:
        """Follow the phases to the end; a cancel from the Temporal UI undoes what can be undone and ends the claim."""
        begin = self._phase(self._data.phase) if self._data.phase else first
        try:
            await self._follow(begin)
        except asyncio.CancelledError:
            await self._cancelled()
            raise
        await self._leave()
        claim = self.record.claim_or_none
        return (claim.outcome or "") if claim else "refused"

    async def during(self, step: Awaitable[ResultT]) -> ResultT:
        """Await a step that moves money, or another party, while the claim goes on taking messages."""
        return await self.inbox.during(step)

    async def accept(self) -> None:
        """The claim is made: store it and answer the submission."""
        await self.record.save()
        self._submission = ClaimAccepted(claim=self.record.claim)

    def refuse_submission(self, answer: ClaimRefused) -> None:
        self._submission = answer

    async def next_before_deadline(self, what: str) -> Event | Decision | TimeReached:
        """The next message, or TimeReached after the claim's deadline; `what` is due then."""
        deadline = self.record.claim.deadline
        return await self.inbox.next(deadline, f"{what} {deadline:%Y-%m-%d}" if deadline else "people", deadline)

    async def refused(self, error: RuleError, back_to: Phase | None) -> Phase | None:
        """A step has come to nothing: answer the decision that led to it, and go on in `back_to`."""
        await self.record.save()
        self.inbox.refuse(error)
        return back_to

    def in_any_state(self, message: Event | Decision | TimeReached) -> Phase | None:
        """What may come in more than one state: the next phase, or None to wait on in the same."""
        match message:
            case CancelClaim() as decision:
                self.record.note("cancel_asked", "The claim was cancelled.", decision.reason, decision.actor)
                return self.undo
            case MailFailed() as event:
                self._mail_failed(event)
            case ParcelArrived() | ParcelScanned() as event:
                self.inbox.unexpected(event)
            case TimeReached() | PaymentChanged():
                pass
            case _:
                raise AssertionError(f"{type(message).__name__} is not for {self.record.claim.state}")
        return None

    def _mail_failed(self, event: MailFailed) -> None:
        name = event.kind.replace("_", " ")
        self.record.note("mail_failed", f"The mail “{name}” could not be delivered.", event.reason)

    async def _follow(self, phase: Phase | None) -> None:
        while phase is not None:
            self._data.phase = phase.__name__
            try:
                phase = await phase()
            except RuleError as error:
                # Nothing was done: the same phase waits again.
                await self.record.save()
                self.inbox.refuse(error)

    async def _cancelled(self) -> None:
        self.calls.cancel_requested = False
        if self.record.begun and not self.record.closed:
            self.record.note("cancelled_by_operations", "The workflow was cancelled by operations.", actor="operations")
            await self._follow(self.undo)
        if self.record.begun:
            self.record.change(dispute_until=None)  # nobody is left here to ask
        await self._leave()

    async def _leave(self) -> None:
        if self.record.begun:
            await self.record.save()
            if self._submission is None:
                self._submission = ClaimAccepted(claim=self.record.claim)
        await self.inbox.drain()

    def _phase(self, name: str) -> Phase:
        found: Phase = next(getattr(owner, name) for owner in self.phases if hasattr(owner, name))
        return found

    # -- what the inbox asks of its process --------------------------------------------------------------------------

    def history_is_long(self) -> bool:
        info = workflow.info()
        return info.is_continue_as_new_suggested() or info.get_current_history_length() >= self.HISTORY_BOUND

    def end_handlers(self) -> None:
        """Whoever waits for the answer to the submission asks the next run."""
        self._continuing = True

    def continue_as_new(self) -> None:
        data = ClaimData(phase=self._data.phase, record=self.record.data, inbox=self.inbox.data)
        workflow.continue_as_new(args=[self._request, self.snapshot(data)])
