"""API: parcels in the warehouse that no process waits for."""

from typing import Self

from api.openapi_examples import with_example
from api.responses.base import Moment, Page, View
from api.responses.claims import CLAIM_ID
from store.unclaimed_parcels import Settlement, UnclaimedParcel

_EXAMPLE = {
    "id": "evt_nb2wk3dpmf2gk4tt",
    "claim_id": CLAIM_ID,
    "arrived_at": "2026-12-30T09:15:00Z",
    "reported_by": "warehouse",
    "carrier": None,
    "tracking_number": None,
    "serial_number": None,
    "reason": None,
    "settled_as": None,
    "settled_by": None,
    "settled_at": None,
}


class UnclaimedParcelView(View):
    """`claim_id` is null for a parcel that names no claim. `settled_as` is null while it is somebody's task."""

    model_config = with_example(_EXAMPLE)

    id: str
    claim_id: str | None
    arrived_at: Moment
    reported_by: str
    carrier: str | None
    tracking_number: str | None
    serial_number: str | None
    reason: str | None
    settled_as: Settlement | None
    settled_by: str | None
    settled_at: Moment | None

    @classmethod
    def of(cls, parcel: UnclaimedParcel) -> Self:
        return cls(**parcel.model_dump())


class UnclaimedParcelList(Page[UnclaimedParcelView]):
    model_config = with_example({"items": [_EXAMPLE], "next_cursor": None})
