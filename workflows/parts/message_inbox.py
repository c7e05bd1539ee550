"""Workflow part: the messages of a claim. Handlers put them into a queue; the workflow takes them one at a time.

The workflow checks each message at its turn, so of two conflicting decisions one is rejected, and events count by their
own timestamps. While a payment step is in flight events are recorded at once and decisions that need a payment are
rejected with `payment_in_progress`, so a gateway without a response delays no message.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from temporalio import workflow

from domain import lifecycle
from domain.claim import Claim
from domain.kinds import ClaimState
from domain.reasons import RuleError
from messages.actions import action_of, needs_payment
from messages.claims import Decision, Event
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.gateway_requests import GatewayRequests
from workflows.parts.inbox_owner import InboxOwner
from workflows.parts.message_handlers import register_handlers
from workflows.parts.message_queue import MessageQueue, QueueData
from workflows.parts.parcel_events import find_waiting, keep_left
from workflows.parts.pending_message import PendingMessage, Rejection, payment_in_progress, rejection_of
from workflows.parts.wait_point import WaitPoint

ResultT = TypeVar("ResultT")
_MAX_SEEN = 1_000
"""Event ids that are kept: the API tells a claim a few dozen events an hour, and repeats one within minutes."""
_MAX_UPDATE_RESULTS = 100
"""Update results that are kept for later runs: a caller repeats an update id for a day at most."""


@dataclass(frozen=True)
class TimeReached:
    """The time that `next` waited for has passed."""


@dataclass
class InboxData:
    """What a new run needs: ids of the events received, events still queued, the results of updates of earlier runs by
    update id (None: accepted), and the id of the update whose step is in flight."""

    seen: list[str] = field(default_factory=list)
    queue: QueueData = field(default_factory=QueueData)
    answers: dict[str, Rejection | None] = field(default_factory=dict)
    acted_upon: str = ""


class MessageInbox:
    """`next` returns the next message; `run_step` awaits a step and takes messages meanwhile."""

    def __init__(
        self,
        record: ClaimRecord,
        calls: ActivityCalls,
        gateway: GatewayRequests,
        owner: InboxOwner,
        data: InboxData | None = None,
    ) -> None:
        self._record = record
        self._calls = calls
        self._gateway = gateway
        self._owner = owner
        self._data = data or InboxData()
        self._queue = MessageQueue(self._data.queue, workflow.now())
        self._current: PendingMessage | None = None
        if self._data.acted_upon:
            self._current = PendingMessage(None, workflow.now(), self._data.acted_upon)
        self._continued = self._current
        self._step_message: PendingMessage | None = None
        self._in_step = False
        self._taking = True
        self._waits = WaitPoint(
            calls, self._can_continue, owner.history_is_long, self._release_handlers, owner.continue_as_new
        )
        self._reapplying = workflow.info().run_id != workflow.info().original_execution_run_id
        register_handlers(self._handle, self._validate, self._receive)

    @property
    def data(self) -> InboxData:
        self._data.queue = self._queue.data
        return self._data

    @property
    def settled(self) -> bool:
        """Whether nothing is in flight: the claim waits for a person or for a timer."""
        in_flight = self._in_step or self._gateway.in_flight or self._record.unsaved
        return self._waits.waiting and self._queue.empty and not in_flight

    def background(self, loop: Coroutine[None, None, None]) -> None:
        """Run a part's own loop concurrently; if it fails, the workflow fails."""
        self._waits.background(loop)

    # -- the handlers ------------------------------------------------------------------------------------------------

    async def _handle(self, decision: Decision) -> Claim:
        update = workflow.current_update_info()
        update_id = update.id if update else ""
        if update_id in self._data.answers:
            return self._result(self._data.answers[update_id])
        if self._continued is not None and update_id == self._continued.update_id:
            pending = self._continued
        else:
            pending = PendingMessage(decision, workflow.now(), update_id, self._reapplying)
            if self._taking:
                self._queue.add(pending)
            else:
                self._reject_closed(pending)
        await workflow.wait_condition(lambda: pending.completed)
        return self._result(pending.rejection)

    def _validate(self, decision: Decision) -> None:
        """Reject early what would be rejected at its turn: that writes no event, and the update id stays unused.

        A decision behind other messages is checked at its turn, as is one that a reset reapplied: none may be lost.
        """
        update = workflow.current_update_info()
        known = update is not None and (update.id in self._data.answers or update.id == self._data.acted_upon)
        if known or self._reapplying or not self._waits.waiting or not self._queue.empty or not self._record.created:
            return
        try:
            self._require(decision)
            if self._in_step and self._gateway.in_flight and not self._owner.accepts_during_step(decision):
                raise payment_in_progress()
        except RuleError as error:
            raise rejection_of(error, self._record.claim).error() from error

    def _receive(self, event: Event) -> None:
        if event.event_id not in self._data.seen and self._taking:
            self._data.seen.append(event.event_id)
            del self._data.seen[:-_MAX_SEEN]
            self._queue.add(PendingMessage(event, workflow.now(), reapplied=self._reapplying))

    def _result(self, rejection: Rejection | None) -> Claim:
        if rejection is not None:
            raise rejection.error()
        return self._record.claim

    def _require(self, decision: Decision) -> None:
        claim = self._record.claim
        try:
            lifecycle.require(claim, action_of(decision))
        except RuleError as error:
            # The phase refuses it and asks for another card.
            if error.code != lifecycle.HOLD_NOT_LIVE or claim.state is not ClaimState.AWAITING_DISPATCH:
                raise
        if self._gateway.in_flight and needs_payment(claim, decision):
            raise payment_in_progress()

    # -- the workflow's side -----------------------------------------------------------------------------------------

    async def next(
        self,
        until: datetime | None,
        summary: str,
        deadline: datetime | None = None,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> Event | Decision | TimeReached:
        """The next message, or TimeReached once the claim acts on `until` (its second included), or when `interrupted`.

        The message before is saved and completed first. An event after `deadline` comes after it, also after an outage.
        """

        def ready() -> PendingMessage | None:
            return self._queue.ready(deadline, workflow.now())

        self._reapplying = False
        await self.finish()
        if until is None or workflow.now() <= until:
            acts_at = self._record.acts_at(until)
            await self._waits.wait(
                lambda: ready() is not None or self._calls.cancel_requested or interrupted(), acts_at, summary
            )
        if self._calls.cancel_requested:
            raise asyncio.CancelledError
        while (pending := ready()) is not None:
            message = self._take(pending)
            if not isinstance(message, Decision):
                return message
            try:
                self._require(message)
            except RuleError as error:
                self.reject(error)
            else:
                return message
        if deadline is None or workflow.now() <= deadline:
            return TimeReached()
        waiting = await find_waiting(self._record, self._calls, self._data.seen)
        for event in waiting:
            self._receive(event)
        return await self.next(until, summary, deadline, interrupted) if waiting else TimeReached()

    async def run_step(self, step: Awaitable[ResultT]) -> ResultT:
        """Await `step` and take messages meanwhile.

        Events are recorded in the timeline at once and handled when the step is done. A decision that the step does not
        accept waits for its end; during a payment step it waits one second and is then rejected.
        """
        task, step_message = asyncio.ensure_future(step), self._current
        self._step_message, self._in_step = step_message, True
        await asyncio.sleep(0)  # the step begins, and holds the gateway if it is a payment
        while not task.done():
            until = self._queue.waiting_since() if self._gateway.in_flight else None
            await self._waits.wait(lambda: task.done() or self._ready_in_step() is not None, until, "")
            if not task.done() and (pending := self._ready_in_step()) is not None:
                await self._take_during_step(pending)
        self._step_message, self._in_step = None, False
        self._current = step_message
        self._queue.release_recorded()
        return task.result()

    async def _take_during_step(self, pending: PendingMessage) -> None:
        message = self._take(pending)
        try:
            if not isinstance(message, Decision):
                self._queue.keep_recorded(pending)
            else:
                self._require(message)
                if not self._owner.accepts_during_step(message):
                    raise payment_in_progress()
            await self._owner.handle_during_step(message)
            await self.finish()
        except RuleError as error:
            self.reject(error)

    async def finish(self) -> None:
        """Save the effects of the current message and complete it."""
        await self._record.save()
        pending, self._current = self._current, None
        if pending is not None:
            self._complete(pending, None)

    def reject(self, error: RuleError) -> None:
        """Reject the current decision with the rule that forbids it."""
        pending, self._current = self._current, None
        if pending is not None:
            self._complete(pending, rejection_of(error, self._record.claim_or_none))

    def defer(self) -> None:
        """Put the current event aside until `release_deferred`."""
        if self._current is not None:
            self._queue.defer(self._current)
            self._current = None

    def release_deferred(self) -> None:
        self._queue.release_deferred()

    async def drain(self) -> None:
        """Take no more messages: reject those still queued, and wait until all handlers have finished."""
        await self.finish()
        self._taking = False
        left = self._queue.clear()
        for pending in left:
            self._reject_closed(pending)
        await keep_left(self._record, [pending.message for pending in left])
        await self._waits.all_handlers_finished()

    # -- internals ---------------------------------------------------------------------------------------------------

    def _complete(self, pending: PendingMessage, rejection: Rejection | None) -> None:
        pending.rejection, pending.completed = rejection, True
        if pending.update_id == self._data.acted_upon:
            self._data.acted_upon = ""
        if pending.update_id:
            self._data.answers[pending.update_id] = rejection
            while len(self._data.answers) > _MAX_UPDATE_RESULTS:
                del self._data.answers[next(iter(self._data.answers))]

    def _reject_closed(self, pending: PendingMessage) -> None:
        error = RuleError("action_not_allowed", "R-CLM-2", "The case was closed meanwhile.")
        self._complete(pending, rejection_of(error, self._record.claim_or_none))

    def _take(self, pending: PendingMessage) -> Event | Decision:
        self._queue.remove(pending)
        self._current = pending
        assert pending.message is not None, "an update of an earlier run is never queued"
        return pending.message

    def _ready_in_step(self) -> PendingMessage | None:
        return self._queue.ready_in_step(
            self._owner.accepts_during_step, workflow.now(), paying=self._gateway.in_flight
        )

    def _can_continue(self) -> bool:
        return self._queue.empty and not self._record.unsaved

    def _release_handlers(self) -> None:
        """End the update whose step is in flight; its caller repeats the same update id in the next run."""
        pending = self._step_message
        if pending is not None and pending.update_id:
            self._data.acted_upon = pending.update_id
            pending.rejection = rejection_of(payment_in_progress(), self._record.claim_or_none)
            pending.completed = True
        self._owner.release_handlers()
