"""Store: lists of claims: filters, order, cursors. A cursor keeps its place while claims are added.

Newest first; those asked for by their due instant, latest due first.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter
from sqlalchemy import literal, tuple_
from sqlmodel import col, select
from sqlmodel.sql.expression import Select

from domain.claim import Claim
from domain.inspection import normalise_serial
from domain.kinds import Attention, ClaimState, Service
from store.hints import checked, said
from store.instants import Instant
from store.tables import AttentionRow, ClaimRow

CLAIMS: Final = TypeAdapter(Claim)
"""A claim to and from the JSON of its row."""
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2100
"""No claim was opened in a year outside these."""
_KNOW_WHAT_IS_DUE: Final = {"serial_number", "state"}
"""Columns by which a list of what is due is found: a device has few claims, and a state's have an index by due."""
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
"""Where a list stopped: the instant it is ordered by of the last claim shown, and its id."""


def claim_page(wanted: ClaimFilter, after: ClaimPlace | None, limit: int) -> "Select[datetime, str, Mapping[Any, Any]]":
    """The query for one page: `limit` rows (instant of the order, id, document) behind `after`."""
    by_due = wanted.due_before is not None
    instant, claim_id = col(ClaimRow.due_at if by_due else ClaimRow.opened_at), col(ClaimRow.id)
    shown: Any = select(instant, claim_id, ClaimRow.document)
    if wanted.attention is not None:
        shown = shown.join(AttentionRow, col(AttentionRow.claim_id) == claim_id)
        shown = shown.where(AttentionRow.code == wanted.attention.value)
        if not by_due:
            # The flags have an order of their own, which is the claims'.
            instant, claim_id = col(AttentionRow.opened_at), col(AttentionRow.claim_id)
    # One index leads; the rest is seen of what it finds. Flags lead before all.
    values = _values(wanted)
    leading = values[0][0] if values and wanted.attention is None else None
    if by_due and leading is not None and leading.key not in _KNOW_WHAT_IS_DUE:
        leading = None
    for column, value in values:
        shown = shown.where((column if column is leading else checked(column)) == value)
    if by_due:
        shown = shown.where(instant < wanted.due_before)
    if after is not None:
        shown = shown.where(tuple_(instant, claim_id) < tuple_(literal(after[0], Instant), literal(after[1])))
    page: Select[datetime, str, Mapping[Any, Any]] = shown.order_by(instant.desc(), claim_id.desc()).limit(said(limit))
    return page


def _values(wanted: ClaimFilter) -> list[tuple[Any, str]]:
    """Columns with the values they must have, the one that leaves fewest claims first."""
    of_state = [(col(ClaimRow.state), wanted.state.value)] if wanted.state is not None else []
    found: list[tuple[Any, str]] = []
    if wanted.serial_number is not None:
        found.append((col(ClaimRow.serial_number), normalise_serial(wanted.serial_number)))
    if wanted.state is not ClaimState.CLOSED:
        found += of_state
    if wanted.region is not None:
        found.append((col(ClaimRow.region), wanted.region))
    if wanted.service is not None:
        found.append((col(ClaimRow.service), wanted.service.value))
    if wanted.state is ClaimState.CLOSED:
        found += of_state
    return found


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
