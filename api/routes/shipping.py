"""API: what the warehouse has to send, and where to."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.answers.shipping import DispatchRequestList, DispatchRequestView
from api.auth import ShippingDesk
from api.bodies.base import RegionCode
from api.problems import Code
from api.reference import reads
from api.routes.claims import Cursor
from api.services import Here
from store.views import ShippingFilter

router = APIRouter(tags=["Warehouse"])


class ShippingQuery(BaseModel):
    """Filters of the list; every one given must hold."""

    model_config = ConfigDict(extra="forbid")

    open: bool = Field(True, description="To be shipped now; false: shipped, withdrawn, or the claim is closed.")
    region: RegionCode | None = None
    limit: int = Field(50, ge=1, le=200)
    cursor: Cursor | None = None


@router.get("/dispatch-requests", summary="List what is to be shipped", responses=reads(Code.FORBIDDEN))
async def dispatch_requests(
    here: Here, caller: ShippingDesk, wanted: Annotated[ShippingQuery, Query()]
) -> DispatchRequestList:
    """Replacements and customers' units that go back, with their addresses. Open ones come oldest first, others newest.

    Report a replacement with `dispatch`, a return with `completion`.
    """
    chosen = ShippingFilter(open=wanted.open, region=wanted.region)
    page = await here.views.shipping_requests(chosen, wanted.limit, wanted.cursor)
    return DispatchRequestList(
        items=[DispatchRequestView.of(request) for request in page.items], next_cursor=page.next_cursor
    )
