"""API: the words a body is made of. Bounds and sound characters alone; every one says what is wrong with a value."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StrictBool, StrictInt, StringConstraints
from pydantic.json_schema import WithJsonSchema

from api.problems import not_found
from domain.dates import whole_second
from domain.inspection import can_be_serial, normalise_serial
from domain.kinds import Component

FIRST_YEAR, LAST_YEAR = 2000, 2100
"""Instants and days outside are mistakes; calendar arithmetic near the year 1 or 9999 would fail."""


class Body(BaseModel):
    """Unknown fields are refused: a misspelt optional field must not be ignored in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _sound(text: str) -> str:
    """Refuse control characters: PostgreSQL keeps no NUL, and none of them belongs into a label or a mail."""
    for character in text:
        if (ord(character) < 32 and character not in "\n\t\r") or ord(character) == 127:
            raise ValueError("control characters are not allowed")
    return text


def _line(text: str) -> str:
    if "\n" in text or "\r" in text:
        raise ValueError("must be a single line")
    return _sound(text)


def _written(kind: str) -> Callable[[Any], Any]:
    """JSON has no dates: only text is read as one, never a number."""

    def check(value: Any) -> Any:
        if not isinstance(value, str | date):
            raise ValueError(f"must be {kind} written as text")
        return value

    return check


def _instant(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("needs a time zone, for example 2026-11-23T10:00:00Z")
    _year(value)
    return whole_second(value)


def _year(value: date) -> date:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"the year must be {FIRST_YEAR} to {LAST_YEAR}")
    return value


def _serial(text: str) -> str:
    serial = normalise_serial(text)
    if not serial.isascii() or not serial.isalnum() or len(serial) > 32 or not can_be_serial(text):
        raise ValueError("must be 1 to 32 letters and digits; spaces and hyphens do not count")
    return text


def _once(components: tuple[Component, ...]) -> tuple[Component, ...]:
    if len(set(components)) != len(components):
        raise ValueError("lists a component twice")
    return components


def _bounded(lowest: int, highest: int) -> Any:
    return StringConstraints(strip_whitespace=True, min_length=lowest, max_length=highest)


Line = Annotated[str, _bounded(1, 200), AfterValidator(_line)]
"""A single line that says something."""
Prose = Annotated[str, _bounded(0, 4000), AfterValidator(_sound)]
"""Free text, lines included; may be empty."""
Account = Annotated[str, _bounded(1, 4000), AfterValidator(_sound)]
"""Free text, lines included, that must say something."""
Explanation = Annotated[str, _bounded(1, 1000), AfterValidator(_sound)]
"""A short reason; it must say something."""
Reference = Annotated[str, _bounded(1, 255), AfterValidator(_line)]
"""Another system's name for something: a payment method, a tracking number, a file."""
Serial = Annotated[str, _bounded(1, 64), AfterValidator(_serial)]
"""A serial number as it is given: kept so, compared without case, spaces and hyphens (R-INS-5)."""
ReadSerial = Annotated[str, _bounded(0, 64), AfterValidator(_line)]
"""A serial number as somebody read it; empty when the label cannot be read."""
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
RegionCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,8}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2}$", to_upper=True)]
"""ISO 3166 alpha-2."""
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$"),
]
Instant = Annotated[
    datetime,
    BeforeValidator(_written("an instant")),
    AfterValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""RFC 3339 with a zone; kept in UTC to the second."""
Day = Annotated[
    date,
    BeforeValidator(_written("a day")),
    AfterValidator(_year),
    WithJsonSchema({"type": "string", "format": "date"}),
]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 4217."""
Flag = StrictBool
Whole = StrictInt
Present = Annotated[tuple[Component, ...], AfterValidator(_once)]


def _serial_to_find(serial: str) -> str:
    """Normalised. One that cannot exist is not found, not invalid."""
    try:
        return normalise_serial(_serial(serial))
    except ValueError:
        raise not_found("such device") from None


SerialInPath = Annotated[
    str, Path(description="Serial number; spaces and hyphens do not count."), AfterValidator(_serial_to_find)
]


def now() -> datetime:
    """The API's own clock, to the second."""
    return whole_second(datetime.now(UTC))
