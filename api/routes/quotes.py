"""API: the settlement page. What it shows is frozen in the quote's id for half an hour."""

from fastapi import APIRouter

from api.answers.quotes import QuoteView
from api.auth import AnyRole
from api.bodies.claims import ExpressQuoteBody, QuoteBody
from api.idempotency import Key
from api.problems import Code, Problem, not_found
from api.reference import writes
from api.services import Here
from domain.claim import Incident
from domain.eligibility import Application
from domain.kinds import Cause, ReasonCode, Service

router = APIRouter(tags=["Claims"])

UNPRICED = frozenset({ReasonCode.PREMIUM_UNAVAILABLE, ReasonCode.FLYAWAY_NOT_SUPPORTED})
"""Reasons why there is nothing to quote. Any other is told when the claim is made."""


@router.post("/quotes", summary="Ask what a claim would cost", responses=writes(Code.NOT_FOUND, Code.CLAIM_REFUSED))
async def quote(body: QuoteBody, here: Here, caller: AnyRole, key: Key) -> QuoteView:
    """Fee, hold and window as they would be agreed now. Good for 30 minutes; no claim is made."""
    now = here.now()
    express = body if isinstance(body, ExpressQuoteBody) else None
    tier, battery = (express.tier, express.replace_battery) if express else (None, False)
    cause = Cause.COLLISION if express else Cause.FLYAWAY
    incident = body.incident.incident() if body.incident else Incident(cause, now)
    application = Application(Service(body.service), tier, incident, battery, policy=here.config.policy)
    reasons = await here.views.claim_refusals(application, body.serial_number, now)
    if reasons is None:
        raise not_found(f"device {body.serial_number}")
    unpriced = [reason for reason in reasons if reason.code in UNPRICED]
    quoted = None if unpriced else await here.views.quote(application.service, tier, body.serial_number, now)
    if quoted is None:
        raise Problem(Code.CLAIM_REFUSED, " ".join(reason.message for reason in unpriced), reasons=unpriced)
    quote_id, expires_at = here.quotes.sign(quoted, battery, now)
    return QuoteView.of(quoted, quote_id, expires_at, here.config.terms_version)
