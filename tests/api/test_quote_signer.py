"""The signature of quotes: SHA-256, and that of release 0.2.0 until its quotes have expired."""

import hashlib
from datetime import timedelta

from itsdangerous import URLSafeSerializer

from api.quote_signer import QUOTE_VALIDITY, QuoteSigner
from domain.kinds import Service, Tier
from tests.api.conftest import NOW, SERIAL

SECRET = "a secret of thirty-two characters"
QUOTED = {
    "n": "aaaaaaaaaaaa",
    "for": ["care_express", "premium", SERIAL, True],
    "fee": 15900,
    "hold": 164000,
    "in": "USD",
    "days": 14,
    "until": int((NOW + QUOTE_VALIDITY).timestamp()),
}


def read(token: str, minutes: int = 0) -> bool | None:
    """Whether the quote is valid; None when it is not ours."""
    now = NOW + timedelta(minutes=minutes)
    quoted = QuoteSigner(SECRET).read(token, Service.CARE_EXPRESS, Tier.PREMIUM, SERIAL, True, now)
    return quoted.valid if quoted else None


def test_a_quote_of_release_0_2_0_is_read_until_it_expires() -> None:
    token = URLSafeSerializer(SECRET, salt="aftercare.quote.1").dumps(QUOTED)
    assert isinstance(token, str)
    assert read(token) is True
    assert read(token, minutes=30) is False


def test_a_quote_is_signed_with_sha_256() -> None:
    options = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    token = URLSafeSerializer(SECRET, salt="aftercare.quote.1", signer_kwargs=options).dumps(QUOTED)
    assert isinstance(token, str)
    assert read(token) is True
    assert len(token.rpartition(".")[2]) == 43  # 32 bytes in base 64; SHA-1 has 20


def test_a_quote_signed_with_another_secret_is_not_read() -> None:
    token = URLSafeSerializer("another", salt="aftercare.quote.1").dumps(QUOTED)
    assert isinstance(token, str)
    assert read(token) is None
