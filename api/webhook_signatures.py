"""API: the signature scheme of every webhook, which is Stripe's: HMAC-SHA256 over timestamp and raw body.

The header is `t=<unix seconds>,v1=<hex>`, with one `v1` for each secret of the sender: during a rotation it signs with
the old and the new secret, and one match is enough.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

STRIPE_HEADER: Final = "Stripe-Signature"
AFTERCARE_HEADER: Final = "Aftercare-Signature"
"""The header with the signature: Stripe's, and the one of every other sender."""
TOLERANCE: Final = timedelta(minutes=5)
"""How far a signature's timestamp may be from our clock, either way, so that old messages cannot be replayed."""


class BadSignature(Exception):
    """The signature is missing, malformed, wrong or expired. The message says which and repeats none of it."""


def sign(body: bytes, secret: str, at: datetime) -> str:
    """The header for `body`, sent at `at`."""
    timestamp = int(at.timestamp())
    return f"t={timestamp},v1={_digest(body, secret, str(timestamp))}"


def verify(header: str | None, body: bytes, secret: str, now: datetime) -> None:
    """Raises BadSignature unless `body` was signed with `secret` within the tolerance of `now`."""
    if not header:
        raise BadSignature("is missing")
    pairs = [part.strip().partition("=") for part in header.split(",")]
    timestamps = [value for name, _, value in pairs if name == "t"]
    signatures = [value for name, _, value in pairs if name == "v1"]
    if len(timestamps) != 1 or not _is_timestamp(timestamps[0]) or not signatures:
        raise BadSignature("is not of the form t=<unix seconds>,v1=<hex>")
    expected = _digest(body, secret, timestamps[0]).encode()
    # Every signature is compared, each in constant time.
    matches = [hmac.compare_digest(expected, value.encode()) for value in signatures]
    if not any(matches):
        raise BadSignature("does not fit the body")
    if abs(int(timestamps[0]) - now.timestamp()) > TOLERANCE.total_seconds():
        raise BadSignature(f"is more than {TOLERANCE.seconds // 60} minutes away from now")


def _is_timestamp(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12


def _digest(body: bytes, secret: str, timestamp: str) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
