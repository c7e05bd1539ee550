"""API: what other systems send by themselves. They may say more than is read here: unknown fields are no mistake."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from api.answers.claims import CLAIM_ID
from api.bodies.base import Instant, Line, Reference
from api.examples import shows

_THE_INTENT_ITSELF: Final = frozenset(
    {
        "payment_intent.amount_capturable_updated",
        "payment_intent.canceled",
        "payment_intent.payment_failed",
        "payment_intent.succeeded",
    }
)
_ITS_CHARGE: Final = frozenset({"charge.captured", "charge.expired", "charge.refunded"})
_LONGEST: Final = 255


class Sent(BaseModel):
    """Another system's body."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class PaymentEventData(Sent):
    """`object` is the payment intent, or a charge with the intent's id in `payment_intent`."""

    object: dict[str, Any] = Field(default_factory=dict)


class PaymentEventBody(Sent):
    """An event as Stripe writes it.

    Read from it are its id, which payment it is about, and that payment's claim in `metadata.claim_id`. What has become
    of the payment is asked of the gateway.
    """

    model_config = shows(
        {
            "id": "evt_1NG8Du2eZvKYlo2CUI79vXWy",
            "type": "payment_intent.canceled",
            "data": {"object": {"id": "pi_3MtwBwLkdIwHu7ix28a3tqPa", "metadata": {"claim_id": CLAIM_ID}}},
        }
    )

    id: Reference
    type: Line
    data: PaymentEventData = PaymentEventData()

    @property
    def payment_id(self) -> str | None:
        """The payment's id at the gateway; None for a kind of event nobody waits for."""
        if self.type in _THE_INTENT_ITSELF:
            return _word(self.data.object.get("id"))
        return _word(self.data.object.get("payment_intent")) if self.type in _ITS_CHARGE else None

    @property
    def claim_id(self) -> str | None:
        """The claim the payment was made for, as we told the gateway then."""
        metadata = self.data.object.get("metadata")
        return _word(metadata.get("claim_id")) if isinstance(metadata, dict) else None


class CarrierEventBody(Sent):
    """What a carrier saw.

    Only `accepted` counts, the scan that earns days of grace (R-RET-4): whether and when the parcel arrived is for the
    warehouse to say (R-RET-3).
    """

    model_config = shows(
        {
            "id": "ups-4711",
            "event": "accepted",
            "claim_id": CLAIM_ID,
            "tracking_number": "1Z998",
            "occurred_at": "2026-12-05T16:00:00Z",
        }
    )

    id: Reference
    event: Line = Field(description="`accepted`, or any other word, which is kept without effect.")
    claim_id: Reference
    tracking_number: Reference
    occurred_at: Instant


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST else None
