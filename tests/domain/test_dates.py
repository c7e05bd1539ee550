"""Calendar days in a region's zone, across daylight-saving changes, leap days and year ends (edge cases 1, 2, 64)."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from domain.dates import (
    add_months,
    end_of_day,
    end_of_day_after,
    in_local_time,
    local_day,
    local_text,
    morning_of,
    start_of_day,
    whole_second,
)
from tests.domain.samples import BERLIN, LA, SYDNEY, TOKYO, at

SECOND = timedelta(seconds=1)
DAY_ENDS = [
    pytest.param("2026-12-07", LA, "2026-12-08T07:59:59", id="Los Angeles in winter"),
    pytest.param("2026-07-07", LA, "2026-07-08T06:59:59", id="Los Angeles in summer"),
    pytest.param("2026-03-08", LA, "2026-03-09T06:59:59", id="Los Angeles, the short day"),
    pytest.param("2026-11-01", LA, "2026-11-02T07:59:59", id="Los Angeles, the long day"),
    pytest.param("2026-12-07", BERLIN, "2026-12-07T22:59:59", id="Berlin in winter"),
    pytest.param("2026-03-29", BERLIN, "2026-03-29T21:59:59", id="Berlin, the short day"),
    pytest.param("2026-10-25", BERLIN, "2026-10-25T22:59:59", id="Berlin, the long day"),
    pytest.param("2026-06-15", TOKYO, "2026-06-15T14:59:59", id="Tokyo"),
    pytest.param("2026-12-31", TOKYO, "2026-12-31T14:59:59", id="Tokyo at the year's end"),
    pytest.param("2026-07-01", SYDNEY, "2026-07-01T13:59:59", id="Sydney in winter"),
    pytest.param("2026-12-31", SYDNEY, "2026-12-31T12:59:59", id="Sydney in summer"),
    pytest.param("2026-10-04", SYDNEY, "2026-10-04T12:59:59", id="Sydney, the short day"),
    pytest.param("2026-04-05", SYDNEY, "2026-04-05T13:59:59", id="Sydney, the long day"),
    pytest.param("2028-02-29", LA, "2028-03-01T07:59:59", id="the leap day"),
    # The clock changes at midnight.
    pytest.param("2025-03-08", "America/Havana", "2025-03-09T04:59:59", id="Havana, no midnight follows"),
    pytest.param("2025-11-02", "America/Havana", "2025-11-03T04:59:59", id="Havana, midnight came twice"),
    pytest.param("2025-04-24", "Africa/Cairo", "2025-04-24T21:59:59", id="Cairo, no midnight follows"),
    pytest.param("2025-10-30", "Africa/Cairo", "2025-10-30T21:59:59", id="Cairo, 23:59:59 comes twice: the later"),
    pytest.param("2024-03-30", "America/Nuuk", "2024-03-31T00:59:59", id="Nuuk, the day lacks its last hour"),
    pytest.param("2024-10-26", "America/Nuuk", "2024-10-27T01:59:59", id="Nuuk, 23:59:59 comes twice: the later"),
]


@pytest.mark.parametrize(("day", "zone", "expected"), DAY_ENDS)
def test_a_day_ends_with_its_last_local_second(day: str, zone: str, expected: str) -> None:
    """R-RET-2: due is the local 23:59:59."""
    on = date.fromisoformat(day)
    end = end_of_day(on, zone)

    assert end == at(expected)
    assert (local_day(end - SECOND, zone), local_day(end, zone)) == (on, on)
    assert local_day(end + SECOND, zone) == on + timedelta(days=1)
    assert end + SECOND == start_of_day(on + timedelta(days=1), zone)


@pytest.mark.parametrize(
    ("day", "zone", "first"),
    [
        pytest.param("2025-03-09", "America/Havana", "2025-03-09T05:00:00", id="Havana: the day begins at 01:00"),
        pytest.param("2025-11-02", "America/Havana", "2025-11-02T04:00:00", id="Havana: the earlier of two midnights"),
        pytest.param("2025-04-25", "Africa/Cairo", "2025-04-24T22:00:00", id="Cairo: the day begins at 01:00"),
        pytest.param("2026-01-01", TOKYO, "2025-12-31T15:00:00", id="Tokyo: last year in UTC"),
    ],
)
def test_a_day_starts_with_its_first_instant(day: str, zone: str, first: str) -> None:
    on = date.fromisoformat(day)
    start = start_of_day(on, zone)

    assert start == at(first)
    assert local_day(start, zone) == on
    assert local_day(start - SECOND, zone) == on - timedelta(days=1)


@pytest.mark.parametrize(
    ("started", "zone", "days", "due"),
    [
        pytest.param("2026-11-23T00:00:00", LA, 14, "2026-12-07T23:59:59", id="from the day's first second"),
        pytest.param("2026-11-23T23:59:59", LA, 14, "2026-12-07T23:59:59", id="from the day's last second"),
        pytest.param("2026-11-24T00:00:00", LA, 14, "2026-12-08T23:59:59", id="from the next day's first second"),
        pytest.param("2026-03-01T12:00:00", LA, 14, "2026-03-15T23:59:59", id="the clock goes forward inside"),
        pytest.param("2026-10-25T00:30:00", LA, 14, "2026-11-08T23:59:59", id="the clock goes back inside"),
        pytest.param("2026-03-20T23:30:00", BERLIN, 10, "2026-03-30T23:59:59", id="forward inside, Berlin"),
        pytest.param("2026-10-20T23:30:00", BERLIN, 10, "2026-10-30T23:59:59", id="back inside, Berlin"),
        pytest.param("2026-09-28T08:00:00", SYDNEY, 7, "2026-10-05T23:59:59", id="forward inside, Sydney"),
        pytest.param("2025-10-20T23:30:00", "Africa/Cairo", 11, "2025-10-31T23:59:59", id="back at midnight, Cairo"),
        pytest.param("2025-03-01T09:00:00", "America/Havana", 10, "2025-03-11T23:59:59", id="no midnight, Havana"),
        pytest.param("2026-12-24T09:00:00", TOKYO, 10, "2027-01-03T23:59:59", id="over the year's end"),
        pytest.param("2028-02-20T09:00:00", TOKYO, 9, "2028-02-29T23:59:59", id="onto the leap day"),
        pytest.param("2027-02-20T09:00:00", TOKYO, 9, "2027-03-01T23:59:59", id="past where it would be"),
        pytest.param("2026-06-02T09:00:00", TOKYO, 0, "2026-06-02T23:59:59", id="no day at all"),
    ],
)
def test_days_are_counted_on_the_calendar(started: str, zone: str, days: int, due: str) -> None:
    """R-RET-1, R-RET-2, edge case 2: never so many times 24 hours; weekends count."""
    assert end_of_day_after(at(started, zone), days, zone) == at(due, zone)


@pytest.mark.parametrize(
    ("day", "zone", "nine"),
    [
        ("2026-03-08", LA, "2026-03-08T16:00:00"),
        ("2026-03-07", LA, "2026-03-07T17:00:00"),
        ("2025-10-30", "Africa/Cairo", "2025-10-30T06:00:00"),
        ("2025-10-31", "Africa/Cairo", "2025-10-31T07:00:00"),
    ],
)
def test_a_morning_is_nine_oclock_whatever_the_clock_did(day: str, zone: str, nine: str) -> None:
    """R-NOT-1."""
    assert morning_of(date.fromisoformat(day), zone) == at(nine)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-02-29", 24, "2026-02-28"),
        ("2024-02-29", 48, "2028-02-29"),
        ("2023-02-28", 12, "2024-02-28"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-03-31", 1, "2026-04-30"),
        ("2026-12-31", 12, "2027-12-31"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-01-15", 0, "2026-01-15"),
        ("2026-01-15", -1, "2025-12-15"),
    ],
)
def test_months_are_moved_on_the_calendar(day: str, months: int, expected: str) -> None:
    """R-PUR-5, edge case 64."""
    assert add_months(date.fromisoformat(day), months) == date.fromisoformat(expected)


def test_a_fraction_belongs_to_its_second() -> None:
    late = datetime(2026, 6, 16, 23, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=-7)))
    assert whole_second(late) == datetime(2026, 6, 17, 6, 59, 59, tzinfo=UTC)


def test_an_instant_without_a_zone_is_refused() -> None:
    naive = at("2026-06-16T23:59:59").replace(tzinfo=None)
    with pytest.raises(ValueError, match="needs a time zone"):
        whole_second(naive)
    with pytest.raises(ValueError, match="needs a time zone"):
        local_day(naive, LA)


def test_a_customer_reads_date_time_and_zone() -> None:
    """Edge case 1."""
    assert local_text(at("2026-06-17T06:59:59"), LA) == "2026-06-16 23:59:59 America/Los_Angeles"


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("until 2026-06-17 06:59:59 UTC", "until 2026-06-16 23:59:59 America/Los_Angeles"),
        (
            "2026-01-01 08:00:00 UTC to 2026-07-01 06:00:00 UTC.",
            "2026-01-01 00:00:00 America/Los_Angeles to 2026-06-30 23:00:00 America/Los_Angeles.",
        ),
        ("2026-06-16 23:59:59 America/Los_Angeles", "2026-06-16 23:59:59 America/Los_Angeles"),
        ("on 2026-06-17, in UTC", "on 2026-06-17, in UTC"),
        ("2026-02-30 25:61:00 UTC", "2026-02-30 25:61:00 UTC"),
        ("", ""),
    ],
)
def test_what_a_workflow_wrote_in_utc_is_read_in_local_time(text: str, local: str) -> None:
    assert in_local_time(text, LA) == local
