"""API: parcels in the warehouse that no process waits for: listed, recorded, settled."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.audit import Subject, concerns
from api.auth import Warehouse, WarehouseOrStaff
from api.idempotency import Key
from api.openapi import read_problems, write_problems
from api.problems import Code, invalid, not_found
from api.requests.unclaimed_parcels import SettlementBody, UnclaimedParcelBody
from api.responses.base import rfc3339
from api.responses.unclaimed_parcels import UnclaimedParcelList, UnclaimedParcelView
from api.routes.claims import Cursor
from api.services import ServicesDep
from domain.eligibility import CLOCK_SKEW
from store.unclaimed_parcels import UnclaimedParcel, UnclaimedParcels

router = APIRouter(prefix="/unclaimed-parcels", tags=["Warehouse"])

ParcelInPath = Annotated[str, Path(min_length=1, max_length=255, examples=["evt_nb2wk3dpmf2gk4tt"])]


class UnclaimedParcelQuery(BaseModel):
    """Filters of the list."""

    model_config = ConfigDict(extra="forbid")

    open: bool = Field(True, description="Still somebody's task; false: settled.")
    limit: int = Field(50, ge=1, le=200)
    cursor: Cursor | None = None


@router.get("", summary="List parcels that no claim waits for", responses=read_problems(Code.FORBIDDEN))
async def unclaimed_parcels(
    services: ServicesDep, caller: WarehouseOrStaff, query: Annotated[UnclaimedParcelQuery, Query()]
) -> UnclaimedParcelList:
    """Oldest first: parcels that came after the end of their claim, second ones, and those that name no claim."""
    parcels = UnclaimedParcels(services.database)
    page = await parcels.page(still_open=query.open, limit=query.limit, cursor=query.cursor)
    return UnclaimedParcelList(
        items=[UnclaimedParcelView.of(parcel) for parcel in page.items], next_cursor=page.next_cursor
    )


@router.post(
    "", status_code=201, summary="Record a parcel without a known claim", responses=write_problems(Code.FORBIDDEN)
)
async def record_unclaimed_parcel(
    body: UnclaimedParcelBody, services: ServicesDep, caller: Warehouse, key: Key, request: Request
) -> UnclaimedParcelView:
    """A parcel that names a claim is reported with the claim's `arrival` instead."""
    now = services.now()
    arrived_at = body.arrived_at or now
    if arrived_at > now + CLOCK_SKEW:
        raise invalid("arrived_at", f"lies in the future; it is {rfc3339(now)}")
    concerns(request, Subject(other=key.id("evt")))
    parcel = UnclaimedParcel(
        id=key.id("evt"),
        claim_id=None,
        arrived_at=arrived_at,
        reported_by=caller.actor,
        carrier=body.carrier,
        tracking_number=body.tracking_number,
        serial_number=body.serial_number,
        reason=body.reason,
    )
    return UnclaimedParcelView.of(await UnclaimedParcels(services.database).add(parcel, now))


@router.post(
    "/{parcel_id}/settlement", summary="Settle a parcel", responses=write_problems(Code.FORBIDDEN, Code.NOT_FOUND)
)
async def settle_unclaimed_parcel(
    body: SettlementBody, parcel_id: ParcelInPath, services: ServicesDep, caller: WarehouseOrStaff, key: Key
) -> UnclaimedParcelView:
    """Sent back, kept, recycled, or booked on the claim it belongs to. Its claim's `unclaimed_arrival` clears."""
    settled = await UnclaimedParcels(services.database).settle(
        parcel_id, body.settled_as, body.reason, caller.actor, services.now()
    )
    if settled is None:
        raise not_found(f"parcel {parcel_id}")
    return UnclaimedParcelView.of(settled)
