"""API: decisions on a repair or a maintenance: the quote, the choice, the end of the work."""

from fastapi import APIRouter

from api.auth import CustomerServiceOrStaff, Staff, Warehouse
from api.idempotency import Key
from api.openapi import write_problems
from api.problems import Code, invalid
from api.requests.actions import (
    PAID_CHOICES,
    CompletionBody,
    QuoteWithdrawalBody,
    RepairChoiceBody,
    RepairQuoteBody,
    RepairStopBody,
)
from api.responses.claims import ClaimView
from api.routes.claims import ClaimInPath
from api.routes.decisions import send_decision
from api.services import ServicesDep
from domain.kinds import Action
from messages.claims import ChooseRepair, Complete, QuoteRepair, StopRepair, WithdrawQuote

router = APIRouter(prefix="/claims/{claim_id}", tags=["Claims"])

_STAFF = write_problems(Code.NOT_FOUND, Code.ACTION_NOT_ALLOWED, Code.FORBIDDEN)
_STAFF_MONEY = write_problems(Code.NOT_FOUND, Code.ACTION_NOT_ALLOWED, Code.PAYMENT_IN_PROGRESS, Code.FORBIDDEN)
_PAYS = write_problems(
    Code.FORBIDDEN, Code.NOT_FOUND, Code.ACTION_NOT_ALLOWED, Code.PAYMENT_IN_PROGRESS, Code.PAYMENT_DECLINED
)
_UNIT = write_problems(Code.NOT_FOUND, Code.ACTION_NOT_ALLOWED, Code.FORBIDDEN, Code.REFUSED)


@router.post("/repair-quote", summary="What the workshop found and what a repair costs", responses=_STAFF)
async def repair_quote(
    body: RepairQuoteBody, claim_id: ClaimInPath, services: ServicesDep, caller: Staff, key: Key
) -> ClaimView:
    """All options are then open for 30 days (R-REP-1, R-REP-2); `repair` shows them. Until one is chosen another quote
    replaces it and is mailed (R-REP-5). A large one waits for the `decision` of a second person (R-REP-6)."""
    currency = (await services.get_claim(claim_id)).fee.currency
    if body.amount.currency != currency:
        raise invalid("amount.currency", f"must be {currency}, the claim's currency")
    decision = QuoteRepair(
        actor=caller.actor,
        by=caller.id,
        findings=body.findings,
        amount=body.amount.money(),
        warranty=body.warranty,
    )
    # The currency is valid, so the claim can only reject the warranty (R-PLN-4).
    return await send_decision(services, claim_id, Action.REPAIR_QUOTE, decision, key, invalid_field="warranty")


@router.post("/repair-quote-withdrawal", summary="Withdraw a repair quote", responses=_STAFF)
async def repair_quote_withdrawal(
    body: QuoteWithdrawalBody, claim_id: ClaimInPath, services: ServicesDep, caller: Staff, key: Key
) -> ClaimView:
    """Before anything is chosen. The customer is told, and the workshop makes a new one (R-REP-5)."""
    decision = WithdrawQuote(actor=caller.actor, reason=body.reason)
    return await send_decision(services, claim_id, Action.REPAIR_QUOTE_WITHDRAWAL, decision, key)


@router.post("/repair-stop", summary="Stop a repair in service", responses=_STAFF_MONEY)
async def repair_stop(
    body: RepairStopBody, claim_id: ClaimInPath, services: ServicesDep, caller: Staff, key: Key
) -> ClaimView:
    """What was paid is refunded and the unit goes back as it is (R-REP-7)."""
    decision = StopRepair(actor=caller.actor, reason=body.reason)
    return await send_decision(services, claim_id, Action.REPAIR_STOP, decision, key)


@router.post("/repair-choice", summary="Choose an option of a repair quote", responses=_PAYS)
async def repair_choice(
    body: RepairChoiceBody, claim_id: ClaimInPath, services: ServicesDep, caller: CustomerServiceOrStaff, key: Key
) -> ClaimView:
    """One of `repair.options`. A replacement and a paid repair are charged at once; only a replacement draws a use."""
    if body.choice in PAID_CHOICES and body.payment_method is None:
        raise invalid("payment_method", f"is needed for {body.choice}")
    decision = ChooseRepair(
        actor=caller.actor,
        choice=body.choice,
        payment_method=body.payment_method,
        quote_version=body.quote_version,
    )
    return await send_decision(services, claim_id, Action.REPAIR_CHOICE, decision, key, invalid_field="payment_method")


@router.post("/completion", summary="The customer's own unit was shipped back", responses=_UNIT)
async def completion(
    claim_id: ClaimInPath, services: ServicesDep, caller: Warehouse, key: Key, body: CompletionBody | None = None
) -> ClaimView:
    """Repaired, serviced or as it came. A repair that changed the serial number keeps the lineage (R-REP-4)."""
    completed = body or CompletionBody()
    decision = Complete(actor=caller.actor, **completed.model_dump())
    return await send_decision(services, claim_id, Action.COMPLETION, decision, key)
