"""Temporal: encryption of payloads, so that Temporal's storage holds no readable content of a claim.

Every payload is encrypted: arguments, results, signals, updates, queries, memos, summaries, failure messages and stack
traces. Search attributes, ids and names are not: Temporal searches them, so they hold no personal data.
"""

import base64
import binascii
import os
import re
from collections.abc import Iterable, Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

ENCODING: Final = b"binary/encrypted"
KEY_ID: Final = "encryption-key-id"
UNENCRYPTED: Final = "unencrypted"
"""In the place of the first key: write readable payloads, and read encrypted ones with the keys that follow."""
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_FORM: Final = "write id:key,id:key, each key 32 random bytes in base64 (`openssl rand -base64 32`)"


class KeyMissing(ValueError):
    """A payload was encrypted by a key that this process lacks, or it was changed. The message names the key."""


def parse_keys(text: str) -> dict[str, bytes]:
    """Keys by id, in their order, from entries ``id:key`` separated by commas or lines; `key` is base64 of 32 bytes.

    The first entry may be `UNENCRYPTED`, whose key is empty: processes of a release that cannot decrypt still run.

    Raises ValueError, whose message repeats nothing of `text`.
    """
    keys: dict[str, bytes] = {}
    for entry in filter(None, (part.strip() for part in re.split(r"[,\n]", text))):
        if entry == UNENCRYPTED and not keys:
            keys[UNENCRYPTED] = b""
            continue
        name, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded.strip(), altchars=b"-_" if set(encoded) & set("-_") else None, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"a key is not base64; {_FORM}") from None
        if not _NAME.fullmatch(name) or len(key) != _KEY_BYTES or name == UNENCRYPTED:
            raise ValueError(f"an entry has no id or no key of {_KEY_BYTES} bytes; {_FORM}")
        if name in keys:
            raise ValueError(f"two keys have one id; {_FORM}")
        keys[name] = key
    if not any(keys.values()):
        raise ValueError(f"there is no key; {_FORM}")
    return keys


class PayloadEncryption(PayloadCodec):
    """AES-256-GCM. The first key encrypts (none with `UNENCRYPTED` there), each of `keys` decrypts what names it.

    A payload that is not encrypted is decoded as it is: a claim that began before encryption goes on.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._ciphers = {name: AESGCM(key) for name, key in keys.items() if name != UNENCRYPTED}
        self._current = next(iter(keys))

    async def encode(self, payloads: Iterable[Payload]) -> list[Payload]:
        if self._current == UNENCRYPTED:
            return list(payloads)
        return [self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Iterable[Payload]) -> list[Payload]:
        """Raises KeyMissing."""
        return [self._decrypt(payload) for payload in payloads]

    def _encrypt(self, payload: Payload) -> Payload:
        name, nonce = self._current.encode(), os.urandom(_NONCE_BYTES)
        data = self._ciphers[self._current].encrypt(nonce, payload.SerializeToString(), name)
        return Payload(metadata={"encoding": ENCODING, KEY_ID: name}, data=nonce + data)

    def _decrypt(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        name = payload.metadata.get(KEY_ID, b"")
        cipher = self._ciphers.get(name.decode(errors="replace"))
        if cipher is None:
            raise KeyMissing(f"the encryption key {name.decode(errors='replace')!r} is not among the configured ones")
        try:
            plain = cipher.decrypt(payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:], name)
        except InvalidTag:
            raise KeyMissing(f"a payload does not belong to the encryption key {name.decode()!r}") from None
        return Payload.FromString(plain)
