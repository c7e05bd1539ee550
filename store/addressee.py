"""Store, read side: whom a mail about a claim goes to, and what was agreed that the claim itself does not carry."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import bindparam, select

from domain.claim import Claim
from domain.policy import Policy
from store import catalogue
from store.database import Database
from store.once import table_of
from store.payment_tables import MailRow
from store.rows import Rows
from store.tables import ClaimRow, LineageRow, RegionRow

_OWNERS, _REGIONS, _CLAIMS, _MAILS = (table_of(row) for row in (LineageRow, RegionRow, ClaimRow, MailRow))
_SENT: Final = select(Rows(_MAILS.c.kind, _MAILS.c.occurrence, _MAILS.c.message_id)).where(
    _MAILS.c.claim_id == bindparam("claim")
)
_ASKED: Final = (
    select(
        _OWNERS.c.owner_name,
        _OWNERS.c.owner_email,
        _REGIONS.c.document,
        _CLAIMS.c.agreed,
        _SENT.scalar_subquery().label("sent"),
    )
    .select_from(_OWNERS)
    .join(_REGIONS, _REGIONS.c.code == bindparam("region"))
    .outerjoin(_CLAIMS, _CLAIMS.c.id == bindparam("claim"))
    .where(_OWNERS.c.id == bindparam("lineage"))
)


@dataclass(frozen=True, slots=True)
class Addressee:
    """The owner of the claim's lineage, and the words and days of the agreement as it was frozen (R-CAT-4).

    `sent`: the Message-IDs of what went out to them about the claim, by kind and occurrence.
    """

    name: str
    email: str
    model_name: str
    region_name: str
    time_zone: str
    window_days: int
    policy: Policy
    sent: Mapping[tuple[str, int], str] = field(default_factory=dict)


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


async def load_addressee(database: Database, claim: Claim) -> Addressee | None:
    """The addressee of mails about `claim`; None when its lineage or its region is unknown."""
    named = {"claim": claim.id, "lineage": claim.lineage_id, "region": claim.region}
    found = await database.ask(_ASKED, named)
    if not found:
        return None
    ((name, email, document, frozen, mails),) = found
    sent = {(kind, occurrence): message_id for kind, occurrence, message_id in mails or ()}
    region = _PLACES.validate_python(document)
    if frozen is not None:
        agreed = _AGREED.validate_python(frozen)
        window_days = region.window_days if agreed.window_days is None else agreed.window_days
        return Addressee(
            name, email, agreed.model_name, region.name, agreed.time_zone, window_days, agreed.policy, sent
        )
    async with database.reading() as session:
        model = await catalogue.model(session, claim.model)
    model_name = model.name if model else claim.model
    return Addressee(name, email, model_name, region.name, region.time_zone, region.window_days, Policy(), sent)
