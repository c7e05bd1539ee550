"""API: the one signature of every webhook, Stripe's: the sender's secret over the moment and the raw body. Pure.

The header is `t=<unix seconds>,v1=<hex>`, with one `v1` for each secret in force at the sender: while it rolls over it
signs with the old one and the new one, and either will do.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

STRIPES: Final = "Stripe-Signature"
OURS: Final = "Aftercare-Signature"
"""The header the signature stands in: Stripe's own, and everybody else's."""
TOLERANCE: Final = timedelta(minutes=5)
"""How far a signature's moment may be from our clock, either way: an old message cannot be played again later."""


class BadSignature(Exception):
    """Nobody who has the secret sent this now. The message says what is wrong and repeats nothing."""


def sign(body: bytes, secret: str, at: datetime) -> str:
    """The header for `body`, sent at `at`."""
    moment = int(at.timestamp())
    return f"t={moment},v1={_digest(body, secret, str(moment))}"


def verify(header: str | None, body: bytes, secret: str, now: datetime) -> None:
    """Raises BadSignature unless `body` was signed with `secret` within the tolerance of `now`."""
    if not header:
        raise BadSignature("is missing")
    pairs = [part.strip().partition("=") for part in header.split(",")]
    moments = [value for name, _, value in pairs if name == "t"]
    given = [value for name, _, value in pairs if name == "v1"]
    if len(moments) != 1 or not _is_moment(moments[0]) or not given:
        raise BadSignature("is not of the form t=<unix seconds>,v1=<hex>")
    expected = _digest(body, secret, moments[0]).encode()
    # Every one is compared, each in constant time.
    fits = [hmac.compare_digest(expected, value.encode()) for value in given]
    if not any(fits):
        raise BadSignature("does not fit the body")
    if abs(int(moments[0]) - now.timestamp()) > TOLERANCE.total_seconds():
        raise BadSignature(f"is more than {TOLERANCE.seconds // 60} minutes away from now")


def _is_moment(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12


def _digest(body: bytes, secret: str, moment: str) -> str:
    return hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
