"""Workflows, a part: the messages of a claim: handlers put them into a queue, the process takes them one by one.

The process judges each message at its turn and answers it, so two decisions never both win, and events count by their
own timestamps. While a payment step is in flight facts are recorded at once and decisions that need money are refused
with `payment_in_progress`: a gateway that does not answer delays no message.
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from temporalio import workflow

from domain import lifecycle
from domain.claim import Claim
from domain.reasons import RuleError
from messages.claims import Decision, Event, ParcelArrived, action_of, needs_payment
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.gateway_requests import GatewayRequests
from workflows.parts.message_handlers import register_handlers
from workflows.parts.message_queue import MessageQueue, QueueData
from workflows.parts.pending_message import PendingMessage, Refusal, payment_in_progress, refusal_of
from workflows.parts.wait_point import WaitPoint

ResultT = TypeVar("ResultT")
_ANSWERS_KEPT = 100
"""Answers of earlier runs that are kept: a caller repeats an update under its id for a day at the most."""


@dataclass(frozen=True)
class TimeReached:
    """The moment that was waited for has passed."""


@dataclass
class InboxData:
    """What a new run needs: ids of events that counted, events still to be taken, the answers to updates of earlier
    runs (None: accepted), and the id of the update whose step is in flight."""

    seen: list[str] = field(default_factory=list)
    queue: QueueData = field(default_factory=QueueData)
    answers: dict[str, Refusal | None] = field(default_factory=dict)
    acted_upon: str = ""


class InboxOwner(Protocol):
    """What the inbox asks of its process."""

    def takes_meanwhile(self, decision: Decision) -> bool:
        """Whether `meanwhile` can act on the decision in the step that is in flight."""

    async def meanwhile(self, message: Event | Decision) -> None:
        """Record a fact, or act on a decision, while a step is in flight."""

    def history_is_long(self) -> bool:
        """Whether the next wait continues as new."""

    def end_handlers(self) -> None:
        """Answer every handler that is not the inbox's."""

    def continue_as_new(self) -> None:
        """Raise what ends this run and starts the next."""


