"""Domain: return windows: due dates, reminders, and whether a return is in time (R-RET, R-INS-4, R-CMP-2)."""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.claim import Return
from domain.dates import end_of_day, end_of_day_after, local_day, local_text, morning_of, whole_second
from domain.kinds import Component
from domain.policy import Policy

REMINDER_DAYS = {"due_minus_3": 3, "due_minus_1": 1, "due_day": 0}


def window(
    started_at: datetime,
    days: int,
    zone: str,
    expected: tuple[Component, ...],
    policy: Policy,
    extended: int = 0,
) -> Return:
    """The return window of `days` + `extended` from the day of `started_at`, day 0 (R-RET-1, R-RET-2, R-RET-5)."""
    due_on = local_day(started_at, zone) + timedelta(days=days + extended)
    due_at = end_of_day(due_on, zone)
    late_until = end_of_day(due_on + timedelta(days=policy.late_return_days), zone)
    return Return(
        window_days=days,
        due_at=due_at,
        time_zone=zone,
        expected=expected,
        carried_until=end_of_day(due_on + timedelta(days=policy.transit_grace_days), zone),
        late_until=late_until,
        extended_days=extended,
        due_text=local_text(due_at, zone),
        late_text=local_text(late_until, zone),
    )


def reopened(before: Return, fresh: Return, *, charged: bool) -> Return:
    """The window of an original whose replacement came back and was dispatched again (R-EXP-10): `fresh`, from the day
    of that dispatch, unless the window `before` ends later, as one that was extended may.

    After a default was charged (`charged`) its due date stays, and the last day for a refund alone is the later one.
    What carrier and warehouse reported was the parcel of the new unit.
    """
    kept = replace(before, scanned_at=None, arrived_at=None, delivered_at=None, parcel=None)
    if not charged:
        return fresh if fresh.due_at >= before.due_at else kept
    if fresh.late_until <= before.late_until:
        return kept
    return replace(kept, late_until=fresh.late_until, late_text=fresh.late_text)


def reminders(due_at: datetime, zone: str) -> dict[str, datetime]:
    """When each reminder goes out: 09:00 local on due-3, due-1 and the due day (R-NOT-1), earliest first."""
    due_on = local_day(due_at, zone)
    return {kind: morning_of(due_on - timedelta(days=days), zone) for kind, days in REMINDER_DAYS.items()}


def carried_in_time(returning: Return) -> bool:
    """Whether the carrier accepted the parcel on or before due. A scan after due earns no grace (R-RET-4)."""
    return returning.scanned_at is not None and whole_second(returning.scanned_at) <= returning.due_at


def waits_until(returning: Return) -> datetime:
    """The last second before a default falls due: due, or five days more when the carrier took it in time (R-RET-4).

    It does not depend on the end of the hold: nothing is charged early (R-RET-7).
    """
    return returning.carried_until if carried_in_time(returning) else returning.due_at


def delivered_by(returning: Return, deadline: datetime) -> bool:
    """Whether the carrier says that it delivered the parcel to us by `deadline`: then no machine charges a default,
    and the warehouse looks for the parcel (R-RET-3, decision 22 of the programme)."""
    return returning.delivered_at is not None and whole_second(returning.delivered_at) <= deadline


def reached_us(returning: Return, arrived_at: datetime) -> datetime:
    """The moment that counts for an arrival: the carrier's delivery, where that was earlier (R-RET-3)."""
    return min(arrived_at, returning.delivered_at or arrived_at)


def in_time(returning: Return, arrived_at: datetime) -> bool:
    """Whether a unit that arrived at `arrived_at` is in time, whatever else happened meanwhile (R-RET-2..4)."""
    return whole_second(reached_us(returning, arrived_at)) <= waits_until(returning)


def refundable(returning: Return, arrived_at: datetime) -> bool:
    """Whether an arrival after the default charge is refunded without a person deciding (R-RET-10)."""
    return whole_second(reached_us(returning, arrived_at)) <= returning.late_until


def cure_until(notified_at: datetime, due_at: datetime, zone: str, days: int) -> datetime:
    """Until when a wrong box may be put right: the later of due and `days` after the notice (R-INS-4, R-CMP-2).

    With `days` 0 there is no such time: it ends with the notice itself (decision 3, "capture at once").
    """
    if days == 0:
        return notified_at
    return max(due_at, end_of_day_after(notified_at, days, zone))
