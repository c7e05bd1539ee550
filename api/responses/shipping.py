"""API: a parcel to ship, with the customer's address."""

from api.openapi_examples import with_example
from api.requests.addresses import SHIP_TO
from api.responses.addresses import AddressView
from api.responses.base import Moment, Page, View
from api.responses.claims import CLAIM_ID
from messages.claims import ShipTo
from store.reads.queries import ShippingKind
from store.reads.queries import ShippingView as Stored

_EXAMPLE = {
    "claim_id": CLAIM_ID,
    "reference": "dsp_nb2wk3dpmf2gk4tt",
    "kind": "replacement",
    "model": "mavic-3",
    "region": "US",
    "with_battery": True,
    "ship_to": SHIP_TO
    | {
        "phone": None,
        "lines": ["Ada Byron", "12 Harbour Road", "Portland, Oregon 97201", "UNITED STATES"],
    },
    "requested_at": "2026-11-23T10:00:01Z",
    "withdrawn_at": None,
    "fulfilled": False,
    "serial_number": None,
}


class DispatchRequestView(View):
    """`return`: the customer's own unit goes back as it came in, so `with_battery` is null. With `serial_number` a
    replacement that came back is shipped again, that very unit.

    `fulfilled`: it was reported as shipped. `withdrawn_at`: since then it must not be shipped.
    """

    model_config = with_example(_EXAMPLE)

    claim_id: str
    reference: str
    kind: ShippingKind
    model: str
    region: str
    with_battery: bool | None
    ship_to: AddressView
    requested_at: Moment
    withdrawn_at: Moment | None
    fulfilled: bool
    serial_number: str | None

    @classmethod
    def of(cls, stored: Stored) -> "DispatchRequestView":
        given = stored.model_dump(exclude={"ship_to"})
        return cls(ship_to=AddressView.of(ShipTo(**stored.ship_to)), **given)


class DispatchRequestList(Page[DispatchRequestView]):
    model_config = with_example({"items": [_EXAMPLE], "next_cursor": None})
