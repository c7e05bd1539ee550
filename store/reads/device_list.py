"""Store, read side: the list of devices: their current units, the one registered last first."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Select, exists, literal, tuple_
from sqlmodel import col, select

from domain.coverage import ENDING_DAYS
from domain.dates import whole_second
from store.database import Database
from store.device_words import matching_lineages, owned_lineages, wanted_words
from store.query_hints import literal_limit, unindexed
from store.tables.devices import DeviceRow, TermRow
from store.tables.types import Instant

DevicePosition = tuple[datetime, str]
"""Where a page ended: when the last unit was registered or dispatched, and its serial number."""
_ORDER: Final = (col(DeviceRow.registered_at), col(DeviceRow.serial_number))
_SECOND: Final = timedelta(seconds=1)
_NOT_GIVEN_BACK: Final = col(TermRow.ended_at).is_(None)


class CareFilter(StrEnum):
    """`active`: covered now. `ending`: covered now, and not later than in 30 days. `none`: not covered now."""

    ACTIVE = "active"
    ENDING = "ending"
    NONE = "none"


class DeviceFilter(BaseModel):
    """Filters of the list, combined with AND. `q` is what `wanted_words` takes."""

    model_config = ConfigDict(frozen=True)

    q: str | None = None
    owner_email: str | None = None
    region: str | None = None
    model: str | None = None
    care: CareFilter | None = None


async def device_page(
    database: Database, filters: DeviceFilter, now: datetime, after: DevicePosition | None, limit: int
) -> list[DevicePosition]:
    """`limit` units after `after`: each one's place in the list, with its serial number."""
    rows = await database.fetch(_page(filters, whole_second(now), after, limit))
    return [(row.registered_at, row.serial_number) for row in rows]


def _page(filters: DeviceFilter, now: datetime, after: DevicePosition | None, limit: int) -> Select[Any]:
    page: Any = select(*_ORDER).where(col(DeviceRow.replaced_by).is_(None))
    lineage, found = col(DeviceRow.lineage_id), False
    # Where words, an address or an end of cover find few devices, the other conditions filter those.
    if filters.q is not None:
        for word in wanted_words(filters.q):
            page, found = page.where((unindexed(lineage) if found else lineage).in_(matching_lineages(word))), True
    if filters.owner_email is not None:
        chosen = unindexed(lineage) if found else lineage
        page, found = page.where(chosen.in_(owned_lineages(filters.owner_email))), True
    if filters.care is CareFilter.ENDING:
        chosen = unindexed(lineage) if found else lineage
        page, found = page.where(chosen.in_(_ending(now)), ~_covered(ends_after=_soon(now) + _SECOND)), True
    for column, value in ((col(DeviceRow.model), filters.model), (col(DeviceRow.region), filters.region)):
        if value is not None:
            page, found = page.where((unindexed(column) if found else column) == value), True
    if filters.care is CareFilter.ACTIVE:
        page = page.where(_covered(starts_before=now, ends_after=now))
    elif filters.care is CareFilter.NONE:
        page = page.where(~_covered(starts_before=now, ends_after=now))
    if after is not None:
        page = page.where(tuple_(*_ORDER) < tuple_(literal(after[0], Instant), literal(after[1])))
    ordered: Select[Any] = page.order_by(*(column.desc() for column in _ORDER)).limit(literal_limit(limit))
    return ordered


def _soon(now: datetime) -> datetime:
    return now + timedelta(days=ENDING_DAYS)


def _ending(now: datetime) -> Select[Any]:
    """The ids of the lineages with a term that covers `now` and ends soon."""
    ends_at = col(TermRow.ends_at)
    ending = _NOT_GIVEN_BACK, ends_at >= now, ends_at <= _soon(now), col(TermRow.starts_at) <= now
    return select(TermRow.lineage_id).where(*ending)


def _covered(*, ends_after: datetime, starts_before: datetime | None = None) -> ColumnElement[bool]:
    """Whether the unit's lineage has a term that ends at that instant or later, and has begun at the other one."""
    of_lineage = TermRow.lineage_id == DeviceRow.lineage_id
    # Its index would be that of ends: the one of lineages is meant.
    conditions: list[Any] = [of_lineage, _NOT_GIVEN_BACK, unindexed(col(TermRow.ends_at)) >= ends_after]
    if starts_before is not None:
        conditions.append(col(TermRow.starts_at) <= starts_before)
    return exists().where(*conditions)
