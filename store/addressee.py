"""Store, read side: whom a mail about a claim goes to, and what was agreed that the claim itself does not carry."""

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Discriminator, TypeAdapter
from sqlmodel import and_, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.claim import Claim
from domain.policy import Policy
from messages.jobs import JobOpened
from messages.record import UseReserved
from store import catalogue
from store.payment_tables import MailRow
from store.tables import ClaimRow, LineageRow, RegionRow

_AGREED: Final[TypeAdapter[UseReserved | JobOpened]] = TypeAdapter(
    Annotated[UseReserved | JobOpened, Discriminator("result")]
)


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


async def load_addressee(session: AsyncSession, claim: Claim, kind: str, occurrence: int) -> Addressee | str | None:
    """The addressee of mails about `claim`; None when its lineage or its region is unknown.

    The Message-ID instead, when the notice of that kind and occurrence went out already.
    """
    known = (
        select(LineageRow, RegionRow.document, ClaimRow.agreed, MailRow.message_id)
        .select_from(LineageRow)
        .join(RegionRow, col(RegionRow.code) == claim.region)
        .outerjoin(ClaimRow, col(ClaimRow.id) == claim.id)
        .outerjoin(
            MailRow,
            and_(
                col(MailRow.claim_id) == claim.id,
                col(MailRow.kind) == kind,
                col(MailRow.occurrence) == occurrence,
            ),
        )
        .where(LineageRow.id == claim.lineage_id)
    )
    found = (await session.exec(known)).first()
    if found is None:
        return None
    owner, document, frozen, sent = found
    name, email = owner.owner_name, owner.owner_email
    if sent:
        return sent
    region = catalogue.REGIONS.validate_python(document)
    if frozen is not None:
        agreed = _AGREED.validate_python(frozen)
        window_days = agreed.window_days if isinstance(agreed, UseReserved) else region.window_days
        return Addressee(name, email, agreed.model_name, region.name, agreed.time_zone, window_days, agreed.policy)
    model = await catalogue.model(session, claim.model)
    model_name = model.name if model else claim.model
    return Addressee(name, email, model_name, region.name, region.time_zone, region.window_days, Policy())
