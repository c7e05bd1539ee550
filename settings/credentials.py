"""API keys and webhook secrets as they are written in the environment: read, and checked for what makes them unsafe.

No message repeats anything of an entry: it may hold a valid key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final

MIN_SECRET_LENGTH: Final = 32
"""Characters of a key or secret in production."""
EXAMPLE_SECRETS: Final = "AFTERCARE_WEBHOOK_SECRETS='stripe:<secret>,carrier-ups:<secret>'"
EXAMPLE_KEYS: Final = "AFTERCARE_API_KEYS='staff:<key>,warehouse:<key>'"


def parse_keys(text: object) -> object:
    """Key to role, of `role:key,role:key` or a JSON object. Raises ValueError; what is no text is returned as it is."""
    if not isinstance(text, str):
        return text
    if text.lstrip().startswith("{"):
        pairs = [(role, key) for key, role in _read_json(text, EXAMPLE_KEYS)]
    else:
        pairs = _split(text)
        if not all(role and key for role, key in pairs):
            raise ValueError(f"each entry is role:key; write {EXAMPLE_KEYS}")
    if _repeated(key for _, key in pairs):
        raise ValueError("a key is given twice: each key has one role, so give every caller a key of its own")
    return {key: role for role, key in pairs}


def parse_secrets(text: object) -> object:
    """Sender to secret, of `sender:secret,sender:secret` or a JSON object. As `parse_keys`."""
    if not isinstance(text, str):
        return text
    pairs = _read_json(text, EXAMPLE_SECRETS) if text.lstrip().startswith("{") else _split(text)
    if _repeated(sender for sender, _ in pairs):
        raise ValueError("a sender is named twice: while it rolls its secret over, it signs with both")
    return dict(pairs)


def check_keys(keys: Iterable[str]) -> None:
    """Raise ValueError for a key that no caller could send, or that anybody could."""
    for key in keys:
        if not key:
            raise ValueError(f"a key is empty: anybody could send it; write {EXAMPLE_KEYS}")
        if not _is_token(key):
            raise ValueError(
                "a key has a space or a character that no header carries: use printable ASCII without spaces"
            )


def check_secrets(secrets: Mapping[str, str]) -> None:
    """Raise ValueError for an empty secret, one with spaces, or one that two senders share."""
    for secret in secrets.values():
        if not secret:
            raise ValueError(f"a secret is empty; write {EXAMPLE_SECRETS}")
        if not _is_token(secret):
            raise ValueError("a secret has a space or a character outside ASCII: it was not copied as it was made")
    if _repeated(secrets.values()):
        raise ValueError("two senders have the same secret: each could sign for the other")


def too_short(values: Iterable[str]) -> bool:
    """Whether one of them is shorter than production allows. Spaces around it do not count."""
    return any(len(value.strip()) < MIN_SECRET_LENGTH for value in values)


def _is_token(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _repeated(values: Iterable[str]) -> bool:
    known = list(values)
    return len(set(known)) < len(known)


def _read_json(text: str, example: str) -> list[tuple[str, str]]:
    """Every entry of a JSON object, a repeated name too."""
    try:
        entries = json.loads(text, object_pairs_hook=list)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg}); write {example}") from None
    if not all(isinstance(value, str) for _, value in entries):
        raise ValueError(f"each value is a text; write {example}")
    return [(name, value) for name, value in entries]


def _split(text: str) -> list[tuple[str, str]]:
    """Each entry, split at its first colon."""
    entries = filter(None, (part.strip() for part in text.split(",")))
    return [(name, value) for name, _, value in (entry.partition(":") for entry in entries)]
