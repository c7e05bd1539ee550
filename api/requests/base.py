"""API: field types of request bodies. They check bounds and characters; each error says what is wrong."""

import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any

from email_validator import EmailNotValidError, validate_email
from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.json_schema import WithJsonSchema

from api.problems import not_found
from api.requests.text_form import TextForm
from domain.dates import whole_second
from domain.inspection import can_be_serial, normalise_serial
from domain.kinds import Component
from domain.serials import misreading
from domain.text import (
    LINE_PATTERN,
    LINES_PATTERN,
    REQUIRED_LINE_PATTERN,
    REQUIRED_LINES_PATTERN,
    several_lines,
    single_line,
)

FIRST_YEAR, LAST_YEAR = 2000, 2100
"""Instants and days outside are invalid; calendar arithmetic near the years 1 and 9999 would fail."""
_YEARS = r"(?:20[0-9]{2}|2100)"
_MONTH_DAY = r"(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"


class Body(BaseModel):
    """Unknown fields are refused, so that a misspelt optional field is not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _require_text(kind: str) -> Callable[[Any], Any]:
    """JSON has no dates: they are read from text, never from a number."""

    def check(value: Any) -> Any:
        if not isinstance(value, str | date):
            raise ValueError(f"must be {kind} written as text")
        return value

    return check


def _utc_instant(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("needs a time zone, for example 2026-11-23T10:00:00Z")
    _year_in_range(value)
    return whole_second(value)


def _year_in_range(value: date) -> date:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"the year must be {FIRST_YEAR} to {LAST_YEAR}")
    return value


def _valid_serial(text: str) -> str:
    if found := misreading(text):
        raise ValueError(found[:1].lower() + found[1:])
    serial = normalise_serial(text)
    if not serial.isascii() or not serial.isalnum() or len(serial) > 32 or not can_be_serial(text):
        raise ValueError("must be 1 to 32 letters and digits; spaces and hyphens do not count")
    return text


def _read_serial(text: str) -> str:
    """As it was read; full-width characters, which an input method makes, count as plain ones."""
    return unicodedata.normalize("NFKC", single_line(text))


def _mail_address(text: str) -> str:
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError(f"is no mail address: {error}") from None


def _no_duplicates(components: tuple[Component, ...]) -> tuple[Component, ...]:
    if len(set(components)) != len(components):
        raise ValueError("lists a component twice")
    return components


def _length(minimum: int, maximum: int) -> Any:
    return StringConstraints(strip_whitespace=True, min_length=minimum, max_length=maximum)


def _whole_number(value: Any) -> Any:
    """JSON has one kind of number: 7.0 is the whole number 7."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _shown(pattern: str) -> Any:
    """The pattern in the document; the check beside it says what is wrong."""
    return Field(json_schema_extra={"pattern": pattern})


Line = Annotated[str, _length(1, 200), _shown(REQUIRED_LINE_PATTERN), AfterValidator(single_line)]
"""A single line, not empty."""
Text = Annotated[str, _length(0, 4000), _shown(LINES_PATTERN), AfterValidator(several_lines)]
"""Free text with line breaks; may be empty."""
RequiredText = Annotated[str, _length(1, 4000), _shown(REQUIRED_LINES_PATTERN), AfterValidator(several_lines)]
"""Free text with line breaks, not empty."""
ReasonText = Annotated[str, _length(1, 1000), _shown(REQUIRED_LINES_PATTERN), AfterValidator(several_lines)]
"""A short reason, not empty."""
Reference = Annotated[str, _length(1, 255), _shown(REQUIRED_LINE_PATTERN), AfterValidator(single_line)]
"""An id from another system: a payment method, a tracking number, a file."""
SearchText = Annotated[str, _length(2, 255), _shown(REQUIRED_LINE_PATTERN), AfterValidator(single_line)]
"""What a device is looked for by; store.device_words says how."""
SEARCH_TEXT = (
    "What a customer tells. With an `@`: the beginning of the owner's mail address. With a digit: the beginning of the "
    "serial number of any unit of the device, without case, spaces and hyphens. Else beginnings of words of the "
    "owner's name (or of a serial number), in any order: `mar ada` finds Ada Marsh, `arsh` does not."
)
Serial = Annotated[
    str, _length(1, 64), _shown(r"^[ -]*[A-Za-z0-9](?:[ -]*[A-Za-z0-9]){0,31}[ -]*$"), AfterValidator(_valid_serial)
]
"""A serial number. Stored as given, compared without case, spaces and hyphens (R-INS-5)."""
ReadSerial = Annotated[str, _length(0, 64), _shown(LINE_PATTERN), AfterValidator(_read_serial)]
"""A serial number as an inspector read it; empty when the label is illegible."""
Slug = Annotated[str, TextForm(r"^[a-z0-9][a-z0-9-]{0,63}$", "a slug in lower case, for example mavic-3")]
RegionCode = Annotated[str, TextForm(r"^[A-Z]{2,8}$", "a region's code, for example US")]
Phone = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    TextForm(r"^\+?[0-9][0-9 ()./-]{3,30}[0-9]$", "a telephone number, for example +1 503 555 0100"),
]
"""A telephone number: digits, with a + for the country and the usual separators. It is not called to check it."""
Language = Annotated[
    str, TextForm(r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$", "a language, for example en-US")
]
"""A BCP 47 tag: language, script, region."""
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254),
    AfterValidator(_mail_address),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]
"""A mail address of one mailbox, in its normal form. Whether its domain takes mail is not looked up."""
Instant = Annotated[
    datetime,
    BeforeValidator(_require_text("an instant")),
    AfterValidator(_utc_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": f"^{_YEARS}-{_MONTH_DAY}{_TIME}$"}),
]
"""RFC 3339 with a time zone; converted to UTC, whole seconds."""
Day = Annotated[
    date,
    BeforeValidator(_require_text("a day")),
    AfterValidator(_year_in_range),
    WithJsonSchema({"type": "string", "format": "date", "pattern": f"^{_YEARS}-{_MONTH_DAY}$"}),
]
Currency = Annotated[str, TextForm(r"^[A-Z]{3}$", "a currency's code, for example USD")]
"""ISO 4217."""
Components = Annotated[
    tuple[Component, ...], Field(json_schema_extra={"uniqueItems": True}), AfterValidator(_no_duplicates)
]
WHOLE_NUMBER = BeforeValidator(_whole_number)
"""The last annotation of a strict integer."""


def _path_serial(serial: str) -> str:
    """The normalised serial number. Raises 404 for a malformed one, rather than 422."""
    try:
        return normalise_serial(_valid_serial(serial))
    except ValueError:
        raise not_found("such device") from None


SerialInPath = Annotated[
    str, Path(description="Serial number; spaces and hyphens do not count."), AfterValidator(_path_serial)
]


def now() -> datetime:
    """The API's own clock, to the second."""
    return whole_second(datetime.now(UTC))
