"""Messages: identities. Workflow ids are the claims' own; idempotency keys come from claim, purpose and ordinal."""

import base64
import hashlib
import secrets


def new_id(prefix: str, idempotency_key: str | None = None) -> str:
    """`prefix`_ and 16 base-32 characters: from the key if there is one (a retry has the same id), else random."""
    raw = secrets.token_bytes(10) if idempotency_key is None else _digest(f"{prefix}:{idempotency_key}")
    return f"{prefix}_{base64.b32encode(raw).decode().lower()}"


def payment_key(subject: str, purpose: str, ordinal: int | None = None) -> str:
    """The gateway's idempotency key for one purpose of a claim; it contains no attempt, run or random number."""
    return f"{subject}:{purpose}" if ordinal is None else f"{subject}:{purpose}:{ordinal}"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:10]
