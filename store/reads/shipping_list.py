"""Store, read side: the list of shipping requests to the warehouse and the workshop.

The column `to_do` of a request says whether it is open; the index of its list begins with it.
"""

from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, String, and_, bindparam, not_, or_, select, tuple_
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.kinds import ClaimState
from store.database import execute
from store.query_hints import literal_limit, unindexed
from store.tables.claims import ClaimRow, EventRow
from store.tables.types import Instant
from store.tables.warehouse import DispatchRequestRow, WorkshopReturnRow

_SHIPPED_BACK = "shipped_back"
"""The kind of the timeline event of a unit that left the workshop."""
RequestRow = DispatchRequestRow | WorkshopReturnRow
ShippingPosition = tuple[datetime, str]
"""Where a page ended: the instant of the last request, and its reference."""


class ShippingKind(StrEnum):
    REPLACEMENT = "replacement"
    RETURN = "return"


class ShippingFilter(BaseModel):
    """`open`: not withdrawn, not shipped; of a closed claim the unit that goes back alone. `region` is the device's."""

    model_config = ConfigDict(frozen=True)

    open: bool = True
    region: str | None = None


class ShippingView(BaseModel):
    """One parcel to ship. `with_battery` is None for a return: the unit goes back as it came. `serial_number` names a
    replacement that came back and is to be shipped again; None: any new unit."""

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
    serial_number: str | None = None

    @property
    def position(self) -> ShippingPosition:
        return self.requested_at, self.reference


async def shipping_requests(
    session: AsyncSession, filters: ShippingFilter, after: ShippingPosition | None, limit: int
) -> list[ShippingView]:
    """`limit` requests after `after`: open ones oldest first, the others newest first."""
    values: dict[str, Any] = {} if filters.region is None else {"where_region": filters.region}
    if after is not None:
        values |= {"after_instant": after[0], "after_reference": after[1]}
    page = _PageOptions(filters.open, filters.region is not None, after is not None, limit)
    replacements = (await execute(session, _replacements(page), values)).mappings()
    found = [ShippingView(kind=ShippingKind.REPLACEMENT, **line) for line in replacements]
    missing = {"kind": ShippingKind.RETURN, "with_battery": None, "withdrawn_at": None}
    found += [ShippingView(**missing, **line) for line in (await execute(session, _returns(page), values)).mappings()]
    return sorted(found, key=lambda request: request.position, reverse=not filters.open)[:limit]


class _PageOptions(NamedTuple):
    """The parameters that change the statement of a page, as a cache key."""

    open: bool
    by_region: bool
    continued: bool
    limit: int


@lru_cache(maxsize=64)
def _replacements(page: _PageOptions) -> Select[Any]:
    row = DispatchRequestRow
    shipped = and_(not_(col(row.to_do)), col(row.withdrawn_at).is_(None)).label("fulfilled")
    lines = select(*_columns(row), shipped)
    if page.open:
        # During an upgrade a worker of the release before `to_do` does not clear it. The state is a scalar subquery for
        # each row of the page: a join costs PostgreSQL twice as much with a million claims.
        state = select(col(ClaimRow.state)).where(col(ClaimRow.id) == col(row.claim_id)).scalar_subquery()
        lines = lines.where(state == ClaimState.AWAITING_DISPATCH.value)
    return _page(lines, row, col(row.region), page)


@lru_cache(maxsize=64)
def _returns(page: _PageOptions) -> Select[Any]:
    row = WorkshopReturnRow
    model = col(ClaimRow.document)["model"].as_string().label("model")
    # A scalar subquery for each row of the page: for EXISTS PostgreSQL reads the timelines of all claims.
    reported = select(col(EventRow.id)).where(
        col(EventRow.claim_id) == col(row.claim_id), col(EventRow.kind) == _SHIPPED_BACK
    )
    shipped = reported.limit(1).scalar_subquery().is_not(None).label("fulfilled")
    lines = select(*_columns(row), col(ClaimRow.region), model, shipped)
    lines = lines.join(ClaimRow, col(ClaimRow.id) == col(row.claim_id))
    if page.open:
        # A worker of a release before `to_do` does not clear it when the claim is closed.
        goes_back = col(ClaimRow.document)["goes_back"].as_boolean()
        lines = lines.where(or_(unindexed(col(ClaimRow.state)) != ClaimState.CLOSED.value, goes_back))
    return _page(lines, row, col(ClaimRow.region), page)


def _page(statement: Select[Any], row: type[RequestRow], region: Any, page: _PageOptions) -> Select[Any]:
    statement = statement.where(col(row.to_do).is_(page.open))
    if page.by_region:
        # The requests' index has the order of the list; the claims' index of a region would need a sort.
        statement = statement.where(unindexed(region) == bindparam("where_region"))
    order = (col(row.requested_at), col(row.reference))
    if page.continued:
        position = tuple_(bindparam("after_instant", type_=Instant()), bindparam("after_reference", type_=String()))
        statement = statement.where(tuple_(*order) > position if page.open else tuple_(*order) < position)
    directed = (column.asc() if page.open else column.desc() for column in order)
    return statement.order_by(*directed).limit(literal_limit(page.limit))


def _columns(row: type[RequestRow]) -> list[Any]:
    return [col(getattr(row, name)) for name in row.model_fields if name not in ("to_do", "number")]
