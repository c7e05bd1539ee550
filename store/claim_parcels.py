"""Store: the tracking numbers of a claim's parcels, by which it is found."""

from collections.abc import Iterable

from sqlmodel.ext.asyncio.session import AsyncSession

from domain.claim import Claim
from domain.reported_events import normalise_tracking_number
from store.tables.claims import ClaimParcelRow
from store.upsert import insert_new


async def keep_parcels(session: AsyncSession, claim_id: str, numbers: Iterable[str | None]) -> None:
    """Store each tracking number of the claim once, as numbers are compared."""
    compared = sorted({normalise_tracking_number(number) for number in numbers if number} - {""})
    if compared:
        rows = [{"tracking_number": number, "claim_id": claim_id} for number in compared]
        await insert_new(session, ClaimParcelRow, rows)


def numbers_of(claim: Claim) -> list[str | None]:
    """The tracking numbers that the claim names: of the parcel to the customer, and of the one that comes back."""
    parcels = claim.shipment, claim.returning.parcel if claim.returning else None
    return [parcel.tracking_number for parcel in parcels if parcel is not None]
