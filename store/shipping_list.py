"""Store: what is asked of the warehouse and the workshop, as one list: what to ship, where to, and whether it left.

The tables hold the requests; the claim beside each says whether it is still to be done.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, and_, literal, not_, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.kinds import ClaimState
from store.instants import Instant
from store.payment_tables import DispatchRequestRow, WorkshopReturnRow
from store.tables import ClaimRow, EventRow

_RUNNING = tuple(state.value for state in ClaimState if state is not ClaimState.CLOSED)
_SHIPPED_BACK = "shipped_back"
"""The timeline's word for a unit that left the workshop."""
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
    to_do = and_(col(row.withdrawn_at).is_(None), col(ClaimRow.state).in_(_RUNNING), not_(sent))
    lines = select(row, sent).join(ClaimRow, col(ClaimRow.id) == col(row.claim_id))
    lines = lines.where(to_do if wanted.open else not_(to_do), *_narrowed(wanted))
    lines = lines.where(*_behind(row.requested_at, row.reference, wanted, after))
    ordered = lines.order_by(*_order(row.requested_at, row.reference, wanted)).limit(limit)
    return [
        ShippingView(kind=ShippingKind.REPLACEMENT, fulfilled=fulfilled, **request.model_dump())
        for request, fulfilled in await session.exec(ordered)
    ]


async def _returns(
    session: AsyncSession, wanted: ShippingFilter, after: Place | None, limit: int
) -> list[ShippingView]:
    row = WorkshopReturnRow
    told = select(EventRow.id).where(EventRow.claim_id == col(row.claim_id), EventRow.kind == _SHIPPED_BACK)
    to_do = col(ClaimRow.state).in_(_RUNNING)
    model = col(ClaimRow.document)["model"].as_string()
    lines = select(row, ClaimRow.region, model, told.exists())
    lines = lines.join(ClaimRow, col(ClaimRow.id) == col(row.claim_id))
    lines = lines.where(to_do if wanted.open else not_(to_do), *_narrowed(wanted))
    lines = lines.where(*_behind(row.requested_at, row.reference, wanted, after))
    ordered = lines.order_by(*_order(row.requested_at, row.reference, wanted)).limit(limit)
    return [
        ShippingView(
            kind=ShippingKind.RETURN,
            model=name,
            region=region,
            with_battery=None,
            withdrawn_at=None,
            fulfilled=fulfilled,
            **request.model_dump(),
        )
        for request, region, name, fulfilled in await session.exec(ordered)
    ]


def _narrowed(wanted: ShippingFilter) -> list[ColumnElement[bool]]:
    return [] if wanted.region is None else [col(ClaimRow.region) == wanted.region]


def _behind(
    requested_at: datetime, reference: str, wanted: ShippingFilter, after: Place | None
) -> list[ColumnElement[bool]]:
    if after is None:
        return []
    here = tuple_(col(requested_at), col(reference))
    place = tuple_(literal(after[0], Instant), literal(after[1]))
    return [here > place if wanted.open else here < place]


def _order(requested_at: datetime, reference: str, wanted: ShippingFilter) -> list[ColumnElement[Any]]:
    columns = [col(requested_at), col(reference)]
    return [column.asc() if wanted.open else column.desc() for column in columns]
