"""API: what only development offers: moving a claim's clock, planting cover with past dates, rehearsing reminders."""

from datetime import timedelta

from fastapi import APIRouter

from api.answers.claims import ClaimView
from api.answers.devices import DeviceView
from api.answers.plans import RemindersView
from api.auth import AnyRole
from api.bodies.actions import FastForwardBody
from api.bodies.base import SerialInPath
from api.bodies.devices import PlantTermBody, RemindersBody
from api.door import ClocksFixed, Gone, Unavailable
from api.idempotency import Key
from api.problems import Code, Problem, invalid
from api.reference import writes
from api.routes.claim_actions import over
from api.routes.claims import ClaimInPath
from api.routes.devices import status_page
from api.services import Here, Services
from domain import lifecycle
from domain.claim import Claim
from messages.registry import PlantTerm
from messages.renewals import Reminder, RemindRegion

router = APIRouter(prefix="/dev", tags=["Development"])

JUST_AFTER = timedelta(seconds=2)
"""A deadline's own second belongs to it, and its timer fires in the next one."""


@router.post(
    "/claims/{claim_id}/fast-forward",
    summary="Move a claim's clock",
    responses=writes(Code.NOT_FOUND, Code.ACTION_NOT_ALLOWED, Code.CONFLICT),
)
async def fast_forward(
    body: FastForwardBody, claim_id: ClaimInPath, here: Here, caller: AnyRole, key: Key
) -> ClaimView:
    """On the real server, for this claim alone. Answers once its timers have fired; the clock keeps its lead.

    `until: due` goes to just after the return is due, or else to just after what the claim waits for next.
    """
    try:
        by = await _duration(here, body, claim_id)
        moved = await _moved(here, claim_id, by)
    except Gone:
        raise await over(here, claim_id) from None
    return here.view(moved or await here.claim(claim_id))


async def _moved(here: Services, claim_id: str, by: timedelta) -> Claim | None:
    try:
        return await here.door.fast_forward(claim_id, by)
    except ClocksFixed:
        detail = (
            "This Temporal server moves no clocks. Use the one `aftercare dev` starts, or start yours with "
            "--dynamic-config-value frontend.WorkflowTimeSkippingEnabled=true."
        )
        raise Problem(Code.CONFLICT, detail, provisional=True) from None
    except Unavailable:
        detail = (
            "The claim did not come to rest in time; its clock may have been moved. Read the claim before you ask "
            "again: every try moves its clock further."
        )
        raise Problem(Code.UNAVAILABLE, detail) from None


async def _duration(here: Services, body: FastForwardBody, claim_id: str) -> timedelta:
    given = [value for value in (body.days, body.hours, body.until) if value is not None]
    if len(given) != 1:
        raise invalid("body", "needs exactly one of days, hours and until")
    if body.until is None:
        asked = timedelta(days=body.days or 0, hours=body.hours or 0)
        return max(asked, timedelta(seconds=1))
    claim, now = await here.claim(claim_id), await here.door.now(claim_id)
    due = claim.returning.due_at if claim.returning else None
    ahead = [instant for instant in (due, claim.deadline) if instant is not None and instant >= now]
    if not ahead:
        detail = "The claim waits for people, not for time."
        raise Problem(Code.ACTION_NOT_ALLOWED, detail, allowed_actions=lifecycle.allowed_actions(claim))
    return ahead[0] + JUST_AFTER - now


@router.post(
    "/devices/{serial}/terms",
    status_code=201,
    summary="Plant a term of cover",
    responses=writes(Code.NOT_FOUND),
)
async def plant(body: PlantTermBody, serial: SerialInPath, here: Here, caller: AnyRole, key: Key) -> DeviceView:
    """With any dates and without payment, so that expiry, grace and renewal can be rehearsed."""
    ask = PlantTerm(serial_number=serial, kind=body.term, starts_on=body.starts_on, term_id=key.id("pln"), at=key.at)
    return await status_page(here, await here.door.command(ask, key.id("cmd")))


@router.post("/reminders/run", summary="Send renewal reminders as on a day", responses=writes())
async def run_reminders(body: RemindersBody, here: Here, caller: AnyRole, key: Key) -> RemindersView:
    """In every region. May be asked as often as one likes: each term's reminder of a kind goes out once (R-NOT-1)."""
    sent: list[Reminder] = []
    for region in (await here.views.catalogue()).regions:
        ask = RemindRegion(region=region.code, as_of=body.as_of)
        done = await here.door.remind(ask, f"{key.id('rem')}_{region.code}")
        sent.extend(done.reminders)
    return RemindersView.of(sent)
