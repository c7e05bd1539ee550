"""The signature of webhooks: what fits, what does not, and that Stripe's own library agrees."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.webhook_signatures import TOLERANCE, BadSignature, sign, verify

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
MOMENT = int(NOW.timestamp())
BODY = b'{"id": "evt_1"}'
SECRET = "whsec_test"
GOOD = sign(BODY, SECRET, NOW)
DIGEST = GOOD.partition("v1=")[2]
OTHERS = sign(BODY, "whsec_other", NOW).partition("v1=")[2]


def test_the_signature_covers_timestamp_and_body() -> None:
    digest = hmac.new(SECRET.encode(), f"{MOMENT}.".encode() + BODY, hashlib.sha256).hexdigest()
    assert f"t={MOMENT},v1={digest}" == GOOD


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(GOOD, id="as it is signed"),
        pytest.param(f"t={MOMENT}, v1={DIGEST}", id="with a space"),
        pytest.param(f"v1={DIGEST},t={MOMENT}", id="the other way round"),
        pytest.param(f"t={MOMENT},v1={OTHERS},v1={DIGEST}", id="with the old secret and the new one"),
        pytest.param(f"t={MOMENT},v1={DIGEST},v1={OTHERS}", id="with the new secret and the old one"),
        pytest.param(f"t={MOMENT},v0={OTHERS},v1={DIGEST}", id="with another scheme beside it"),
    ],
)
def test_a_valid_signature_is_accepted(header: str) -> None:
    verify(header, BODY, SECRET, NOW)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        pytest.param(None, "is missing", id="none"),
        pytest.param("", "is missing", id="empty"),
        pytest.param("hello", "not of the form", id="prose"),
        pytest.param(f"v1={DIGEST}", "not of the form", id="no moment"),
        pytest.param(f"t={MOMENT}", "not of the form", id="no signature"),
        pytest.param(f"t={MOMENT},v0={DIGEST}", "not of the form", id="another scheme alone"),
        pytest.param(f"t={MOMENT},t={MOMENT},v1={DIGEST}", "not of the form", id="two moments"),
        pytest.param(f"t=,v1={DIGEST}", "not of the form", id="an empty moment"),
        pytest.param(f"t=-1,v1={DIGEST}", "not of the form", id="a moment before all time"),
        pytest.param(f"t={'9' * 400},v1={DIGEST}", "not of the form", id="a moment after all time"),
        pytest.param(f"t=²,v1={DIGEST}", "not of the form", id="a digit that is none"),
        pytest.param(f"t={MOMENT},v1=", "does not fit", id="an empty signature"),
        pytest.param(f"t={MOMENT},v1={OTHERS}", "does not fit", id="another secret"),
        pytest.param(f"t={MOMENT},v1={DIGEST[:-1]}", "does not fit", id="cut short"),
        pytest.param(f"t={MOMENT},v1={DIGEST}\xe9", "does not fit", id="not even ascii"),
        pytest.param(f"t={MOMENT + 1},v1={DIGEST}", "does not fit", id="another moment"),
    ],
)
def test_an_invalid_signature_is_refused_and_not_repeated(header: str | None, message: str) -> None:
    with pytest.raises(BadSignature, match=message) as bad:
        verify(header, BODY, SECRET, NOW)
    assert SECRET not in str(bad.value)
    assert DIGEST not in str(bad.value)


@pytest.mark.parametrize("body", [b"", BODY + b" ", BODY.replace(b"1", b"2"), BODY.replace(b" ", b"")])
def test_every_byte_of_the_body_counts(body: bytes) -> None:
    with pytest.raises(BadSignature, match="does not fit"):
        verify(GOOD, body, SECRET, NOW)


@pytest.mark.parametrize("way", [-1, 1], ids=["old", "of the future"])
def test_a_signature_is_good_for_five_minutes_either_way(way: int) -> None:
    assert timedelta(minutes=5) == TOLERANCE
    verify(GOOD, BODY, SECRET, NOW + way * TOLERANCE)
    with pytest.raises(BadSignature, match="5 minutes"):
        verify(GOOD, BODY, SECRET, NOW + way * (TOLERANCE + timedelta(seconds=1)))


def test_stripes_own_library_makes_and_takes_the_same_signatures() -> None:
    stripe: Any = pytest.importorskip("stripe")
    now = datetime.now(UTC)
    moment = int(now.timestamp())
    theirs = stripe.WebhookSignature._compute_signature(f"{moment}.{BODY.decode()}", SECRET)
    verify(f"t={moment},v1={theirs}", BODY, SECRET, now)
    taken = stripe.WebhookSignature.verify_header(BODY.decode(), sign(BODY, SECRET, now), SECRET, tolerance=300)
    assert taken
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(BODY.decode(), sign(BODY, "other", now), SECRET, tolerance=300)
