"""The return window: due, carried, in time, late, and the time to put a wrong box right."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.claim import Return
from domain.kinds import Component
from domain.policy import Policy
from domain.returns import (
    carried_in_time,
    cure_until,
    in_time,
    refundable,
    reminders,
    waits_until,
    window,
)
from tests.domain.samples import BERLIN, LA, SYDNEY, TOKYO, at

SECOND = timedelta(seconds=1)
EXPECTED = (Component.AIRCRAFT,)


def opened(started: str, days: int, zone: str, extended: int = 0, policy: Policy | None = None) -> Return:
    return window(at(started, zone), days, zone, EXPECTED, policy or Policy(), extended)


WINDOWS = [
    # zone, dispatched, days, due, carried until, late until: all as a local clock shows them
    pytest.param(LA, "2026-06-02T00:00:00", 14, "06-16", "06-21", "06-26", id="dispatched as the day began"),
    pytest.param(LA, "2026-06-02T23:59:59", 14, "06-16", "06-21", "06-26", id="dispatched as the day ended"),
    pytest.param(LA, "2026-02-24T15:00:00", 14, "03-10", "03-15", "03-20", id="the clock goes forward before due"),
    pytest.param(LA, "2026-02-22T15:00:00", 13, "03-07", "03-12", "03-17", id="the clock goes forward after due"),
    pytest.param(LA, "2026-10-25T15:00:00", 7, "11-01", "11-06", "11-11", id="due on the long day"),
    pytest.param(BERLIN, "2026-03-19T15:00:00", 10, "03-29", "04-03", "04-08", id="due on the short day, Berlin"),
    pytest.param(BERLIN, "2026-10-16T15:00:00", 10, "10-26", "10-31", "11-05", id="back inside, Berlin"),
    pytest.param(TOKYO, "2026-02-25T15:00:00", 10, "03-07", "03-12", "03-17", id="Tokyo"),
    pytest.param(SYDNEY, "2026-09-28T15:00:00", 7, "10-05", "10-10", "10-15", id="forward inside, Sydney"),
    pytest.param("America/Havana", "2026-03-01T15:00:00", 7, "03-08", "03-13", "03-18", id="no midnight, Havana"),
    pytest.param("Africa/Cairo", "2026-10-22T15:00:00", 7, "10-29", "11-03", "11-08", id="a day's end twice, Cairo"),
]


@pytest.mark.parametrize(("zone", "started", "days", "due", "carried", "late"), WINDOWS)
def test_a_window_ends_with_local_days(zone: str, started: str, days: int, due: str, carried: str, late: str) -> None:
    """R-RET-1, R-RET-2, R-RET-4, R-RET-10, edge cases 1 and 2: the dispatch day is day 0, weekends count."""
    returning = opened(started, days, zone)

    assert returning.due_at == last_second(due, zone)
    assert returning.carried_until == last_second(carried, zone)
    assert returning.late_until == last_second(late, zone)
    assert (returning.window_days, returning.extended_days, returning.time_zone) == (days, 0, zone)
    assert returning.expected == EXPECTED


def last_second(day: str, zone: str) -> datetime:
    """The last second of 2026-`day`: the later one where the clock shows it twice."""
    first = at(f"2026-{day}T23:59:59", zone)
    again = first + timedelta(hours=1)
    return again if f"{again.astimezone(ZoneInfo(zone)):%m-%d}" == day else first


def test_a_window_over_the_years_end_falls_into_the_next() -> None:
    """R-RET-2."""
    returning = opened("2026-12-24T15:00:00", 14, LA)
    assert returning.due_at == at("2027-01-07T23:59:59", LA)
    assert returning.carried_until == at("2027-01-12T23:59:59", LA)


@pytest.mark.parametrize("zone", [LA, BERLIN, TOKYO, SYDNEY])
def test_a_window_words_its_ends_in_its_zone(zone: str) -> None:
    """R-RET-6, edge case 1: date, time, zone."""
    returning = opened("2026-10-25T15:00:00", 10, zone)
    assert returning.due_text == f"2026-11-04 23:59:59 {zone}"
    assert returning.late_text == f"2026-11-14 23:59:59 {zone}"


def test_a_window_may_end_on_the_leap_day() -> None:
    """R-RET-2, edge case 64."""
    assert opened("2028-02-15T15:00:00", 14, LA).due_at == at("2028-02-29T23:59:59", LA)


RETURN = opened("2026-06-02T15:00:00", 14, LA)
DUE = RETURN.due_at
FRACTION = SECOND * 0.999


@pytest.mark.parametrize(
    ("arrived_at", "punctual"),
    [
        pytest.param(DUE - SECOND, True, id="the second before"),
        pytest.param(DUE, True, id="at due"),
        pytest.param(DUE + FRACTION, True, id="within the last second"),
        pytest.param(DUE + SECOND, False, id="the second after"),
        pytest.param(RETURN.carried_until, False, id="within the carrier's days, never scanned"),
    ],
)
def test_an_arrival_decides_by_its_own_time(arrived_at: datetime, punctual: bool) -> None:
    """R-RET-2, R-RET-3, edge cases 1, 3, 4."""
    assert in_time(RETURN, arrived_at) is punctual


@pytest.mark.parametrize(
    ("scanned_at", "carried"),
    [
        pytest.param(None, False, id="never scanned"),
        pytest.param(DUE - SECOND, True, id="the second before"),
        pytest.param(DUE, True, id="at due"),
        pytest.param(DUE + FRACTION, True, id="within the last second"),
        pytest.param(DUE + SECOND, False, id="the second after"),
    ],
)
def test_only_a_scan_by_due_earns_the_carriers_days(scanned_at: datetime | None, carried: bool) -> None:
    """R-RET-4, decision 4, edge case 6."""
    returning = replace(RETURN, scanned_at=scanned_at)
    assert carried_in_time(returning) is carried
    assert waits_until(returning) == (RETURN.carried_until if carried else DUE)


@pytest.mark.parametrize(
    ("arrived_at", "punctual"),
    [
        pytest.param(DUE + SECOND, True, id="the second after due"),
        pytest.param(RETURN.carried_until - SECOND, True, id="the second before the carrier's days end"),
        pytest.param(RETURN.carried_until, True, id="as they end"),
        pytest.param(RETURN.carried_until + SECOND, False, id="the second after"),
    ],
)
def test_what_the_carrier_took_in_time_has_five_days_more(arrived_at: datetime, punctual: bool) -> None:
    """R-RET-4, decision 4."""
    assert RETURN.carried_until == at("2026-06-21T23:59:59", LA)
    assert in_time(replace(RETURN, scanned_at=DUE), arrived_at) is punctual


@pytest.mark.parametrize(
    ("arrived_at", "refunded"),
    [
        pytest.param(RETURN.late_until - SECOND, True, id="the second before"),
        pytest.param(RETURN.late_until, True, id="the last second"),
        pytest.param(RETURN.late_until + FRACTION, True, id="within the last second"),
        pytest.param(RETURN.late_until + SECOND, False, id="the second after: a person decides"),
    ],
)
def test_a_late_return_is_refunded_for_ten_days(arrived_at: datetime, refunded: bool) -> None:
    """R-RET-10, decision 5, edge case 8."""
    assert RETURN.late_until == at("2026-06-26T23:59:59", LA)
    assert refundable(RETURN, arrived_at) is refunded


@pytest.mark.parametrize(
    ("days", "due", "carried", "late"),
    [(1, "06-17", "06-22", "06-27"), (7, "06-23", "06-28", "07-03")],
)
def test_an_extension_moves_all_three_ends(days: int, due: str, carried: str, late: str) -> None:
    """R-RET-5."""
    longer = opened("2026-06-02T15:00:00", 14, LA, extended=days)
    assert longer.due_at == at(f"2026-{due}T23:59:59", LA)
    assert longer.carried_until == at(f"2026-{carried}T23:59:59", LA)
    assert longer.late_until == at(f"2026-{late}T23:59:59", LA)
    assert (longer.window_days, longer.extended_days) == (14, days)


def test_grace_and_late_days_are_configuration() -> None:
    """R-RET-4, R-RET-10."""
    strict = opened("2026-06-02T15:00:00", 14, LA, policy=Policy(transit_grace_days=0, late_return_days=0))
    assert strict.due_at == strict.carried_until == strict.late_until


CURES = [
    # zone, notified, due, days, until
    pytest.param(LA, "2026-06-10T12:00:00", "2026-06-16T23:59:59", 3, "2026-06-16T23:59:59", id="due is later"),
    pytest.param(LA, "2026-06-13T23:59:59", "2026-06-16T23:59:59", 3, "2026-06-16T23:59:59", id="both alike"),
    pytest.param(LA, "2026-06-14T00:00:00", "2026-06-16T23:59:59", 3, "2026-06-17T23:59:59", id="the notice is later"),
    pytest.param(LA, "2026-06-20T09:00:00", "2026-06-16T23:59:59", 3, "2026-06-23T23:59:59", id="notified after due"),
    pytest.param(LA, "2026-06-10T12:00:00", "2026-06-16T23:59:59", 7, "2026-06-17T23:59:59", id="parts: seven days"),
    pytest.param(LA, "2026-03-06T12:00:00", "2026-03-01T23:59:59", 3, "2026-03-09T23:59:59", id="forward inside"),
    pytest.param(LA, "2026-10-30T12:00:00", "2026-10-20T23:59:59", 3, "2026-11-02T23:59:59", id="back inside"),
    pytest.param(BERLIN, "2026-10-23T22:30:00", "2026-10-20T23:59:59", 3, "2026-10-26T23:59:59", id="Berlin"),
    pytest.param(TOKYO, "2026-12-30T00:00:00", "2026-12-20T23:59:59", 3, "2027-01-02T23:59:59", id="Tokyo, new year"),
    pytest.param(LA, "2026-06-10T12:00:00", "2026-06-16T23:59:59", 0, "2026-06-10T12:00:00", id="capture at once"),
    pytest.param(LA, "2026-06-20T12:00:00", "2026-06-16T23:59:59", 0, "2026-06-20T12:00:00", id="at once after due"),
]


@pytest.mark.parametrize(("zone", "notified", "due", "days", "until"), CURES)
def test_a_wrong_box_may_be_put_right_until_due_or_days_after_the_notice(
    zone: str, notified: str, due: str, days: int, until: str
) -> None:
    """R-INS-4, R-CMP-2, decision 3, edge case 10: the later of the two."""
    assert cure_until(at(notified, zone), at(due, zone), zone, days) == at(until, zone)


@pytest.mark.parametrize(
    ("due", "zone", "mornings"),
    [
        (
            "2026-06-16T23:59:59",
            LA,
            {"due_minus_3": "2026-06-13", "due_minus_1": "2026-06-15", "due_day": "2026-06-16"},
        ),
        (
            "2026-03-09T23:59:59",
            LA,
            {"due_minus_3": "2026-03-06", "due_minus_1": "2026-03-08", "due_day": "2026-03-09"},
        ),
        (
            "2027-01-01T23:59:59",
            TOKYO,
            {"due_minus_3": "2026-12-29", "due_minus_1": "2026-12-31", "due_day": "2027-01-01"},
        ),
    ],
)
def test_reminders_go_out_on_three_mornings(due: str, zone: str, mornings: dict[str, str]) -> None:
    """R-NOT-1: due-3, due-1 and the due day, nine o'clock local, earliest first."""
    sent = reminders(at(due, zone), zone)
    assert list(sent.items()) == [(kind, at(f"{day}T09:00:00", zone)) for kind, day in mornings.items()]
