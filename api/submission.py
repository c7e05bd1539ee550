"""API: the submission of a claim: a complete check against the database first, then the start of its workflow."""

from api.claim_commands import ClaimNotRunning
from api.claim_preparation import PreparedClaim, prepare_replacement, prepare_service_job
from api.idempotency import RequestKey
from api.problems import Code, Problem, declined, not_found
from api.requests.claims import MaintenanceBody, OnlineRepairBody, ReplacementBody, ServiceJobBody
from api.services import Services
from api.start_metadata import UNDECIDED
from domain.claim import Claim
from domain.device_snapshot import DeviceSnapshot
from domain.kinds import ClaimState, Outcome
from domain.reasons import Reason
from messages.claims import ClaimAccepted, ClaimRefused


async def submit(services: Services, body: ReplacementBody | ServiceJobBody, actor: str, key: RequestKey) -> Claim:
    """The claim after its submission. Raises Problem when it is refused or its payment declined."""
    snapshot = await services.queries.snapshot(body.serial_number)
    if snapshot is None:
        raise not_found(f"device {body.serial_number}")
    claim_id = key.id("clm")
    if isinstance(body, OnlineRepairBody | MaintenanceBody):
        prepared = prepare_service_job(services, body, snapshot, claim_id, actor)
    else:
        prepared = await prepare_replacement(services, body, snapshot, claim_id, actor)
    reasons = await services.queries.claim_refusals(prepared.application, body.serial_number, services.now()) or []
    if prepared.refusal:
        reasons.append(prepared.refusal)
    if reasons and not key.again:  # on a retry the claim itself decides: it may be the open claim that the check finds
        raise _refused(reasons)
    provisional = Claim(
        id=claim_id,
        service=prepared.service,
        tier=prepared.tier,
        state=ClaimState.SUBMITTED,
        serial_number=snapshot.serial_number,
        model=snapshot.model.slug,
        region=snapshot.region.code,
        lineage_id=snapshot.lineage_id,
        opened_at=services.now(),
        incident=prepared.incident,
        fee=prepared.fee,
        amount_owed=prepared.fee.zero(),
        replace_battery=prepared.replace_battery,
        wait_reason=UNDECIDED,
        time_zone=snapshot.region.time_zone,
    )
    try:
        result = await services.claim_commands.submit(
            prepared.submission, provisional, _summary(prepared, snapshot), key.id("req")
        )
    except ClaimNotRunning:
        return _raise_if_declined(await _closed_claim(services, claim_id))
    if isinstance(result, ClaimRefused):
        raise _refused(list(result.reasons))
    return _raise_if_declined(result.claim) if isinstance(result, ClaimAccepted) else provisional


def _summary(prepared: PreparedClaim, snapshot: DeviceSnapshot) -> str:
    """One line for Temporal's UI: "Premium · Mavic 3 · SN 1581F45T · collision"."""
    service = (prepared.tier or prepared.service).capitalize().replace("_", " ")
    cause = (prepared.incident.cause.replace("_", " "),) if prepared.incident else ()
    return " · ".join((service, snapshot.model.name, f"SN {snapshot.serial_number}", *cause))


async def _closed_claim(services: Services, claim_id: str) -> Claim:
    """The claim of a key whose workflow has closed and whose first response is no longer kept."""
    claim = await services.queries.claim(claim_id)
    if claim is None:
        raise Problem(Code.CONFLICT, "The claim of this Idempotency-Key was refused. Use a new key for a new claim.")
    return claim


def _raise_if_declined(claim: Claim) -> Claim:
    if claim.outcome is Outcome.PAYMENT_DECLINED:
        detail = "The card was declined, so the claim was closed. Nothing was charged or held."
        raise declined(detail, claim.decline_code, claim_id=claim.id)
    return claim


def _refused(reasons: list[Reason]) -> Problem:
    return Problem(Code.CLAIM_REFUSED, " ".join(reason.message for reason in reasons), reasons=reasons)
