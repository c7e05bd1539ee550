"""Text that deceives is refused in every field of every request body; real scripts pass whole."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from api.requests import actions, claims, devices, webhooks
from api.requests.base import Body
from api.requests.webhooks import WebhookBody
from domain.text import several_lines, single_line

DECEPTIVE = {
    "right-to-left override": "\u202e",
    "isolate": "\u2067",
    "right-to-left mark": "\u200f",
    "zero-width space": "\u200b",
    "zero-width joiner after Latin script": "\u200d",
    "zero-width non-joiner after Latin script": "\u200c",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "tag": "\U000e0041",
    "variation selector after Latin script": "\ufe0f",
    "Hangul filler": "\u3164",
    "C1 control": "\u009b",
    "C0 control": "\u0007",
    "line separator": "\u2028",
    "private use": "\ue000",
    "noncharacter": "\ufdd0",
}
WHOLE = [
    "Ada O’Neill-Müller",
    "می\u200cخواهم",
    "ශ්\u200dරී ලංකා",
    "അവന്\u200d",
    "नमस्ते",
    "شارع ٣",
    "עברית",
    "山田\U000e0100 太郎",
    "한국어",
    "ᠮᠣᠩᠭᠣᠯ\u180bᠠ",
    "👩🏽\u200d🚀 ❤\ufe0f\u200d🔥",
    "ไทย",
]


def bodies() -> Iterator[type[BaseModel]]:
    for module in (actions, claims, devices, webhooks):
        for found in vars(module).values():
            is_body = isinstance(found, type) and issubclass(found, Body | WebhookBody)
            if is_body and "json_schema_extra" in found.model_config:
                yield found


def example_of(body: type[BaseModel]) -> Any:
    extra: Any = body.model_config["json_schema_extra"]
    return extra["examples"][0]


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from leaves(inner, (*path, key))
        case list():
            for key, inner in enumerate(value):
                yield from leaves(inner, (*path, key))
        case str():
            yield path, value


def changed(value: Any, path: tuple[str | int, ...], text: str) -> Any:
    if not path:
        return text
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], text)
    return copy


FIELDS = [
    pytest.param(body, path, id=f"{body.__name__}.{'.'.join(map(str, path))}")
    for body in sorted(set(bodies()), key=lambda each: each.__name__)
    for path, _ in leaves(example_of(body))
    if path[:2] != ("data", "object")  # the gateway's own object, of which only ids are read
]


@pytest.mark.parametrize(("body", "path"), FIELDS)
@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\u009b"])
def test_every_text_of_every_body_refuses_characters_that_deceive(
    body: type[BaseModel], path: tuple[str | int, ...], character: str
) -> None:
    example = example_of(body)
    text = dict(leaves(example))[path]
    planted = changed(example, path, f"{text[:1]}{character}{text[1:]}")
    TypeAdapter(body).validate_python(example)
    with pytest.raises(ValidationError):
        TypeAdapter(body).validate_python(planted)


def test_the_fields_are_found() -> None:
    assert len(FIELDS) > 60
    assert get_args(claims.ClaimBody)


@pytest.mark.parametrize("character", DECEPTIVE.values(), ids=DECEPTIVE)
def test_a_character_that_deceives_is_refused_and_named(character: str) -> None:
    with pytest.raises(ValueError, match=rf"U\+{ord(character):04X} at position 4"):
        several_lines(f"Ada{character}Byron")


@pytest.mark.parametrize("text", WHOLE)
def test_real_scripts_and_pictures_pass_whole(text: str) -> None:
    assert single_line(text) == text


def test_text_is_kept_in_one_form() -> None:
    assert several_lines("Ame\u0301lie\nA\u030angstro\u0308m") == "Amélie\nÅngström"
