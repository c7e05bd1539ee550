"""Reminders and the return window as parts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.claim import Return
from domain.kinds import ClaimState
from messages.claims import ParcelArrived, ParcelScanned
from messages.mail import MailKind
from tests.domain.samples import NOW, claim
from tests.parts.conftest import Clock, Parts
from workflows.parts.reminders import Reminders
from workflows.parts.return_window import ReturnWindow

DUE = NOW + timedelta(days=14)


@pytest.fixture
def window(parts: Parts) -> ReturnWindow:
    window = ReturnWindow(parts.record, parts.calls, Reminders())
    returning = Return(14, DUE, "UTC", (), carried_until=DUE + timedelta(days=7), late_until=DUE + timedelta(days=30))
    window.opened(returning, {})
    return window


def arrived(event_id: str = "e-1") -> ParcelArrived:
    return ParcelArrived(event_id=event_id, actor="warehouse", arrived_at=NOW)


def lines(parts: Parts, window: ReturnWindow) -> int:
    return len(window.data.recorded)


def test_an_event_is_once_in_the_timeline(parts: Parts, window: ReturnWindow) -> None:
    """It is recorded while a step is in flight, and again when it is handled."""
    window.record(arrived())
    seq = parts.record.claim
    window.record(arrived())
    window.arrived(arrived(), "for the inspection")
    assert lines(parts, window) == 1
    assert seq.state is ClaimState.AWAITING_RETURN
    assert parts.record.claim.state is ClaimState.INSPECTING


def test_the_deadline_has_passed_only_after_its_second(window: ReturnWindow, clock: Clock) -> None:
    clock.now = DUE
    assert not window.deadline_passed
    clock.advance(seconds=1)
    assert window.deadline_passed


def test_a_scan_is_kept_with_the_window(parts: Parts, window: ReturnWindow) -> None:
    assert claim().returning is None
    event = ParcelScanned(event_id="s", actor="carrier", scanned_at=NOW, carrier="UPS", tracking_number="1Z")
    parts.record.change(returning=replace(window.returning, scanned_at=event.scanned_at))
    window.record(event)
    assert window.returning.scanned_at == NOW


def test_of_reminders_whose_time_has_come_the_latest_is_sent_and_each_once(clock: Clock) -> None:
    """R-NOT-1: what an outage has overtaken is not sent any more."""
    reminders = Reminders()
    first, second = NOW + timedelta(days=1), NOW + timedelta(days=2)
    reminders.set({"due_minus_3": first, "due_day": second, "in_transit": NOW - timedelta(days=1)})
    assert reminders.next_at == first
    clock.advance(days=3)
    assert reminders.take_latest() is MailKind("due_day")
    assert reminders.take_latest() is None
    reminders.move({"due_minus_3": NOW + timedelta(days=9)})
    assert reminders.next_at is None
