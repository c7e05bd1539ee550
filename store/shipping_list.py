"""Store: what is asked of the warehouse and the workshop, as one list: what to ship, where to, and whether it left.

Each request says itself whether it is still to be done, and the index of its list begins with that.
"""

from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, String, and_, bindparam, not_, select, tuple_
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.kinds import ClaimState
from store.core import core
from store.hints import checked, said
from store.instants import Instant
from store.payment_tables import DispatchRequestRow, WorkshopReturnRow
from store.tables import ClaimRow, EventRow

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
    values: dict[str, Any] = {} if wanted.region is None else {"asked_region": wanted.region}
    if after is not None:
        values |= {"after": after[0], "behind": after[1]}
    shape = _Shape(wanted.open, wanted.region is not None, after is not None, limit)
    replacements = (await core(session, _replacements(shape), values)).mappings()
    found = [ShippingView(kind=ShippingKind.REPLACEMENT, **line) for line in replacements]
    unlike = {"kind": ShippingKind.RETURN, "with_battery": None, "withdrawn_at": None}
    found += [ShippingView(**unlike, **line) for line in (await core(session, _returns(shape), values)).mappings()]
    return sorted(found, key=lambda request: request.place, reverse=not wanted.open)[:limit]


class _Shape(NamedTuple):
    """What makes one page another statement than the next."""

    open: bool
    of_region: bool
    goes_on: bool
    limit: int


@lru_cache(maxsize=64)
def _replacements(shape: _Shape) -> Select[Any]:
    row = DispatchRequestRow
    shipped = and_(not_(col(row.to_do)), col(row.withdrawn_at).is_(None)).label("fulfilled")
    lines = select(*_shown(row), shipped)
    if shape.open:
        # A worker of the release before the mark, still at work during an upgrade, takes none down. Looked up for each
        # one shown: joined, it costs PostgreSQL twice as much with a million claims.
        state = select(col(ClaimRow.state)).where(col(ClaimRow.id) == col(row.claim_id)).scalar_subquery()
        lines = lines.where(state == ClaimState.AWAITING_DISPATCH.value)
    return _page(lines, row, col(row.region), shape)


@lru_cache(maxsize=64)
def _returns(shape: _Shape) -> Select[Any]:
    row = WorkshopReturnRow
    model = col(ClaimRow.document)["model"].as_string().label("model")
    # Looked up for each one shown. Asked whether it EXISTS, PostgreSQL would rather read the timelines of all claims.
    told = select(col(EventRow.id)).where(
        col(EventRow.claim_id) == col(row.claim_id), col(EventRow.kind) == _SHIPPED_BACK
    )
    shipped = told.limit(1).scalar_subquery().is_not(None).label("fulfilled")
    lines = select(*_shown(row), col(ClaimRow.region), model, shipped)
    lines = lines.join(ClaimRow, col(ClaimRow.id) == col(row.claim_id))
    if shape.open:
        lines = lines.where(checked(col(ClaimRow.state)) != ClaimState.CLOSED.value)
    return _page(lines, row, col(ClaimRow.region), shape)


def _page(lines: Select[Any], row: type[Request], region: Any, shape: _Shape) -> Select[Any]:
    page = lines.where(col(row.to_do).is_(shape.open))
    if shape.of_region:
        # The requests are read in their order, not all of a region's by the claims' index and sorted then.
        page = page.where(checked(region) == bindparam("asked_region"))
    here = tuple_(col(row.requested_at), col(row.reference))
    if shape.goes_on:
        place = tuple_(bindparam("after", type_=Instant()), bindparam("behind", type_=String()))
        page = page.where(here > place if shape.open else here < place)
    order = (col(row.requested_at), col(row.reference))
    return page.order_by(*(column.asc() if shape.open else column.desc() for column in order)).limit(said(shape.limit))


def _shown(row: type[Request]) -> list[Any]:
    return [col(getattr(row, name)) for name in row.model_fields if name != "to_do"]
