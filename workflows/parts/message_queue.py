"""Workflows, a part: the order in which a claim takes its messages. It knows neither Temporal nor the claim."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from messages.claims import ClaimEventMessage, Decision, happened_at
from workflows.parts.pending_message import PendingMessage

PATIENCE = timedelta(seconds=1)
"""How long a decision that cannot be acted upon waits for the answer to a payment; then it is refused."""


@dataclass
class QueueData:
    """Events that a new run has to take: those put aside, and those in their order."""

    deferred: list[ClaimEventMessage] = field(default_factory=list)
    queued: list[ClaimEventMessage] = field(default_factory=list)


class MessageQueue:
    """Messages in the order in which they came, but for an event that happened after a deadline that has passed: what
    time brought first comes first."""

    def __init__(self, data: QueueData, now: datetime) -> None:
        self._pending = [PendingMessage(event, now) for event in data.queued]
        self._deferred = [PendingMessage(event, now) for event in data.deferred]
        self._facts: list[PendingMessage] = []

    @property
    def data(self) -> QueueData:
        return QueueData(_events(self._deferred), _events([*self._facts, *self._pending]))

    @property
    def empty(self) -> bool:
        return not self._pending

    def add(self, pending: PendingMessage) -> None:
        self._pending.append(pending)

    def ready(self, deadline: datetime | None, now: datetime) -> PendingMessage | None:
        """The next message of a process that waits; it stays until it is removed."""
        return next((pending for pending in self._pending if not _is_behind(pending, deadline, now)), None)

    def ready_in_step(self, takes: Callable[[Decision], bool], now: datetime, *, paying: bool) -> PendingMessage | None:
        """The next message that can be taken in a step: a fact, a decision that `takes` allows, and one that has waited
        long enough while the step is `paying`. What a reset brought again waits for the end of the step."""
        for pending in self._pending:
            if not isinstance(pending.message, Decision):
                return pending
            waited = paying and now >= pending.received_at + PATIENCE
            if not pending.reapplied and (takes(pending.message) or waited):
                return pending
        return None

    def waiting_since(self) -> datetime | None:
        """When the first of the decisions came that wait for a payment."""
        return min((each.received_at for each in self._pending if not each.reapplied), default=None)

    def remove(self, pending: PendingMessage) -> None:
        self._pending.remove(pending)

    def keep_fact(self, pending: PendingMessage) -> None:
        """The fact was recorded in a step, and is acted upon when the step is done."""
        self._facts.append(pending)

    def release_facts(self) -> None:
        self._pending[:0], self._facts = self._facts, []

    def defer(self, pending: PendingMessage) -> None:
        """Put the event aside until `release_deferred`."""
        self._deferred.append(pending)

    def release_deferred(self) -> None:
        self._pending[:0], self._deferred = self._deferred, []

    def clear(self) -> list[PendingMessage]:
        """Everything that was not taken."""
        left = [*self._deferred, *self._pending]
        self._deferred, self._pending = [], []
        return left


def _events(pending: list[PendingMessage]) -> list[ClaimEventMessage]:
    return [each.message for each in pending if isinstance(each.message, ClaimEventMessage)]


def _is_behind(pending: PendingMessage, deadline: datetime | None, now: datetime) -> bool:
    """Whether the event happened after the deadline, which has passed."""
    at = happened_at(pending.message) if pending.message is not None else None
    return deadline is not None and now > deadline and at is not None and at > deadline
