"""API: what the warehouse has to ship, with addresses."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.audit import Subject, discloses
from api.auth import WarehouseOrStaff
from api.openapi import read_problems
from api.problems import Code
from api.requests.base import RegionCode
from api.responses.shipping import DispatchRequestList, DispatchRequestView
from api.routes.claims import Cursor
from api.services import ServicesDep
from store.reads.queries import ShippingFilter

router = APIRouter(tags=["Warehouse"])


class ShippingQuery(BaseModel):
    """Filters of the list; every one given must hold."""

    model_config = ConfigDict(extra="forbid")

    open: bool = Field(True, description="To be shipped now; false: shipped, withdrawn, or the claim is closed.")
    region: RegionCode | None = None
    limit: int = Field(50, ge=1, le=200)
    cursor: Cursor | None = None


@router.get("/dispatch-requests", summary="List what is to be shipped", responses=read_problems(Code.FORBIDDEN))
async def dispatch_requests(
    services: ServicesDep, caller: WarehouseOrStaff, query: Annotated[ShippingQuery, Query()], request: Request
) -> DispatchRequestList:
    """Replacements and customers' units that go back, with their addresses. Open ones come oldest first, others newest.

    Report a replacement with `dispatch`, a return with `completion`.
    """
    filter_ = ShippingFilter(open=query.open, region=query.region)
    page = await services.queries.shipping_requests(filter_, query.limit, query.cursor)
    discloses(request, [Subject(each.claim_id) for each in page.items])
    return DispatchRequestList(
        items=[DispatchRequestView.of(request) for request in page.items], next_cursor=page.next_cursor
    )
