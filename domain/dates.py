"""Domain: calendar arithmetic in a region's zone. Instants in and out are aware UTC, whole seconds."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_LAST_SECOND = time(23, 59, 59)
_UTC_TEXT = re.compile(r"\b(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC\b")


def zone_known(zone: str) -> bool:
    """Whether `zone` is an IANA time zone that calendar days can be computed in."""
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):  # unknown, no name for a zone, the name of a folder of zones
        return False
    return True


def whole_second(instant: datetime) -> datetime:
    """`instant` in UTC without its fraction: deadlines are exact to the second, and 23:59:59.9 is still 23:59:59.

    Raises ValueError for an instant without a zone.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC).replace(microsecond=0)


def local_day(instant: datetime, zone: str) -> date:
    """The calendar day on which `instant` falls in `zone`. Raises ValueError for an instant without a zone."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(ZoneInfo(zone)).date()


def start_of_day(day: date, zone: str) -> datetime:
    """The first instant of `day` in `zone`, in UTC."""
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)


def end_of_day(day: date, zone: str) -> datetime:
    """23:59:59 local of `day` in `zone`, in UTC. When the clock shows it twice, the later one (edge case 2)."""
    return datetime.combine(day, _LAST_SECOND, ZoneInfo(zone)).replace(fold=1).astimezone(UTC)


def morning_of(day: date, zone: str, hour: int = 9) -> datetime:
    """`hour` o'clock local of `day` in `zone`, in UTC: when reminders go out."""
    return datetime.combine(day, time(hour), ZoneInfo(zone)).astimezone(UTC)


def end_of_day_after(instant: datetime, days: int, zone: str) -> datetime:
    """The end of the day `days` calendar days after the day of `instant` (day 0), never `+ days * 24 h`."""
    return end_of_day(local_day(instant, zone) + timedelta(days=days), zone)


def local_text(instant: datetime, zone: str) -> str:
    """`instant` as a customer reads it: date, time and zone (edge case 1)."""
    return f"{instant.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S} {zone}"


def utc_text(instant: datetime) -> str:
    """`instant` as a workflow writes it. Always UTC: time zone data may differ between the hosts of a replay.

    `in_local_time` finds it again.
    """
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def in_local_time(text: str, zone: str) -> str:
    """`text` with each instant that `utc_text` wrote as people in `zone` read it (edge case 1)."""
    if " UTC" not in text:
        return text

    def local(found: re.Match[str]) -> str:
        try:
            instant = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:  # a person wrote a day that does not exist
            return found[0]
        return local_text(instant, zone)

    return _UTC_TEXT.sub(local, text)


def add_months(day: date, months: int) -> date:
    """`day` moved by whole calendar months, to the month's last day where it would not exist (edge case 64)."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
