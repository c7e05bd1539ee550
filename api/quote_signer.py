"""API: quotes. A quote's id is a signed token with everything the settlement page showed; nothing is stored."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from domain.inspection import normalise_serial
from domain.kinds import Service, Tier
from domain.money import Money
from messages.quoted_amounts import QuotedAmounts
from store.reads.queries import QuoteView

QUOTE_VALIDITY = timedelta(minutes=30)
_SALT = "aftercare.quote.1"


class QuoteSigner:
    """Signs and reads quote ids. Every API process of one installation needs the same `secret`."""

    def __init__(self, secret: str) -> None:
        self._serializer = URLSafeSerializer(
            secret,
            salt=_SALT,
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
            # Release 0.2.0 signed with the library's defaults. Its quotes are read until they expire.
            fallback_signers=[{"digest_method": hashlib.sha1, "key_derivation": "django-concat"}],
        )

    def sign(self, quote: QuoteView, replace_battery: bool, now: datetime) -> tuple[str, datetime]:
        """The quote's id and the instant at which it expires."""
        expires_at = now + QUOTE_VALIDITY
        token: str = self._serializer.dumps(
            {
                "n": secrets.token_hex(6),
                "for": _subject(quote.service, quote.tier, quote.serial_number, replace_battery),
                "fee": quote.fee.amount,
                "hold": quote.hold.amount if quote.hold else None,
                "in": quote.fee.currency,
                "days": quote.return_window_days,
                "until": int(expires_at.timestamp()),
            }
        )
        return token, expires_at

    def read(
        self, token: str, service: Service, tier: Tier | None, serial_number: str, replace_battery: bool, now: datetime
    ) -> QuotedAmounts | None:
        """The quoted amounts; `valid` is False when they have expired or are for another claim (R-CAT-4).

        None for an id that was not signed with this secret.
        """
        try:
            quoted: dict[str, Any] = self._serializer.loads(token)
            currency = quoted["in"]
            hold = quoted["hold"]
            return QuotedAmounts(
                quote_id=f"quo_{quoted['n']}",
                valid=quoted["for"] == _subject(service, tier, serial_number, replace_battery)
                and now.timestamp() < quoted["until"],
                fee=Money(quoted["fee"], currency),
                hold=None if hold is None else Money(hold, currency),
                window_days=quoted["days"],
            )
        except (BadData, KeyError, TypeError, ValueError):
            return None


def _subject(service: Service, tier: Tier | None, serial_number: str, replace_battery: bool) -> list[Any]:
    return [service.value, tier.value if tier else None, normalise_serial(serial_number), replace_battery]
