"""Store, read side: the devices of an owner, found by the mail address."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, String, bindparam, tuple_
from sqlmodel import col, select

from store.database import Database
from store.query_hints import literal_limit
from store.tables.devices import DeviceRow, LineageRow
from store.tables.types import Instant

OwnedPosition = tuple[datetime, str]
"""Where a page ended: the instant at which the last lineage was registered, and its id."""
_ORDER: Final = (col(LineageRow.created_at), col(LineageRow.id))


def spellings(email: str) -> tuple[str, str]:
    """The address as it was asked for, and in lower case: some are stored as they were typed."""
    return email, email.lower()


async def owned_units(
    database: Database, email: str, after: OwnedPosition | None, limit: int
) -> list[tuple[OwnedPosition, str]]:
    """`limit` lineages of the owner after `after`, newest first: each one's place and its current serial number."""
    values: dict[str, Any] = {"emails": spellings(email)}
    if after is not None:
        values |= {"after_instant": after[0], "after_id": after[1]}
    rows = await database.fetch(_page(limit, continued=after is not None), values)
    return [((row.created_at, row.id), row.serial_number) for row in rows]


def _page(limit: int, *, continued: bool) -> Select[Any]:
    page: Any = (
        select(*_ORDER, DeviceRow.serial_number)
        .join(DeviceRow, col(DeviceRow.lineage_id) == col(LineageRow.id))
        .where(
            col(LineageRow.owner_email).in_(bindparam("emails", expanding=True)),
            col(DeviceRow.replaced_by).is_(None),
        )
    )
    if continued:
        position = tuple_(bindparam("after_instant", type_=Instant()), bindparam("after_id", type_=String()))
        page = page.where(tuple_(*_ORDER) < position)
    ordered: Select[Any] = page.order_by(*(column.desc() for column in _ORDER)).limit(literal_limit(limit))
    return ordered
