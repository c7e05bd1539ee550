"""API: how a claim is submitted: a quick, complete refusal from the record, then one message that is the claim."""

from api.applications import Applied, exchange, job
from api.bodies.claims import ExchangeBody, JobBody, MaintenanceBody, OnlineRepairBody
from api.door import Gone
from api.idempotency import RequestKey
from api.problems import Code, Problem, not_found
from api.services import Services
from domain.claim import Claim
from domain.kinds import ClaimState, Outcome
from domain.reasons import Reason
from domain.standing import Standing
from messages.claims import ClaimAccepted, ClaimRefused


async def submit(here: Services, body: ExchangeBody | JobBody, actor: str, key: RequestKey) -> Claim:
    """The claim as it is after its submission. Raises the problem when it is refused or declined."""
    standing = await here.views.standing(body.serial_number)
    if standing is None:
        raise not_found(f"device {body.serial_number}")
    claim_id = key.id("clm")
    if isinstance(body, OnlineRepairBody | MaintenanceBody):
        applied = job(here, body, standing, claim_id, actor)
    else:
        applied = await exchange(here, body, standing, claim_id, actor)
    reasons = await here.views.claim_refusals(applied.application, body.serial_number, here.now()) or []
    if applied.also_refused:
        reasons.append(applied.also_refused)
    if reasons and not key.again:  # a retry asks the claim itself: it may be the open case that stands in its way
        raise _refused(reasons)
    provisional = Claim(
        id=claim_id,
        service=applied.service,
        tier=applied.tier,
        state=ClaimState.SUBMITTED,
        serial_number=standing.serial_number,
        model=standing.model.slug,
        region=standing.region.code,
        lineage_id=standing.lineage_id,
        opened_at=here.now(),
        incident=applied.incident,
        fee=applied.fee,
        amount_owed=applied.fee.zero(),
        replace_battery=applied.replace_battery,
        wait_reason="for the submission to be judged",
    )
    try:
        answer = await here.door.submit(applied.message, provisional, _summary(applied, standing), key.id("req"))
    except Gone:
        return _not_declined(await _ended(here, claim_id))
    if isinstance(answer, ClaimRefused):
        raise _refused(list(answer.reasons))
    return _not_declined(answer.claim) if isinstance(answer, ClaimAccepted) else provisional


def _summary(applied: Applied, standing: Standing) -> str:
    """One line for Temporal's lists: "Premium · Mavic 3 · SN 1581F45T · collision"."""
    what = (applied.tier or applied.service).capitalize().replace("_", " ")
    why = (applied.incident.cause.replace("_", " "),) if applied.incident else ()
    return " · ".join((what, standing.model.name, f"SN {standing.serial_number}", *why))


async def _ended(here: Services, claim_id: str) -> Claim:
    """The claim of a key whose workflow has ended and whose first answer nobody keeps any more."""
    claim = await here.views.claim(claim_id)
    if claim is None:
        raise Problem(Code.CONFLICT, "The claim of this Idempotency-Key was refused. Use a new key for a new claim.")
    return claim


def _not_declined(claim: Claim) -> Claim:
    if claim.outcome is Outcome.PAYMENT_DECLINED:
        detail = "The card was declined, so the claim was closed. Nothing was charged or held."
        raise Problem(Code.PAYMENT_DECLINED, detail, claim_id=claim.id)
    return claim


def _refused(reasons: list[Reason]) -> Problem:
    return Problem(Code.CLAIM_REFUSED, " ".join(reason.message for reason in reasons), reasons=reasons)
