"""Bodies that the OpenAPI document allows: a strategy for a schema, and a fixed number of examples of it.

The document's own words are followed, not the models': what the document does not say is not known here.
"""

import re
from typing import Any, Final

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

SELECTORS_AND_JOINERS: Final = "\u180b\u180c\u180d\u180f\u200c\u200d" + "".join(map(chr, range(0xFE00, 0xFE10)))
"""Whether they are allowed depends on the characters beside them, which no pattern tells."""
_ALPHABET: Final = st.characters(
    max_codepoint=0xFFFF, exclude_categories=["Cs"], exclude_characters=SELECTORS_AND_JOINERS
)
BEYOND_THE_DOCUMENT: Final = {
    r"in the future|in the past|before the claim|more than an hour ago": "it depends on the time",
    r"postal code": "each country has its own form; the description says so",
    r"There is no (model|region)": "the catalogue decides",
    r"A serial number has at least|form of this model's|of this model; |\(GTIN\)": "the catalogue decides",
    r"is not among `components`": "a list is no part of another in JSON Schema; the description says so",
    r"is not one of this list's": "a cursor comes from an earlier response",
    r"one of .+ is needed": "parameters know nothing of each other in OpenAPI; the description says so",
    r"\(private use\)|noncharacters": "patterns tell of the Basic Multilingual Plane alone",
    r"special-use or reserved": "the names that exist are no matter of a pattern; the description says so",
    r"the claim's currency": "the claim decides",
}
"""Messages of 422 `invalid_request` that no schema can prevent, and why."""
_EMAIL: Final = st.from_regex(r"[a-z][a-z0-9]{0,20}@[a-z][a-z0-9]{0,20}\.com", fullmatch=True)

Schema = dict[str, Any]
Strategy = st.SearchStrategy[Any]


def unexplained(errors: list[dict[str, str]]) -> list[dict[str, str]]:
    """The errors of a request that the document allows, but for those that no document can tell."""
    known = "|".join(BEYOND_THE_DOCUMENT)
    return [error for error in errors if not re.search(known, error["message"])]


def bodies(schema: Schema, schemas: dict[str, Schema], number: int) -> list[Any]:
    """`number` bodies at most, the same ones in every run."""
    found: list[Any] = []

    @settings(max_examples=number, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
    @given(_values(schema, schemas))
    def collect(body: Any) -> None:
        found.append(body)

    collect()
    return found


def _values(schema: Schema, schemas: dict[str, Schema]) -> Strategy:
    if "$ref" in schema:
        return _values(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if members := schema.get("anyOf") or ("properties" not in schema and schema.get("oneOf")):
        return st.one_of([_values(member, schemas) for member in members])
    match schema.get("type"):
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            whole = st.integers(schema.get("minimum"), schema.get("maximum"))
            return whole | whole.map(float)  # 7.0 is an integer in JSON Schema
        case "number":
            return st.floats(
                schema.get("minimum", schema.get("exclusiveMinimum")),
                schema.get("maximum"),
                exclude_min="exclusiveMinimum" in schema,
                allow_nan=False,
            ) | st.integers(1, 1000)
        case "string":
            return _text(schema)
        case "array":
            unique = (lambda item: item) if schema.get("uniqueItems") else None
            most = min(schema.get("maxItems", 10), 10)
            return st.lists(
                _values(schema["items"], schemas), min_size=schema.get("minItems", 0), max_size=most, unique_by=unique
            )
        case "object":
            return _object(schema, schemas)
    raise AssertionError(f"no strategy for {schema}")


def _text(schema: Schema) -> Strategy:
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", 10_000)
    if schema.get("format") == "email":
        return _EMAIL
    if "pattern" not in schema:
        return st.text(_ALPHABET, min_size=shortest, max_size=longest)
    pattern: str = schema["pattern"]
    text = st.from_regex(pattern.removeprefix("^").removesuffix("$"), fullmatch=True, alphabet=_ALPHABET)
    text = text.filter(lambda each: shortest <= len(each) <= longest)
    if schema.get("format") in ("date", "date-time"):
        text = text.filter(lambda each: _has_day(each[:10]))
    return text


def _has_day(day: str) -> bool:
    year, month, number = map(int, day.split("-"))
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return number <= (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def _object(schema: Schema, schemas: dict[str, Schema]) -> Strategy:
    fields = {name: _values(each, schemas) for name, each in schema.get("properties", {}).items()}
    required = set(schema.get("required", ()))
    needed = {name: value for name, value in fields.items() if name in required}
    optional = {name: value for name, value in fields.items() if name not in required}
    return st.fixed_dictionaries(needed, optional=optional).filter(lambda body: _allowed(schema, body))


def _allowed(schema: Schema, body: dict[str, Any]) -> bool:
    """Whether the keywords beside `properties` allow the body."""
    if "if" in schema and _holds(schema["if"], body) and not _holds(schema["then"], body):
        return False
    return "oneOf" not in schema or sum(_holds(each, body) for each in schema["oneOf"]) == 1


def _holds(schema: Schema, body: dict[str, Any]) -> bool:
    known = schema.get("properties", {})
    return all(name in body for name in schema.get("required", ())) and all(
        _fits(known[name], value) for name, value in body.items() if name in known
    )


def _fits(schema: Schema, value: Any) -> bool:
    """The keywords that occur inside `if`, `then` and `oneOf`."""
    if "not" in schema and _fits(schema["not"], value):
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "pattern" in schema and isinstance(value, str) and re.search(schema["pattern"], value) is None:
        return False
    if "maxItems" in schema and len(value) > schema["maxItems"]:
        return False
    kinds: dict[str, type] = {"null": type(None), "string": str}
    return "type" not in schema or isinstance(value, kinds[schema["type"]])
