"""Workflows: the desk a claim sits on: its inbox and its letters. The story is told by who sits there.

Handlers only put letters into the inbox; the story takes them out one at a time, judges each again at that moment and
answers it. So two decisions can never both win, however they arrive, and events count by their own timestamps.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from domain import lifecycle
from domain.claim import Claim
from domain.kinds import Action, ClaimState
from domain.reasons import RuleError
from messages.claims import (
    CancelClaim,
    ChangePaymentMethod,
    ChooseParts,
    ChooseRepair,
    ClaimAccepted,
    ClaimRefused,
    Complete,
    Decide,
    Decision,
    Dispatch,
    Event,
    ExtendReturn,
    Inspect,
    ParcelArrived,
    ParcelScanned,
    PaymentChanged,
    QuoteRepair,
    ReportFound,
    Waive,
)
from workflows.journal import Journal

_ONE_SECOND = timedelta(seconds=1)


@dataclass(eq=False)
class Letter:
    """A message in the inbox. `action` is None for news of a payment; `happened_at` is an event's own time."""

    action: Action | None
    message: Event | Decision
    happened_at: datetime | None = None
    answered: bool = False
    error: ApplicationError | None = None


def refusal(error: RuleError, claim: Claim | None) -> ApplicationError:
    """The answer to a decision that a rule forbids; `details` say which rule and what is possible instead."""
    allowed = [str(action) for action in lifecycle.allowed_actions(claim)] if claim else []
    details = {"rule": error.rule, "message": error.message, "allowed_actions": allowed}
    return ApplicationError(error.message, details, type=error.code, non_retryable=True)


