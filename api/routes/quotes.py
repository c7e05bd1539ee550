"""API: the settlement page. The quote's id keeps what it shows for half an hour."""

from fastapi import APIRouter

from api.auth import CustomerServiceOrStaff
from api.idempotency import Key
from api.openapi import write_problems
from api.problems import Code, Problem, not_found
from api.requests.claims import ExpressQuoteBody, QuoteBody
from api.responses.quotes import QuoteView
from api.services import ServicesDep
from domain.claim import Incident
from domain.eligibility import Application
from domain.kinds import Cause, ReasonCode, Service

router = APIRouter(tags=["Claims"])

NOT_QUOTABLE = frozenset({ReasonCode.PREMIUM_UNAVAILABLE, ReasonCode.FLYAWAY_NOT_SUPPORTED})
"""Reasons why there is nothing to quote. With any other one the quote says what the claim would cost, and why it would
be refused."""


@router.post(
    "/quotes",
    summary="Ask what a claim would cost",
    responses=write_problems(Code.FORBIDDEN, Code.NOT_FOUND, Code.CLAIM_REFUSED),
)
async def quote(body: QuoteBody, services: ServicesDep, caller: CustomerServiceOrStaff, key: Key) -> QuoteView:
    """Fee, hold and window as they would be agreed now, and whether the claim would be accepted.

    Good for 30 minutes; no claim is made. `reasons` has every reason for which the rules would refuse the claim now. An
    incident left out is one of this moment; card, consent and address are judged when the claim is made.
    """
    now = services.now()
    express = body if isinstance(body, ExpressQuoteBody) else None
    tier, battery = (express.tier, express.replace_battery) if express else (None, False)
    cause = Cause.COLLISION if express else Cause.FLYAWAY
    incident = body.incident.incident() if body.incident else Incident(cause, now)
    application = Application(Service(body.service), tier, incident, battery, policy=services.config.policy)
    reasons = await services.queries.claim_refusals(application, body.serial_number, now)
    if reasons is None:
        raise not_found(f"device {body.serial_number}")
    nothing = any(reason.code in NOT_QUOTABLE for reason in reasons)
    quoted = None if nothing else await services.queries.quote(application.service, tier, body.serial_number, now)
    if quoted is None:
        raise Problem(Code.CLAIM_REFUSED, " ".join(reason.message for reason in reasons), reasons=reasons)
    quote_id, expires_at = services.quotes.sign(quoted, battery, now)
    return QuoteView.of(quoted, quote_id, expires_at, services.config.terms_version, reasons)
