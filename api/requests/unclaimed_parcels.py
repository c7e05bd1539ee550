"""API: bodies about parcels in the warehouse that no process waits for."""

from api.openapi_examples import with_example
from api.requests.base import Body, Instant, Line, ReadSerial, ReasonText, Reference
from store.unclaimed_parcels import Settlement


class UnclaimedParcelBody(Body):
    """A parcel without a known claim. `arrived_at` left out means now."""

    model_config = with_example({"serial_number": "1581F45T7228D00A", "carrier": "UPS", "reason": "No papers inside."})

    arrived_at: Instant | None = None
    carrier: Line | None = None
    tracking_number: Reference | None = None
    serial_number: ReadSerial | None = None
    reason: ReasonText | None = None


class SettlementBody(Body):
    """What was done with the parcel, and why."""

    model_config = with_example({"settled_as": "sent_back", "reason": "Sent back under 1Z998."})

    settled_as: Settlement
    reason: ReasonText
