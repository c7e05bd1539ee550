"""API: bodies of webhooks. Unknown fields are ignored, since senders may add fields."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from api.openapi_examples import with_example
from api.requests.base import Instant, Line, Reference
from api.responses.claims import CLAIM_ID

_INTENT_EVENTS: Final = frozenset(
    {
        "payment_intent.amount_capturable_updated",
        "payment_intent.canceled",
        "payment_intent.payment_failed",
        "payment_intent.succeeded",
    }
)
_CHARGE_EVENTS: Final = frozenset({"charge.captured", "charge.expired", "charge.refunded"})
_DISPUTES: Final = "charge.dispute."
_REFUND_FAILURES: Final = frozenset({"refund.failed", "charge.refund.updated"})
_MAX_LENGTH: Final = 255


class WebhookBody(BaseModel):
    """A body that another system defines."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class PaymentEventData(WebhookBody):
    """`object` is the payment intent, or a charge with the intent's id in `payment_intent`."""

    object: dict[str, Any] = Field(default_factory=dict)


class PaymentEventBody(WebhookBody):
    """An event as Stripe writes it.

    Its id, its payment and the payment's claim in `metadata.claim_id` are read from it. The gateway is then queried for
    the payment's state.
    """

    model_config = with_example(
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
        """The payment's id at the gateway; None for event types that have no effect."""
        if self.type in _INTENT_EVENTS:
            return _text(self.data.object.get("id"))
        of_charge = self.type in _CHARGE_EVENTS or self.for_people
        return _text(self.data.object.get("payment_intent")) if of_charge else None

    @property
    def for_people(self) -> bool:
        """A dispute, or a refund that has failed: somebody must hear of it, also when no claim waits any more."""
        if self.type in _REFUND_FAILURES:
            return self.data.object.get("status") in ("failed", "canceled")
        return self.type.startswith(_DISPUTES)

    @property
    def claim_id(self) -> str | None:
        """The claim of the payment, from the metadata that the payment was created with."""
        metadata = self.data.object.get("metadata")
        return _text(metadata.get("claim_id")) if isinstance(metadata, dict) else None


class CarrierEventBody(WebhookBody):
    """An event of a carrier.

    `accepted` is the scan that earns days of grace (R-RET-4). `delivered` holds a default back until the warehouse has
    looked for the parcel; that it arrived is reported by the warehouse (R-RET-3).
    """

    model_config = with_example(
        {
            "id": "ups-4711",
            "event": "accepted",
            "claim_id": CLAIM_ID,
            "tracking_number": "1Z998",
            "occurred_at": "2026-12-05T16:00:00Z",
        }
    )

    id: Reference
    event: Line = Field(description="`accepted` or `delivered`; any other word is stored without effect.")
    claim_id: Reference
    tracking_number: Reference
    occurred_at: Instant


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.isprintable() and 0 < len(value) <= _MAX_LENGTH else None
