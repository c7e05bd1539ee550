"""API: what carriers and the warehouse report about customers' parcels. These are facts: every state takes them."""

from datetime import datetime, timedelta

from fastapi import APIRouter

from api.auth import Warehouse
from api.claim_commands import ClaimNotRunning
from api.idempotency import Key
from api.openapi import write_problems
from api.problems import Code, invalid, not_found
from api.requests.actions import ArrivalBody, ReturnScanBody
from api.responses.base import rfc3339
from api.responses.claims import ClaimView
from api.routes.claims import ClaimInPath
from api.services import Services, ServicesDep
from domain.dates import whole_second
from domain.eligibility import CLOCK_SKEW
from messages.claims import ParcelArrived, ParcelScanned

router = APIRouter(prefix="/claims/{claim_id}", tags=["Claims"])

BACK_DATED = timedelta(hours=1)
"""An arrival reported more than this after it happened needs a reason."""
_FACT = write_problems(Code.NOT_FOUND, Code.FORBIDDEN)


async def claim_clock(services: Services, claim_id: str) -> datetime:
    """The claim's own time; ours when its workflow has ended."""
    try:
        return whole_second(await services.claim_commands.claim_time(claim_id))
    except ClaimNotRunning:
        return services.now()


async def occurrence_time(
    services: Services, claim_id: str, field: str, given: datetime | None, now: datetime
) -> datetime:
    """When an event happened: `given`, or now. Raises 422 for a time in the future or before the claim."""
    if given is None:
        return now
    if given > now + CLOCK_SKEW:
        raise invalid(field, f"lies in the future; for this claim it is {rfc3339(now)}")
    opened_at = whole_second((await services.get_claim(claim_id)).opened_at)
    if given < opened_at:
        raise invalid(field, f"lies before the claim, which was opened at {rfc3339(opened_at)}")
    return given


@router.post("/return-scan", status_code=202, summary="The carrier took the customer's parcel", responses=_FACT)
async def return_scan(
    body: ReturnScanBody, claim_id: ClaimInPath, services: ServicesDep, caller: Warehouse, key: Key
) -> ClaimView:
    """Taken in every state, and stored even while no worker is running or the claim cannot be told.

    A parcel counts once, at its earliest moment. A scan on or before the due instant earns days of grace (R-RET-4),
    also when it is reported later.
    """
    now = await claim_clock(services, claim_id)
    event = ParcelScanned(
        event_id=key.id("evt"),
        actor=caller.actor,
        carrier=body.carrier,
        tracking_number=body.tracking_number,
        scanned_at=await occurrence_time(services, claim_id, "scanned_at", body.scanned_at, now),
    )
    return await _report(services, claim_id, event)


@router.post("/arrival", status_code=202, summary="The customer's parcel arrived", responses=_FACT)
async def arrival(
    claim_id: ClaimInPath, services: ServicesDep, caller: Warehouse, key: Key, body: ArrivalBody | None = None
) -> ClaimView:
    """Taken in every state, and stored even while no worker is running or the claim cannot be told.

    `arrived_at` counts, not when it is reported (R-RET-3). After the end of the claim the parcel is listed under
    `GET /v1/unclaimed-parcels`, and the claim has the attention code `unclaimed_arrival`.
    """
    reported = body or ArrivalBody()
    now = await claim_clock(services, claim_id)
    arrived_at = await occurrence_time(services, claim_id, "arrived_at", reported.arrived_at, now)
    if reported.reason is None and arrived_at < now - BACK_DATED:
        raise invalid("reason", "is needed for an arrival more than an hour ago")
    event = ParcelArrived(event_id=key.id("evt"), actor=caller.actor, arrived_at=arrived_at, reason=reported.reason)
    return await _report(services, claim_id, event)


async def _report(services: Services, claim_id: str, event: ParcelScanned | ParcelArrived) -> ClaimView:
    try:
        await services.reports.report(claim_id, event)
    except ClaimNotRunning:
        raise not_found(f"claim {claim_id}") from None
    return services.view(await services.get_claim(claim_id))
