"""API: errors of validation in words for the caller: the field's path and what it must be. Knows no field type.

Pydantic's own texts name Python's types, the representation of enumerations and regular expressions; a caller knows
JSON alone.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from api.problems import FieldError
from domain.kinds import Service

_SERVICE_TAGS: Final = frozenset(Service)
_ENUM_MEMBER: Final = re.compile(r"<[\w.]+: ('[^']*')>")
_OBJECT: Final = "must be an object"
_MESSAGES: Final[dict[str, str]] = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "date_from_datetime_inexact": "must be a day without a time of day, for example 2026-11-23",
    "date_from_datetime_parsing": "must be a day, for example 2026-11-23",
    "date_parsing": "must be a day, for example 2026-11-23",
    "date_type": "must be a day, for example 2026-11-23",
    "datetime_from_date_parsing": "must be an instant, for example 2026-11-23T10:00:00Z",
    "datetime_parsing": "must be an instant, for example 2026-11-23T10:00:00Z",
    "datetime_type": "must be an instant, for example 2026-11-23T10:00:00Z",
    "dict_type": _OBJECT,
    "extra_forbidden": "is not a known field",
    "finite_number": "must be a number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "is too large",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "missing": "is missing",
    "model_attributes_type": _OBJECT,
    "model_type": _OBJECT,
    "string_type": "must be text",
    "string_unicode": "must be text in Unicode",
    "tuple_type": "must be a list",
    "union_tag_not_found": "is missing",
}
_WITH_LIMIT: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "enum": lambda limit: _one_of(limit["expected"]),
    "greater_than": lambda limit: f"must be more than {limit['gt']}",
    "greater_than_equal": lambda limit: f"must be {limit['ge']} or more",
    "json_invalid": lambda limit: f"is not JSON: {limit.get('error', 'cannot be read')}",
    "less_than": lambda limit: f"must be less than {limit['lt']}",
    "less_than_equal": lambda limit: f"must be {limit['le']} or less",
    "literal_error": lambda limit: _one_of(limit["expected"]),
    "string_too_long": lambda limit: f"must have at most {limit['max_length']} characters",
    "string_too_short": lambda _: "must not be empty",  # no text here has another least length
    "too_long": lambda limit: f"must have at most {limit['max_length']} items",
    "union_tag_invalid": lambda limit: _one_of(limit["expected_tags"]),
    "value_error": lambda limit: str(limit["error"]),
}
_OTHERWISE: Final = "is not valid"
"""For an error that has no text here: nothing of Pydantic's own is shown."""


def field_errors(errors: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    """Pydantic's errors as paths and messages. The input is not repeated: it may be personal or very long."""
    return [FieldError(field=_path(error), message=_message(error)) for error in errors]


def detail_of(errors: Sequence[FieldError]) -> str:
    """Every field with its message, as one text."""
    return "; ".join(f"{each.field}: {each.message}" for each in errors)


def _path(error: Mapping[str, Any]) -> str:
    location = list(error["loc"][1:])
    if error["type"] == "json_invalid":
        return "body"
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        location.append(str(error["ctx"]["discriminator"]).strip("'"))
    elif error["loc"][0] == "body" and location and location[0] in _SERVICE_TAGS:
        del location[0]  # the tag of the union's member, not a field
    return ".".join(str(part) for part in location) or str(error["loc"][0])


def _message(error: Mapping[str, Any]) -> str:
    kind = error["type"]
    if kind in _WITH_LIMIT:
        return _WITH_LIMIT[kind](error.get("ctx") or {})
    return _MESSAGES.get(kind, _OTHERWISE)


def _one_of(expected: str) -> str:
    """`expected` is a list of quoted values; for enumerations it may be one of their representations."""
    values = _ENUM_MEMBER.sub(r"\1", expected).replace("'", "").replace(" or ", ", ")
    return f"must be one of {values}" if "," in values else f"must be {values}"
