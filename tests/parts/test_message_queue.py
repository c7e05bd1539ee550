"""The order in which a claim accepts its messages."""

from datetime import datetime, timedelta

import pytest

from messages.claims import CancelClaim, Decision, ExtendReturn, ParcelArrived, ParcelScanned
from tests.domain.samples import NOW
from workflows.parts.message_queue import DECISION_WAIT, MessageQueue, QueueData
from workflows.parts.pending_message import PendingMessage

CANCEL = CancelClaim(actor="customer")
EXTEND = ExtendReturn(actor="staff", days=3, reason="ill")


def arrived(at: datetime = NOW) -> ParcelArrived:
    return ParcelArrived(event_id=f"e-{at}", actor="warehouse", arrived_at=at)


def scanned(at: datetime = NOW) -> ParcelScanned:
    return ParcelScanned(event_id="s-1", actor="warehouse", scanned_at=at, carrier="UPS", tracking_number="1Z")


def accepts(decision: Decision) -> bool:
    return isinstance(decision, ExtendReturn)


@pytest.fixture
def queue() -> MessageQueue:
    return MessageQueue(QueueData(), NOW)


def add(queue: MessageQueue, *messages: ParcelArrived | ParcelScanned | Decision) -> list[PendingMessage]:
    pending = [PendingMessage(message, NOW) for message in messages]
    for each in pending:
        queue.add(each)
    return pending


def test_messages_come_in_their_order(queue: MessageQueue) -> None:
    first, second = add(queue, CANCEL, arrived())
    assert queue.ready(None, NOW) is first
    queue.remove(first)
    assert queue.ready(None, NOW) is second


def test_what_happened_after_a_deadline_that_has_passed_waits_behind_it(queue: MessageQueue) -> None:
    """R-RET-3: the event's own time decides, however late it is received."""
    late, in_time = add(queue, arrived(NOW + timedelta(seconds=1)), arrived(NOW))
    later = NOW + timedelta(hours=1)
    assert queue.ready(NOW, later) is in_time
    queue.remove(in_time)
    assert queue.ready(NOW, later) is None
    assert queue.ready(None, later) is late


def test_in_a_step_events_and_what_needs_no_payment_are_taken(queue: MessageQueue) -> None:
    cancel, extend, event = add(queue, CANCEL, EXTEND, scanned())
    assert queue.ready_in_step(accepts, NOW, paying=True) is extend
    queue.remove(extend)
    assert queue.ready_in_step(accepts, NOW, paying=True) is event
    queue.remove(event)
    assert queue.ready_in_step(accepts, NOW, paying=True) is None
    assert queue.ready_in_step(accepts, NOW + DECISION_WAIT, paying=True) is cancel
    assert queue.ready_in_step(accepts, NOW + DECISION_WAIT, paying=False) is None


def test_a_decision_that_a_reset_brought_again_waits_for_the_end_of_the_step(queue: MessageQueue) -> None:
    queue.add(PendingMessage(CANCEL, NOW, reapplied=True))
    assert queue.ready_in_step(accepts, NOW + 2 * DECISION_WAIT, paying=True) is None
    assert queue.waiting_since() is None


def test_an_event_of_a_step_comes_again_before_what_came_later(queue: MessageQueue) -> None:
    event, decision = add(queue, arrived(), CANCEL)
    queue.remove(event)
    queue.keep_recorded(event)
    queue.release_recorded()
    assert queue.ready(None, NOW) is event
    queue.remove(event)
    assert queue.ready(None, NOW) is decision


def test_a_new_run_gets_every_event_and_no_decision(queue: MessageQueue) -> None:
    """Every update has completed before a run ends."""
    event, aside, waiting, _ = add(queue, scanned(), arrived(), arrived(NOW + timedelta(days=1)), CANCEL)
    queue.remove(event)
    queue.keep_recorded(event)
    queue.remove(aside)
    queue.defer(aside)
    data = queue.data
    assert data.queued == [event.message, waiting.message]
    assert data.deferred == [aside.message]
    again = MessageQueue(data, NOW)
    again.release_deferred()
    assert [each.message for each in again.clear()] == [aside.message, event.message, waiting.message]
    assert again.empty
