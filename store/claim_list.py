"""Store: lists of claims: filters, order, cursors. Newest first; a cursor keeps its place while claims are added."""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter
from sqlalchemy import ColumnElement, literal, tuple_
from sqlmodel import col, select
from sqlmodel.sql.expression import Select, SelectOfScalar

from domain.claim import Claim
from domain.inspection import normalise_serial
from domain.kinds import Attention, ClaimState, Service
from store.instants import Instant
from store.tables import AttentionRow, ClaimRow

CLAIMS: Final = TypeAdapter(Claim)
"""A claim to and from the JSON of its row."""
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2100
"""No claim was opened in a year outside these."""
T = TypeVar("T")


class InvalidCursor(Exception):
    """The cursor was not given out by this list."""


class Page(BaseModel, Generic[T]):
    """Part of a list. `next_cursor` is None on the last page."""

    model_config = ConfigDict(frozen=True)

    items: tuple[T, ...]
    next_cursor: str | None = None


class ClaimFilter(BaseModel):
    """Which claims to list; every filter given must hold. `due_before` compares the return's due instant."""

    model_config = ConfigDict(frozen=True)

    state: ClaimState | None = None
    service: Service | None = None
    serial_number: str | None = None
    region: str | None = None
    attention: Attention | None = None
    due_before: datetime | None = None


ClaimPlace = tuple[datetime, str]
"""Where a list stopped: the opening of the last claim shown and its id."""


def newest_claims(
    wanted: ClaimFilter, after: ClaimPlace | None, limit: int
) -> "Select[datetime, str, Mapping[Any, Any]]":
    """The query for one page: `limit` rows (opened_at, id, document) older than `after`."""
    query = select(ClaimRow.opened_at, ClaimRow.id, ClaimRow.document)
    for condition in _conditions(wanted):
        query = query.where(condition)
    if after is not None:
        place = tuple_(literal(after[0], Instant), literal(after[1]))
        query = query.where(tuple_(col(ClaimRow.opened_at), col(ClaimRow.id)) < place)
    return query.order_by(col(ClaimRow.opened_at).desc(), col(ClaimRow.id).desc()).limit(limit)


def _conditions(wanted: ClaimFilter) -> list[ColumnElement[bool]]:
    found = []
    if wanted.state is not None:
        found.append(col(ClaimRow.state) == wanted.state.value)
    if wanted.service is not None:
        found.append(col(ClaimRow.service) == wanted.service.value)
    if wanted.serial_number is not None:
        found.append(col(ClaimRow.serial_number) == normalise_serial(wanted.serial_number))
    if wanted.region is not None:
        found.append(col(ClaimRow.region) == wanted.region)
    if wanted.attention is not None:
        found.append(col(ClaimRow.id).in_(_flagged(wanted.attention)))
    if wanted.due_before is not None:
        found.append(col(ClaimRow.due_at) < wanted.due_before)
    return found


def _flagged(attention: Attention) -> SelectOfScalar[str]:
    return select(AttentionRow.claim_id).where(AttentionRow.code == attention.value)


def write_cursor(place: ClaimPlace) -> str:
    """`place` as opaque text for a URL."""
    return base64.urlsafe_b64encode(json.dumps([place[0].isoformat(), place[1]]).encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> ClaimPlace:
    """The place in a cursor. Raises InvalidCursor for anything `write_cursor` did not write.

    A cursor may be made up, and what it holds goes to the database, which would choke on the year 1 or a NUL.
    """
    try:
        opened_at, claim_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        place = datetime.fromisoformat(opened_at), str(claim_id)
        sound = FIRST_YEAR <= place[0].year <= LAST_YEAR and place[1].isprintable() and write_cursor(place) == cursor
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise InvalidCursor("This cursor is not one of this list's.") from error
    if not sound or place[0].utcoffset() != timedelta():
        raise InvalidCursor("This cursor is not one of this list's.")
    return place