class MessageInbox:
    """`next` gives the process its messages, `during` awaits a step while messages are taken."""

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
        self._acted_upon: PendingMessage | None = None
        self._in_step = False
        self._taking = True
        self._waits = WaitPoint(calls, self._at_rest, owner.history_is_long, self._end_handlers, owner.continue_as_new)
        info = workflow.info()
        self._reapplying = info.run_id != info.original_execution_run_id
        register_handlers(self._handle, self._validate, self._receive)

    @property
    def data(self) -> InboxData:
        self._data.queue = self._queue.data
        return self._data

    @property
    def settled(self) -> bool:
        """Whether nothing is in flight: the process waits for people or for time."""
        in_flight = self._in_step or self._gateway.in_flight or self._record.unsaved
        return self._waits.waiting and self._queue.empty and not in_flight

    def background(self, loop: Coroutine[None, None, None]) -> None:
        """Run a part's own loop beside the process; should it fail, the process fails with it."""
        self._waits.background(loop)

    # -- the handlers ------------------------------------------------------------------------------------------------

    async def _handle(self, decision: Decision) -> Claim:
        update = workflow.current_update_info()
        update_id = update.id if update else ""
        if update_id in self._data.answers:
            return self._answer(self._data.answers[update_id])
        if self._continued is not None and update_id == self._continued.update_id:
            pending = self._continued
        else:
            pending = PendingMessage(decision, workflow.now(), update_id, self._reapplying)
            if self._taking:
                self._queue.add(pending)
            else:
                self._refuse_closed(pending)
        await workflow.wait_condition(lambda: pending.answered)
        return self._answer(pending.refusal)

    def _validate(self, decision: Decision) -> None:
        """Refuse early what would be refused anyway: that writes no event, and the same update id may try again.

        What waits behind other messages is judged at its turn. So is what a reset brought again: every decision comes
        at once then, and none of them must be lost.
        """
        update = workflow.current_update_info()
        known = update is not None and (update.id in self._data.answers or update.id == self._data.acted_upon)
        if known or self._reapplying or not self._waits.waiting or not self._queue.empty or not self._record.begun:
            return
        try:
            self._require(decision)
            if self._in_step and self._gateway.in_flight and not self._owner.takes_meanwhile(decision):
                raise payment_in_progress()
        except RuleError as error:
            raise refusal_of(error, self._record.claim).error() from error

    def _receive(self, event: Event) -> None:
        if event.event_id not in self._data.seen and self._taking:
            self._data.seen.append(event.event_id)
            self._queue.add(PendingMessage(event, workflow.now(), reapplied=self._reapplying))

    def _answer(self, refusal: Refusal | None) -> Claim:
        if refusal is not None:
            raise refusal.error()
        return self._record.claim

    def _require(self, decision: Decision) -> None:
        claim = self._record.claim
        lifecycle.require(claim, action_of(decision))
        if self._gateway.in_flight and needs_payment(claim, decision):
            raise payment_in_progress()

    # -- the process's side ------------------------------------------------------------------------------------------

    async def next(
        self, until: datetime | None, summary: str, deadline: datetime | None = None
    ) -> Event | Decision | TimeReached:
        """The next message, or TimeReached once `until` has passed (its second included).

        What was taken before is saved and answered first. An event that happened after `deadline` waits behind it,
        however late we wake up ourselves: what time brought first comes first.
        """

        def ready() -> PendingMessage | None:
            return self._queue.ready(deadline, workflow.now())

        self._reapplying = False
        await self.finish()
        if until is None or workflow.now() <= until:
            await self._waits.wait(lambda: ready() is not None or self._calls.cancel_requested, until, summary)
        if self._calls.cancel_requested:
            raise asyncio.CancelledError
        while (pending := ready()) is not None:
            message = self._take(pending)
            if not isinstance(message, Decision):
                return message
            try:
                self._require(message)
            except RuleError as error:
                self.refuse(error)
            else:
                return message
        return TimeReached()

    async def during(self, step: Awaitable[ResultT]) -> ResultT:
        """Await `step` while messages are taken.

        Facts are given to the process for the timeline and come again, to be acted upon, when the step is done. What
        cannot be acted upon meanwhile waits for the end of the step, before a missing answer of the gateway only for a
        second.
        """
        task, acted_upon = asyncio.ensure_future(step), self._current
        self._acted_upon, self._in_step = acted_upon, True
        await asyncio.sleep(0)  # the step begins, and holds the gateway if it is a payment
        while not task.done():
            until = self._queue.waiting_since() if self._gateway.in_flight else None
            await self._waits.wait(lambda: task.done() or self._ready_in_step() is not None, until, "")
            if not task.done() and (pending := self._ready_in_step()) is not None:
                await self._take_meanwhile(pending)
        self._acted_upon, self._in_step = None, False
        self._current = acted_upon
        self._queue.release_facts()
        return task.result()

    async def _take_meanwhile(self, pending: PendingMessage) -> None:
        message = self._take(pending)
        try:
            if not isinstance(message, Decision):
                self._queue.keep_fact(pending)
            else:
                self._require(message)
                if not self._owner.takes_meanwhile(message):
                    raise payment_in_progress()
            await self._owner.meanwhile(message)
            await self.finish()
        except RuleError as error:
            self.refuse(error)

    async def finish(self) -> None:
        """Save what the current message has led to and answer it."""
        await self._record.save()
        pending, self._current = self._current, None
        if pending is not None:
            self._settle(pending, None)

    def refuse(self, error: RuleError) -> None:
        """Answer the current decision with the rule that forbids it."""
        pending, self._current = self._current, None
        if pending is not None:
            self._settle(pending, refusal_of(error, self._record.claim_or_none))

    def defer(self) -> None:
        """Put the current event aside until `release_deferred`."""
        if self._current is not None:
            self._queue.defer(self._current)
            self._current = None

    def release_deferred(self) -> None:
        self._queue.release_deferred()

    def unexpected(self, message: Event | Decision) -> None:
        """An event nobody waits for is told in the timeline; people decide what it means."""
        what = "A parcel arrived" if isinstance(message, ParcelArrived) else "The carrier scanned a parcel"
        self._record.note("unexpected_event", f"{what}, which this case did not wait for.", actor=message.actor)

    async def drain(self) -> None:
        """Take nothing any more: answer what came too late, and wait until every caller has its answer."""
        await self.finish()
        self._taking = False
        for pending in self._queue.clear():
            self._refuse_closed(pending)
        await self._waits.all_answered()

    # -- inside ------------------------------------------------------------------------------------------------------

    def _settle(self, pending: PendingMessage, refusal: Refusal | None) -> None:
        pending.refusal, pending.answered = refusal, True
        if pending.update_id == self._data.acted_upon:
            self._data.acted_upon = ""
        if pending.update_id:
            self._data.answers[pending.update_id] = refusal
            while len(self._data.answers) > _ANSWERS_KEPT:
                del self._data.answers[next(iter(self._data.answers))]

    def _refuse_closed(self, pending: PendingMessage) -> None:
        error = RuleError("action_not_allowed", "R-CLM-2", "The case was closed meanwhile.")
        self._settle(pending, refusal_of(error, self._record.claim_or_none))

    def _take(self, pending: PendingMessage) -> Event | Decision:
        self._queue.remove(pending)
        self._current = pending
        assert pending.message is not None, "an update of an earlier run is not queued"
        return pending.message

    def _ready_in_step(self) -> PendingMessage | None:
        return self._queue.ready_in_step(self._owner.takes_meanwhile, workflow.now(), paying=self._gateway.in_flight)

    def _at_rest(self) -> bool:
        return self._queue.empty and not self._record.unsaved

    def _end_handlers(self) -> None:
        """Who waits for an answer that only the gateway can give asks the next run, under the same id."""
        pending = self._acted_upon
        if pending is not None and pending.update_id:
            self._data.acted_upon = pending.update_id
            pending.refusal = refusal_of(payment_in_progress(), self._record.claim_or_none)
            pending.answered = True
        self._owner.end_handlers()
