"""API keys and webhook secrets as they are written in the environment: read, and checked for what makes them unsafe.

No message repeats anything of an entry: it may hold a valid key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final

from settings.constants import ROLES

MIN_SECRET_LENGTH: Final = 32
"""Characters of a key or secret in production."""
EXAMPLE_SECRETS: Final = "AFTERCARE_WEBHOOK_SECRETS='stripe:<secret>,carrier-ups:<secret>'"
EXAMPLE_KEYS: Final = "AFTERCARE_API_KEYS='staff:<key>,warehouse:<key>'"
EXAMPLE_GROUPS: Final = "AFTERCARE_OIDC_ROLES='staff:<group>,finance:<group>'"
_SENDER_NAME: Final = re.compile(r"(carrier-)?[a-z0-9]+(-[a-z0-9]+)*")


def parse_keys(text: object) -> object:
    """Key to role, of `role:key,role:key` or a JSON object. Raises ValueError; what is no text is returned as it is."""
    repeated = "a key is given twice: each key has one role, so give every caller a key of its own"
    return _by_role(text, "key", EXAMPLE_KEYS, repeated) if isinstance(text, str) else text


def parse_groups(text: object) -> object:
    """Group to role, of `role:group,role:group` or a JSON object. As `parse_keys`."""
    repeated = "a group is given twice: it has one role, and a person the roles of all their groups"
    return _by_role(text, "group", EXAMPLE_GROUPS, repeated) if isinstance(text, str) else text


def parse_secrets(text: object) -> object:
    """Sender to secret, of `sender:secret,sender:secret` or a JSON object. As `parse_keys`."""
    if not isinstance(text, str):
        return text
    pairs = _read_json(text, EXAMPLE_SECRETS) if text.lstrip().startswith("{") else _split(text)
    if _repeated(sender for sender, _ in pairs):
        raise ValueError("a sender is named twice: while it rolls its secret over, it signs with both")
    return dict(pairs)


def checked_keys(keys: dict[str, str]) -> dict[str, str]:
    """The keys. Raises ValueError for one that no caller could send or that anybody could, and for an unknown role."""
    for key in keys:
        if not key:
            raise ValueError(f"a key is empty: anybody could send it; write {EXAMPLE_KEYS}")
        if not _is_token(key):
            raise ValueError(
                "a key has a space or a character that no header carries: use printable ASCII without spaces"
            )
    return _with_known_roles(keys, EXAMPLE_KEYS)


def checked_groups(groups: dict[str, str]) -> dict[str, str]:
    """The groups. Raises ValueError for an unknown role."""
    return _with_known_roles(groups, EXAMPLE_GROUPS)


def checked_secrets(secrets: dict[str, str]) -> dict[str, str]:
    """The secrets. Raises ValueError for a sender without a valid name, an empty secret, one with spaces or shared."""
    # Nothing of an entry is repeated: it may hold a secret.
    if not all(_SENDER_NAME.fullmatch(sender) for sender in secrets):
        raise ValueError(
            f"each entry is sender:secret, the sender `stripe` or `carrier-<name>` in small letters, digits and "
            f"hyphens; write {EXAMPLE_SECRETS}"
        )
    for secret in secrets.values():
        if not secret:
            raise ValueError(f"a secret is empty; write {EXAMPLE_SECRETS}")
        if not _is_token(secret):
            raise ValueError("a secret has a space or a character outside ASCII: it was not copied as it was made")
    if _repeated(secrets.values()):
        raise ValueError("two senders have the same secret: each could sign for the other")
    return secrets


def too_short(values: Iterable[str]) -> bool:
    """Whether one of them is shorter than production allows. Spaces around it do not count."""
    return any(len(value.strip()) < MIN_SECRET_LENGTH for value in values)


def _with_known_roles(entries: dict[str, str], example: str) -> dict[str, str]:
    # The role is not repeated: if key and role are swapped it is a valid key.
    if not set(entries.values()) <= set(ROLES):
        raise ValueError(f"an entry names an unknown role; write {example}; the roles are {', '.join(ROLES)}")
    return entries


def _by_role(text: str, what: str, example: str, repeated: str) -> dict[str, str]:
    """Key or group to role. Raises ValueError, with `repeated` when one is given twice."""
    if text.lstrip().startswith("{"):
        pairs = [(role, value) for value, role in _read_json(text, example)]
    else:
        pairs = _split(text)
        if not all(role and value for role, value in pairs):
            raise ValueError(f"each entry is role:{what}; write {example}")
    if _repeated(value for _, value in pairs):
        raise ValueError(repeated)
    return {value: role for role, value in pairs}


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
