"""API: routes of development: moving a claim's clock, adding cover with past dates, running reminders."""

from datetime import timedelta

from fastapi import APIRouter

from api.auth import AnyRole
from api.claim_commands import ClaimNotRunning, TemporalUnavailable, TimeSkippingUnsupported
from api.idempotency import Key
from api.openapi import write_problems
from api.problems import Code, Problem, invalid
from api.requests.actions import FastForwardBody
from api.requests.base import SerialInPath
from api.requests.devices import PlantTermBody, RemindersBody
from api.responses.claims import ClaimView
from api.responses.devices import DeviceView
from api.responses.plans import RemindersView
from api.routes.claims import ClaimInPath
from api.routes.decisions import not_running_problem
from api.routes.devices import status_page
from api.services import Services, ServicesDep
from domain import lifecycle
from domain.claim import Claim
from messages.registry import PlantTerm
from messages.renewals import Reminder, RemindRegion

router = APIRouter(prefix="/dev", tags=["Development"])

JUST_AFTER = timedelta(seconds=2)
"""A deadline includes its own second, so its timer fires in the next one."""


@router.post(
    "/claims/{claim_id}/fast-forward",
    summary="Move a claim's clock",
    responses=write_problems(Code.NOT_FOUND, Code.ACTION_NOT_ALLOWED, Code.CONFLICT),
)
async def fast_forward(
    body: FastForwardBody, claim_id: ClaimInPath, services: ServicesDep, caller: AnyRole, key: Key
) -> ClaimView:
    """On the real server, for this claim alone. Answers once its timers have fired; the clock keeps its lead.

    `until: due` goes to just after the return is due, or else to just after what the claim waits for next.
    """
    try:
        by = await _duration(services, body, claim_id)
        moved = await _move_clock(services, claim_id, by)
    except ClaimNotRunning:
        raise await not_running_problem(services, claim_id) from None
    return services.view(moved or await services.get_claim(claim_id))


async def _move_clock(services: Services, claim_id: str, by: timedelta) -> Claim | None:
    try:
        return await services.claim_commands.fast_forward(claim_id, by)
    except TimeSkippingUnsupported:
        detail = (
            "This Temporal server moves no clocks. Use the one `aftercare dev` starts, or start yours with "
            "--dynamic-config-value frontend.WorkflowTimeSkippingEnabled=true."
        )
        raise Problem(Code.CONFLICT, detail, provisional=True) from None
    except TemporalUnavailable:
        detail = (
            "The claim did not come to rest in time; its clock may have been moved. Read the claim before you ask "
            "again: every try moves its clock further."
        )
        raise Problem(Code.UNAVAILABLE, detail) from None


async def _duration(services: Services, body: FastForwardBody, claim_id: str) -> timedelta:
    given = [value for value in (body.days, body.hours, body.until) if value is not None]
    if len(given) != 1:
        raise invalid("body", "needs exactly one of days, hours and until")
    if body.until is None:
        requested = timedelta(days=body.days or 0, hours=body.hours or 0)
        return max(requested, timedelta(seconds=1))
    claim, now = await services.get_claim(claim_id), await services.claim_commands.claim_time(claim_id)
    due = claim.returning.due_at if claim.returning else None
    upcoming = [instant for instant in (due, claim.deadline) if instant is not None and instant >= now]
    if not upcoming:
        detail = "The claim waits for people, not for time."
        raise Problem(Code.ACTION_NOT_ALLOWED, detail, allowed_actions=lifecycle.allowed_actions(claim))
    return upcoming[0] + JUST_AFTER - now


@router.post(
    "/devices/{serial}/terms",
    status_code=201,
    summary="Plant a term of cover",
    responses=write_problems(Code.NOT_FOUND),
)
async def plant(
    body: PlantTermBody, serial: SerialInPath, services: ServicesDep, caller: AnyRole, key: Key
) -> DeviceView:
    """With any dates and without payment, so that expiry, grace and renewal can be rehearsed."""
    command = PlantTerm(
        serial_number=serial, kind=body.term, starts_on=body.starts_on, term_id=key.id("pln"), at=key.at
    )
    return await status_page(services, await services.claim_commands.execute(command, key.id("cmd")))


@router.post("/reminders/run", summary="Send renewal reminders as on a day", responses=write_problems())
async def run_reminders(body: RemindersBody, services: ServicesDep, caller: AnyRole, key: Key) -> RemindersView:
    """In every region. May be repeated: each term's reminder of a kind is sent once (R-NOT-1)."""
    sent: list[Reminder] = []
    for region in (await services.queries.catalogue()).regions:
        command = RemindRegion(region=region.code, as_of=body.as_of)
        result = await services.claim_commands.send_reminders(command, f"{key.id('rem')}_{region.code}")
        sent.extend(result.reminders)
    return RemindersView.of(sent)
