"""Workflow part: the order in which a claim takes its messages. It uses neither Temporal nor the claim."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from messages.claims import ClaimEventMessage, Decision, Event, ParcelArrived, ParcelDelivered, ParcelScanned
from workflows.parts.pending_message import PendingMessage

DECISION_WAIT = timedelta(seconds=1)
"""How long a decision that is not accepted during a payment step waits for its end; then it is rejected."""


@dataclass
class QueueData:
    """Events that a new run has to take: the deferred ones, and the queued ones in their order."""

    deferred: list[ClaimEventMessage] = field(default_factory=list)
    queued: list[ClaimEventMessage] = field(default_factory=list)


class MessageQueue:
    """Messages in the order of their arrival, but an event later than a deadline that has passed comes after it."""

    def __init__(self, data: QueueData, now: datetime) -> None:
        self._pending = [PendingMessage(event, now) for event in data.queued]
        self._deferred = [PendingMessage(event, now) for event in data.deferred]
        self._recorded: list[PendingMessage] = []

    @property
    def data(self) -> QueueData:
        return QueueData(_events(self._deferred), _events([*self._recorded, *self._pending]))

    @property
    def empty(self) -> bool:
        return not self._pending

    def add(self, pending: PendingMessage) -> None:
        self._pending.append(pending)

    def ready(self, deadline: datetime | None, now: datetime) -> PendingMessage | None:
        """The next message outside a step; it stays in the queue until it is removed."""
        return next((pending for pending in self._pending if not _is_after_deadline(pending, deadline, now)), None)

    def ready_in_step(
        self, accepts: Callable[[Decision], bool], now: datetime, *, paying: bool
    ) -> PendingMessage | None:
        """The next message that can be taken in a step: an event, a decision that `accepts` allows, or one that has
        waited long enough while the step is `paying`. What a reset reapplied waits for the end of the step."""
        for pending in self._pending:
            if not isinstance(pending.message, Decision):
                return pending
            waited = paying and now >= pending.received_at + DECISION_WAIT
            if not pending.reapplied and (accepts(pending.message) or waited):
                return pending
        return None

    def waiting_since(self) -> datetime | None:
        """When the first of the waiting decisions was received."""
        return min((each.received_at for each in self._pending if not each.reapplied), default=None)

    def remove(self, pending: PendingMessage) -> None:
        self._pending.remove(pending)

    def keep_recorded(self, pending: PendingMessage) -> None:
        """Keep an event that was recorded during a step, to be handled when the step is done."""
        self._recorded.append(pending)

    def release_recorded(self) -> None:
        self._pending[:0], self._recorded = self._recorded, []

    def defer(self, pending: PendingMessage) -> None:
        """Keep the event back until `release_deferred`."""
        self._deferred.append(pending)

    def release_deferred(self) -> None:
        self._pending[:0], self._deferred = self._deferred, []

    def clear(self) -> list[PendingMessage]:
        """Remove and return everything that was not taken."""
        left = [*self._deferred, *self._pending]
        self._deferred, self._pending = [], []
        return left


def _events(pending: list[PendingMessage]) -> list[ClaimEventMessage]:
    return [each.message for each in pending if isinstance(each.message, ClaimEventMessage)]


def _is_after_deadline(pending: PendingMessage, deadline: datetime | None, now: datetime) -> bool:
    """Whether the event happened after the deadline, which has passed."""
    at = _happened_at(pending.message) if pending.message is not None else None
    return deadline is not None and now > deadline and at is not None and at > deadline


def _happened_at(message: Event | Decision) -> datetime | None:
    """An event's own time; None for a message that counts from when it is received."""
    match message:
        case ParcelScanned():
            return message.scanned_at
        case ParcelArrived():
            return message.arrived_at
        case ParcelDelivered():
            return message.delivered_at
        case _:
            return None
