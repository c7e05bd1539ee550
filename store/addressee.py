"""Store, read side: whom a mail about a claim goes to, and what was agreed that the claim itself does not carry."""

from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, FromClause

from domain.claim import Claim
from domain.policy import Policy
from store import catalogue
from store.database import Database
from store.once import table_of
from store.tables import ClaimRow, LineageRow, RegionRow

_OWNERS, _REGIONS, _CLAIMS = (table_of(row) for row in (LineageRow, RegionRow, ClaimRow))

COLUMNS: Final = (_OWNERS.c.owner_name, _OWNERS.c.owner_email, _REGIONS.c.document.label("region"), _CLAIMS.c.agreed)
"""What `addressee` asks of a row, as it comes from `joined`."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """The owner of the claim's lineage, and the words and days of the agreement as it was frozen (R-CAT-4)."""

    name: str
    email: str
    model_name: str
    region_name: str
    time_zone: str
    window_days: int
    policy: Policy


@dataclass(frozen=True, slots=True)
class _Place:
    """As much of a domain.catalogue.Region as a mail speaks of."""

    name: str
    time_zone: str
    window_days: int


@dataclass(frozen=True, slots=True)
class _Agreed:
    """As much of what was agreed (`UseReserved`, `JobOpened`) as a mail speaks of. A job agrees on no window."""

    model_name: str
    time_zone: str
    policy: Policy
    window_days: int | None = None


_PLACES: Final = TypeAdapter(_Place)
_AGREED: Final = TypeAdapter(_Agreed)


def joined(rows: FromClause, claim_id: ColumnElement[str]) -> FromClause:
    """`rows` with the tables of COLUMNS, whose values are NULL where the claim of `claim_id` has no known owner."""
    return (
        rows.outerjoin(_CLAIMS, _CLAIMS.c.id == claim_id)
        .outerjoin(_OWNERS, _OWNERS.c.id == _CLAIMS.c.lineage_id)
        .outerjoin(_REGIONS, _REGIONS.c.code == _CLAIMS.c.region)
    )


async def addressee(database: Database, row: Any, claim: Claim) -> Addressee | None:
    """The addressee of a mail about `claim`, from a row with COLUMNS; None when its owner or its region is unknown."""
    if row.owner_name is None or row.region is None:
        return None
    region = _PLACES.validate_python(row.region)
    if row.agreed is not None:
        agreed = _AGREED.validate_python(row.agreed)
        return Addressee(
            name=row.owner_name,
            email=row.owner_email,
            model_name=agreed.model_name,
            region_name=region.name,
            time_zone=agreed.time_zone,
            window_days=region.window_days if agreed.window_days is None else agreed.window_days,
            policy=agreed.policy,
        )
    async with database.reading() as session:
        model = await catalogue.model(session, claim.model)
    return Addressee(
        name=row.owner_name,
        email=row.owner_email,
        model_name=model.name if model else claim.model,
        region_name=region.name,
        time_zone=region.time_zone,
        window_days=region.window_days,
        policy=Policy(),
    )
