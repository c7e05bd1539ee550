"""API: a parcel to send, as the warehouse sees it. The one answer with the customer's address in it."""

from api.answers.base import Moment, Page, View
from api.answers.claims import CLAIM_ID
from api.bodies.claims import SHIP_TO
from api.examples import shows
from store.views import ShippingKind
from store.views import ShippingView as Stored

_EXAMPLE = {
    "claim_id": CLAIM_ID,
    "reference": "dsp_nb2wk3dpmf2gk4tt",
    "kind": "replacement",
    "model": "mavic-3",
    "region": "US",
    "with_battery": True,
    "ship_to": SHIP_TO,
    "requested_at": "2026-11-23T10:00:01Z",
    "withdrawn_at": None,
    "fulfilled": False,
}


class AddressView(View):
    name: str
    line1: str
    line2: str | None
    city: str
    postal_code: str
    country: str


class DispatchRequestView(View):
    """`return`: the customer's own unit goes back as it came in, so `with_battery` is null.

    `fulfilled`: it was reported as shipped. `withdrawn_at`: do not ship it any more.
    """

    model_config = shows(_EXAMPLE)

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

    @classmethod
    def of(cls, stored: Stored) -> "DispatchRequestView":
        given = stored.model_dump(exclude={"ship_to"})
        return cls(ship_to=AddressView(**{"line2": None} | stored.ship_to), **given)


class DispatchRequestList(Page[DispatchRequestView]):
    model_config = shows({"items": [_EXAMPLE], "next_cursor": None})
