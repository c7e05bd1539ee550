"""API: how a route sends a decision to its claim."""

from api.claim_commands import ClaimNotRunning, CommandRejected
from api.idempotency import RequestKey
from api.problems import Code, Problem, declined, invalid, not_found
from api.responses.claims import ClaimView
from api.services import Services
from domain.dates import in_local_time
from domain.kinds import Action, ClaimState
from messages.claims import Decision


async def not_running_problem(services: Services, claim_id: str) -> Problem:
    """The problem for a claim without a running workflow: 409 when the claim exists, 404 otherwise."""
    claim = await services.queries.claim(claim_id)
    if claim is None:
        return not_found(f"claim {claim_id}")
    if claim.state is not ClaimState.CLOSED:
        detail = (
            "No process works on this claim any more, although it is not closed: somebody ended it in Temporal. "
            "Operations must look at it; a reset there brings it back."
        )
        return Problem(Code.ACTION_NOT_ALLOWED, detail, allowed_actions=(), provisional=True)
    # Its workflow has closed, so no action is possible, whatever its stored state would allow.
    outcome = f" as {claim.outcome.replace('_', ' ')}" if claim.outcome else ""
    return Problem(Code.ACTION_NOT_ALLOWED, f"The case is closed{outcome}.", rule="R-CLM-2", allowed_actions=())


async def send_decision(
    services: Services, claim_id: str, action: Action, decision: Decision, key: RequestKey, invalid_field: str = "body"
) -> ClaimView:
    """Send the update. `invalid_field` is reported when the claim rejects the request as invalid."""
    try:
        return services.view(await services.claim_commands.decide(claim_id, action, decision, key.id("req")))
    except ClaimNotRunning:
        raise await not_running_problem(services, claim_id) from None
    except CommandRejected as rejected:
        if " UTC" in rejected.message:
            rejected.message = in_local_time(rejected.message, (await services.get_claim(claim_id)).local_zone)
        match rejected.code:
            case "payment_declined":
                raise declined(rejected.message, rejected.decline_code, rule=rejected.rule, claim_id=claim_id) from None
            case "invalid_request":
                raise invalid(invalid_field, rejected.message) from None
            case _:
                raise
