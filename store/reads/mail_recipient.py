"""Store, read side: the recipient of a mail about a claim, and the agreed terms that the claim itself does not have."""

from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, FromClause

from domain.claim import Claim
from domain.policy import Policy
from store.database import Database
from store.reads import catalogue
from store.tables.catalogue import RegionRow
from store.tables.claims import ClaimRow
from store.tables.devices import LineageRow
from store.upsert import table_of

_OWNERS, _REGIONS, _CLAIMS = (table_of(row) for row in (LineageRow, RegionRow, ClaimRow))

COLUMNS: Final = (_OWNERS.c.owner_name, _OWNERS.c.owner_email, _REGIONS.c.document.label("region"), _CLAIMS.c.agreed)
"""The columns that `recipient_from` reads, selected from `join_recipient`."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """The owner of the claim's lineage, and names and days of the agreement as it was frozen (R-CAT-4)."""

    name: str
    email: str
    model_name: str
    region_name: str
    time_zone: str
    window_days: int
    policy: Policy


@dataclass(frozen=True, slots=True)
class _Region:
    """The fields of a domain.catalogue.Region that mails use."""

    name: str
    time_zone: str
    window_days: int


@dataclass(frozen=True, slots=True)
class _Agreement:
    """The fields of the agreement (`UseReserved`, `JobOpened`) that mails use. A job has no return window."""

    model_name: str
    time_zone: str
    policy: Policy
    window_days: int | None = None


_REGION: Final = TypeAdapter(_Region)
_AGREEMENT: Final = TypeAdapter(_Agreement)


def join_recipient(rows: FromClause, claim_id: ColumnElement[str]) -> FromClause:
    """`rows` joined with the tables of COLUMNS, which are NULL where the claim of `claim_id` has no known owner."""
    return (
        rows.outerjoin(_CLAIMS, _CLAIMS.c.id == claim_id)
        .outerjoin(_OWNERS, _OWNERS.c.id == _CLAIMS.c.lineage_id)
        .outerjoin(_REGIONS, _REGIONS.c.code == _CLAIMS.c.region)
    )


async def recipient_from(database: Database, row: Any, claim: Claim) -> Recipient | None:
    """The recipient of a mail about `claim`, from a row with COLUMNS; None when its owner or its region is unknown."""
    if row.owner_name is None or row.region is None:
        return None
    region = _REGION.validate_python(row.region)
    if row.agreed is not None:
        agreed = _AGREEMENT.validate_python(row.agreed)
        return Recipient(
            name=row.owner_name,
            email=row.owner_email,
            model_name=agreed.model_name,
            region_name=region.name,
            time_zone=agreed.time_zone,
            window_days=region.window_days if agreed.window_days is None else agreed.window_days,
            policy=agreed.policy,
        )
    async with database.snapshot() as session:
        model = await catalogue.model(session, claim.model)
    return Recipient(
        name=row.owner_name,
        email=row.owner_email,
        model_name=model.name if model else claim.model,
        region_name=region.name,
        time_zone=region.time_zone,
        window_days=region.window_days,
        policy=Policy(),
    )
