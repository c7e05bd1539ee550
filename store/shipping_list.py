"""Store: what is asked of the warehouse and the workshop, as one list: what to ship, where to, and whether it left.

The tables hold the requests; the claim beside each says whether it is still to be done.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Label, Select, and_, literal, not_, select, tuple_
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.kinds import ClaimState
from store.direct import core
from store.hints import checked
from store.instants import Instant
from store.payment_tables import DispatchRequestRow, WorkshopReturnRow
from store.tables import ClaimRow, EventRow

_RUNS = col(ClaimRow.state).in_([state.value for state in ClaimState if state is not ClaimState.CLOSED])
_REGION: Label[str] = col(ClaimRow.region).label("region_of_claim")
_SHIPPED_BACK = "shipped_back"
"""The timeline's word for a unit that left the workshop."""
Request = DispatchRequestRow | WorkshopReturnRow
Place = tuple[datetime, str]
"""Where a list stopped: when the last request shown was made, and its reference."""


class ShippingKind(StrEnum):
    REPLACEMENT = "replacement"
    RETURN = "return"


class ShippingFilter(BaseModel):
    """`open`: to be done: not withdrawn, not shipped, and the claim is not closed. `region` is the device's."""

    model_config = ConfigDict(frozen=True)

    open: bool = True
    region: str | None = None


class ShippingView(BaseModel):
    """One parcel to send. `with_battery` is None for a return: what came in goes back."""

    model_config = ConfigDict(frozen=True)

    claim_id: str
    reference: str
    kind: ShippingKind
    model: str
    region: str
    with_battery: bool | None
    ship_to: dict[str, Any]
    requested_at: datetime
    withdrawn_at: datetime | None
    fulfilled: bool

    @property
    def place(self) -> Place:
        return self.requested_at, self.reference


async def shipping_requests(
    session: AsyncSession, wanted: ShippingFilter, after: Place | None, limit: int
) -> list[ShippingView]:
    """`limit` requests behind `after`: the oldest first of what is to be done, the newest first of the rest."""
    found = [*await _replacements(session, wanted, after, limit), *await _returns(session, wanted, after, limit)]
    return sorted(found, key=lambda request: request.place, reverse=not wanted.open)[:limit]


async def _replacements(
    session: AsyncSession, wanted: ShippingFilter, after: Place | None, limit: int
) -> list[ShippingView]:
    row = DispatchRequestRow
    sent = col(ClaimRow.document)["replacement_serial_number"].as_string().is_not(None)
    # Nobody asks the warehouse without waiting for it, so this is narrower than "runs" and says the same.
    waits = col(ClaimRow.state) == ClaimState.AWAITING_DISPATCH.value
    to_do = and_(col(row.withdrawn_at).is_(None), waits, not_(sent))
    lines = select(*_columns(row), _REGION, sent.label("fulfilled"))
    lines = lines.join(ClaimRow, col(ClaimRow.id) == col(row.claim_id)).where(to_do if wanted.open else not_(to_do))
    found = await core(session, _page(lines, row, wanted, after, limit), {})
    return [ShippingView(kind=ShippingKind.REPLACEMENT, **line) for line in found.mappings()]


async def _returns(
    session: AsyncSession, wanted: ShippingFilter, after: Place | None, limit: int
) -> list[ShippingView]:
    row = WorkshopReturnRow
    model = col(ClaimRow.document)["model"].as_string().label("model")
    # Looked up for each one shown. Asked whether it EXISTS, PostgreSQL would rather read the timelines of all claims.
    told = select(col(EventRow.id)).where(
        col(EventRow.claim_id) == col(row.claim_id), col(EventRow.kind) == _SHIPPED_BACK
    )
    fulfilled = told.limit(1).scalar_subquery().is_not(None).label("fulfilled")
    lines = select(*_columns(row), col(ClaimRow.region), _REGION, model, fulfilled)
    lines = lines.join(ClaimRow, col(ClaimRow.id) == col(row.claim_id)).where(_RUNS if wanted.open else not_(_RUNS))
    found = await core(session, _page(lines, row, wanted, after, limit), {})
    return [
        ShippingView(kind=ShippingKind.RETURN, with_battery=None, withdrawn_at=None, **line)
        for line in found.mappings()
    ]


def _page(lines: Any, row: type[Request], wanted: ShippingFilter, after: Place | None, limit: int) -> Select[Any]:
    if wanted.open:
        # What is to be done is few among many: found by the running claims first, then narrowed and put in order.
        few = lines.cte("to_do").prefix_with("MATERIALIZED")
        lines, region, requested_at, reference = select(few), few.c.region_of_claim, few.c.requested_at, few.c.reference
    else:
        # The requests are read in their order, not all of a region's by the claims' index and sorted then.
        region, requested_at, reference = checked(col(ClaimRow.region)), col(row.requested_at), col(row.reference)
    if wanted.region is not None:
        lines = lines.where(region == wanted.region)
    here = tuple_(requested_at, reference)
    if after is not None:
        place = tuple_(literal(after[0], Instant), literal(after[1]))
        lines = lines.where(here > place if wanted.open else here < place)
    order = [column.asc() if wanted.open else column.desc() for column in (requested_at, reference)]
    page: Select[Any] = lines.order_by(*order).limit(limit)
    return page


def _columns(row: type[Request]) -> list[Any]:
    return [col(getattr(row, name)) for name in row.model_fields]