class ClaimDesk(Journal):
    """What every claim has in common. A story subclasses it and defines `run` and the four hooks."""

    def __init__(self) -> None:
        super().__init__()
        self._submission: ClaimAccepted | ClaimRefused | None = None
        self._inbox: list[Letter] = []
        self._kept: list[Letter] = []
        self._seen: set[str] = set()
        self._waiting = False

    # -- what is asked from outside ------------------------------------------------------------------------------

    @workflow.update(description="Wait for the answer to the submission")
    async def submission(self) -> ClaimAccepted | ClaimRefused:
        await workflow.wait_condition(lambda: self._submission is not None)
        assert self._submission is not None
        return self._submission

    @workflow.query(description="The claim as it stands")
    def claim(self) -> Claim | None:
        return self._claim

    @workflow.query(description="Whether nothing is in flight: the claim waits for people or for time")
    def settled(self) -> bool:
        return self._waiting and not self._inbox and all(mail.done() for mail in self._mails)

    @workflow.signal(description="The carrier took the customer's parcel")
    def return_scan(self, event: ParcelScanned) -> None:
        self._receive(Action.RETURN_SCAN, event, event.scanned_at)

    @workflow.signal(description="The customer's parcel reached the warehouse")
    def arrival(self, event: ParcelArrived) -> None:
        self._receive(Action.ARRIVAL, event, event.arrived_at)

    @workflow.signal(description="The gateway has news of a payment; the claim looks for itself")
    def payment_changed(self, event: PaymentChanged) -> None:
        if self._cares_for(event.payment_id):
            self._receive(None, event)

    @workflow.update(description="The replacement left the warehouse")
    async def dispatch(self, decision: Dispatch) -> Claim:
        return await self._ask(Action.DISPATCH, decision)

    @dispatch.validator
    def _may_dispatch(self, decision: Dispatch) -> None:
        self._judge(Action.DISPATCH)

    @workflow.update(description="What the inspector saw")
    async def inspection(self, decision: Inspect) -> Claim:
        return await self._ask(Action.INSPECTION, decision)

    @inspection.validator
    def _may_inspect(self, decision: Inspect) -> None:
        self._judge(Action.INSPECTION)

    @workflow.update(description="Give the customer more days")
    async def extension(self, decision: ExtendReturn) -> Claim:
        return await self._ask(Action.EXTENSION, decision)

    @extension.validator
    def _may_extend(self, decision: ExtendReturn) -> None:
        self._judge(Action.EXTENSION)

    @workflow.update(description="Let the charge go, with a reason")
    async def waiver(self, decision: Waive) -> Claim:
        return await self._ask(Action.WAIVER, decision)

    @waiver.validator
    def _may_waive(self, decision: Waive) -> None:
        self._judge(Action.WAIVER)

    @workflow.update(description="Approve or reject")
    async def decision(self, decision: Decide) -> Claim:
        return await self._ask(Action.DECISION, decision)

    @decision.validator
    def _may_decide(self, decision: Decide) -> None:
        self._judge(Action.DECISION)

    @workflow.update(description="Pay for the missing parts or send them")
    async def parts_choice(self, decision: ChooseParts) -> Claim:
        return await self._ask(Action.PARTS_CHOICE, decision)

    @parts_choice.validator
    def _may_choose_parts(self, decision: ChooseParts) -> None:
        self._judge(Action.PARTS_CHOICE)

    @workflow.update(description="Pay with another card")
    async def payment_method(self, decision: ChangePaymentMethod) -> Claim:
        return await self._ask(Action.PAYMENT_METHOD, decision)

    @payment_method.validator
    def _may_change_payment(self, decision: ChangePaymentMethod) -> None:
        self._judge(Action.PAYMENT_METHOD)

    @workflow.update(description="Cancel the claim")
    async def cancel(self, decision: CancelClaim) -> Claim:
        return await self._ask(Action.CANCEL, decision)

    @cancel.validator
    def _may_cancel(self, decision: CancelClaim) -> None:
        self._judge(Action.CANCEL)

    @workflow.update(description="The lost drone was found")
    async def found(self, decision: ReportFound) -> Claim:
        return await self._ask(Action.FOUND, decision)

    @found.validator
    def _may_be_found(self, decision: ReportFound) -> None:
        self._judge(Action.FOUND)

    @workflow.update(description="What the workshop found, and what a repair costs")
    async def repair_quote(self, decision: QuoteRepair) -> Claim:
        return await self._ask(Action.REPAIR_QUOTE, decision)

    @repair_quote.validator
    def _may_quote_repair(self, decision: QuoteRepair) -> None:
        self._judge(Action.REPAIR_QUOTE)

    @workflow.update(description="The customer's way out of a repair quote")
    async def repair_choice(self, decision: ChooseRepair) -> Claim:
        return await self._ask(Action.REPAIR_CHOICE, decision)

    @repair_choice.validator
    def _may_choose_repair(self, decision: ChooseRepair) -> None:
        self._judge(Action.REPAIR_CHOICE)

    @workflow.update(description="The unit was shipped back")
    async def completion(self, decision: Complete) -> Claim:
        return await self._ask(Action.COMPLETION, decision)

    @completion.validator
    def _may_complete(self, decision: Complete) -> None:
        self._judge(Action.COMPLETION)

    def _judge(self, action: Action) -> None:
        """Refuse early what would be refused anyway. While something is in flight the story judges, in its turn:

        after a reset of the workflow every decision comes again at once, and none of them must be lost.
        """
        if not self._waiting or self._inbox or self._claim is None:
            return
        try:
            lifecycle.require(self._claim, action)
        except RuleError as error:
            raise refusal(error, self._claim) from error

    def _receive(self, action: Action | None, event: Event, happened_at: datetime | None = None) -> None:
        if event.event_id not in self._seen:
            self._seen.add(event.event_id)
            self._inbox.append(Letter(action, event, happened_at))

    async def _ask(self, action: Action, decision: Decision) -> Claim:
        letter = Letter(action, decision)
        self._inbox.append(letter)
        await workflow.wait_condition(lambda: letter.answered)
        if letter.error:
            raise letter.error
        return self._the_claim

    # -- the story's side ----------------------------------------------------------------------------------------

    async def _answer_submission(self) -> None:
        await self._save()
        self._submission = ClaimAccepted(claim=self._the_claim)

    async def _live(self) -> None:
        """Take the next thing that can happen, a letter or a moment, until the claim is closed."""
        while self._the_claim.state is not ClaimState.CLOSED:
            wake, summary = self._alarm()
            letter = await self._next(wake, summary, self._the_claim.deadline)
            if letter is not None:
                await self._handle(letter)
            else:
                await self._time_has_come()
                await self._save()

    def _alarm(self) -> tuple[datetime | None, str]:
        """When something happens by itself next, None for never, and what it is, for the timer's summary."""
        raise NotImplementedError

    async def _time_has_come(self) -> None:
        """Do what the alarm was set for."""
        raise NotImplementedError

    def _deadline_has_passed(self) -> bool:
        deadline = self._the_claim.deadline
        return deadline is not None and workflow.now() > deadline

    async def _next(self, wake: datetime | None, summary: str, deadline: datetime | None = None) -> Letter | None:
        """The next letter, or None once `wake` has passed (its second included).

        An event that happened after `deadline` waits behind the deadline, however late we wake up ourselves: what time
        brought first is told first.
        """
        if self._cancel_requested:
            raise asyncio.CancelledError
        if wake is None or workflow.now() <= wake:
            timeout = None if wake is None else max(wake + _ONE_SECOND - workflow.now(), _ONE_SECOND)
            self._waiting = True
            try:
                await workflow.wait_condition(
                    lambda: self._cancel_requested or bool(self._inbox), timeout=timeout, timeout_summary=summary
                )
            except TimeoutError:
                pass
            finally:
                self._waiting = False
            if self._cancel_requested:
                raise asyncio.CancelledError
        return self._take(deadline)

    def _take(self, deadline: datetime | None) -> Letter | None:
        passed = deadline is not None and workflow.now() > deadline
        for letter in self._inbox:
            late = passed and deadline and letter.happened_at and letter.happened_at > deadline
            if not late:
                self._inbox.remove(letter)
                return letter
        return None

    async def _handle(self, letter: Letter) -> None:
        """Judge, act, record, answer. A decision that a rule forbids changes nothing and says why."""
        try:
            if letter.action and isinstance(letter.message, Decision):
                lifecycle.require(self._the_claim, letter.action)
            await self._act(letter)
            await self._save()
        except RuleError as error:
            letter.error = refusal(error, self._claim)
        letter.answered = True

    async def _act(self, letter: Letter) -> None:
        """Do what the letter says, or raise RuleError."""
        raise NotImplementedError

    def _cares_for(self, payment_id: str) -> bool:
        """Whether news of this payment could change anything here."""
        return False

    def _unexpected(self, letter: Letter) -> None:
        """An event nobody waits for is told in the timeline; people decide what it means."""
        what = "A parcel arrived" if letter.action is Action.ARRIVAL else "The carrier scanned a parcel"
        self._note("unexpected_event", f"{what}, which this case did not wait for.", actor=_actor(letter))

    def _keep(self, letter: Letter) -> None:
        """Put an early event aside until `_release_kept`."""
        self._kept.append(letter)

    def _release_kept(self) -> None:
        self._inbox[:0] = self._kept
        self._kept = []

    # -- the end -------------------------------------------------------------------------------------------------

    async def _tell(self, story: Coroutine[Any, Any, None]) -> str:
        """Run the story to its end; a cancel from the Temporal UI undoes what can be undone and ends the claim."""
        try:
            await story
        except asyncio.CancelledError:
            self._cancel_requested = False
            if self._claim is not None and self._claim.state is not ClaimState.CLOSED:
                self._note("cancelled_by_operations", "The workflow was cancelled by operations.", actor="operations")
                await self._undo()
            if self._claim is not None:
                self._change(dispute_until=None)  # nobody is left here to ask
                await self._save()
            await self._leave()
            raise
        await self._leave()
        return self._claim.outcome or "" if self._claim else "refused"

    async def _undo(self) -> None:
        """Release and refund what can be, give the use back if nothing was shipped, and close the claim."""
        raise NotImplementedError

    async def _leave(self) -> None:
        if self._submission is None and self._claim is not None:
            self._submission = ClaimAccepted(claim=self._claim)
        self._turn_away()
        while True:
            for mail in self._mails:
                await mail
            if not (self._journal or self._letters) or self._claim is None:
                break
            await self._save()
        # What came while the last mails went out: from here on nothing is awaited but the handlers.
        self._turn_away()
        self._waiting = True
        await workflow.wait_condition(workflow.all_handlers_finished)

    def _turn_away(self) -> None:
        """Answer every letter that comes too late."""
        for letter in (*self._kept, *self._inbox):
            if isinstance(letter.message, Decision):
                letter.error = refusal(
                    RuleError("action_not_allowed", "R-CLM-2", "The case was closed meanwhile."), self._claim
                )
            letter.answered = True
        self._kept, self._inbox = [], []


def _actor(letter: Letter) -> str:
    return letter.message.actor
