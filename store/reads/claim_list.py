"""Store, read side: the claim list: filters, order, cursors. A cursor keeps its position while claims are added.

Newest first; with `due_before`, latest due first.
"""

import base64
import binascii
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter
from sqlalchemy import Text, cast, literal, tuple_
from sqlmodel import col, select
from sqlmodel.sql.expression import Select

from domain.claim import Claim
from domain.inspection import normalise_serial
from domain.kinds import Attention, ClaimState, Service
from domain.reported_events import normalise_tracking_number
from store.device_words import matching_lineages, owned_lineages, wanted_words
from store.query_hints import literal_limit, unindexed
from store.tables.claims import AttentionRow, ClaimParcelRow, ClaimRow
from store.tables.types import Instant

CLAIMS: Final = TypeAdapter(Claim)
"""Converts a claim from and to the JSON of its row."""
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2100
"""Cursors with a year outside these are invalid."""
_LEAD_A_DUE_LIST: Final = {"serial_number", "state"}
"""Columns that lead the search by `due_at`: a device has few claims, and states have an index by `due_at`."""
T = TypeVar("T")


@lru_cache(maxsize=1024)
def parse_claim(document: str, outside_attention: str = "") -> Claim:
    """The claim of a row's JSON text, with the attention codes that its workflow does not know.

    Claims are immutable, and lists that are polled bring the same texts.
    """
    claim = CLAIMS.validate_json(document)
    if not outside_attention:
        return claim
    return replace(claim, attention=(*claim.attention, *map(Attention, outside_attention.split(","))))


class InvalidCursor(Exception):
    """The cursor was not issued by this list."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list. `next_cursor` is None on the last page."""

    items: tuple[T, ...]
    next_cursor: str | None = None


class ClaimFilter(BaseModel):
    """Filters of the list, combined with AND. `due_before` compares the instant by which the unit is due back."""

    model_config = ConfigDict(frozen=True)

    state: ClaimState | None = None
    service: Service | None = None
    serial_number: str | None = None
    region: str | None = None
    attention: Attention | None = None
    due_before: datetime | None = None
    q: str | None = None
    owner_email: str | None = None
    tracking_number: str | None = None


ClaimPosition = tuple[datetime, str]
"""Where a page ended: the last claim's instant that orders the list, and its id."""


def claim_page(filters: ClaimFilter, after: ClaimPosition | None, limit: int) -> "Select[datetime, str, str, str]":
    """The query for one page: `limit` rows after `after`: ordering instant, id, document as JSON text, other codes."""
    by_due = filters.due_before is not None
    instant, claim_id = col(ClaimRow.due_at if by_due else ClaimRow.opened_at), col(ClaimRow.id)
    query: Any = select(instant, claim_id, cast(col(ClaimRow.document), Text), ClaimRow.outside_attention)
    if filters.attention is not None:
        query = query.join(AttentionRow, col(AttentionRow.claim_id) == claim_id)
        query = query.where(AttentionRow.code == filters.attention.value)
        if not by_due:
            # The attention table has the list's order in its own index.
            instant, claim_id = col(AttentionRow.opened_at), col(AttentionRow.claim_id)
    # One condition uses an index, the others filter the rows it finds. Attention comes before all others.
    values = _conditions(filters)
    leading = values[0][0] if values and filters.attention is None else None
    if filters.owner_email is not None:
        # An owner has few claims, which the index of their lineages finds.
        query, leading = query.where(col(ClaimRow.lineage_id).in_(owned_lineages(filters.owner_email))), None
    if filters.q is not None:
        for word in wanted_words(filters.q):
            query, leading = query.where(col(ClaimRow.lineage_id).in_(matching_lineages(word))), None
    if filters.tracking_number is not None:
        number = normalise_tracking_number(filters.tracking_number)
        shipped = select(ClaimParcelRow.claim_id).where(ClaimParcelRow.tracking_number == number)
        query, leading = query.where(col(ClaimRow.id).in_(shipped)), None
    if by_due and leading is not None and leading.key not in _LEAD_A_DUE_LIST:
        leading = None
    for column, value in values:
        query = query.where((column if column is leading else unindexed(column)) == value)
    if by_due:
        query = query.where(instant < filters.due_before)
    if after is not None:
        query = query.where(tuple_(instant, claim_id) < tuple_(literal(after[0], Instant), literal(after[1])))
    page: Select[datetime, str, str, str] = query.order_by(instant.desc(), claim_id.desc()).limit(literal_limit(limit))
    return page


def _conditions(filters: ClaimFilter) -> list[tuple[Any, str]]:
    """Columns with their required values, the most selective first."""
    of_state = [(col(ClaimRow.state), filters.state.value)] if filters.state is not None else []
    found: list[tuple[Any, str]] = []
    if filters.serial_number is not None:
        found.append((col(ClaimRow.serial_number), normalise_serial(filters.serial_number)))
    if filters.state is not ClaimState.CLOSED:
        found += of_state
    if filters.region is not None:
        found.append((col(ClaimRow.region), filters.region))
    if filters.service is not None:
        found.append((col(ClaimRow.service), filters.service.value))
    if filters.state is ClaimState.CLOSED:
        found += of_state
    return found


def write_cursor(position: ClaimPosition) -> str:
    """`position` as opaque text for a URL."""
    return base64.urlsafe_b64encode(json.dumps([position[0].isoformat(), position[1]]).encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> ClaimPosition:
    """The position in a cursor. Raises InvalidCursor for anything that `write_cursor` did not write.

    A forged cursor could hold values that the database rejects, such as the year 1 or a NUL.
    """
    try:
        opened_at, claim_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        position = datetime.fromisoformat(opened_at), str(claim_id)
        valid = (
            FIRST_YEAR <= position[0].year <= LAST_YEAR
            and position[1].isprintable()
            and write_cursor(position) == cursor
        )
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise InvalidCursor("This cursor is not one of this list's.") from error
    if not valid or position[0].utcoffset() != timedelta():
        raise InvalidCursor("This cursor is not one of this list's.")
    return position
