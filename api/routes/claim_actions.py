"""API: what happens to a claim and what is decided about it. Events are told, decisions are asked: the claim judges."""

from datetime import datetime, timedelta

from fastapi import APIRouter

from api.answers.base import rfc3339
from api.answers.claims import ClaimView
from api.auth import AnyRole, Staff, Warehouse
from api.bodies.actions import (
    ArrivalBody,
    CancelBody,
    CompletionBody,
    DecisionBody,
    DispatchBody,
    ExtensionBody,
    FoundBody,
    InspectionBody,
    PartsChoiceBody,
    PaymentMethodBody,
    RepairChoiceBody,
    RepairQuoteBody,
    ReturnScanBody,
    WaiverBody,
)
from api.door import Gone, Refused
from api.idempotency import Key, RequestKey
from api.problems import Code, Problem, invalid, not_found
from api.reference import writes
from api.routes.claims import ClaimInPath
from api.services import Here, Services
from domain.dates import whole_second
from domain.eligibility import CLOCK_SKEW
from domain.kinds import Action, ClaimState, RepairChoice
from messages.claims import (
    CancelClaim,
    ChangePaymentMethod,
    ChooseParts,
    ChooseRepair,
    Complete,
    Decide,
    Decision,
    Dispatch,
    ExtendReturn,
    Inspect,
    ParcelArrived,
    ParcelScanned,
    QuoteRepair,
    ReportFound,
    Waive,
)

router = APIRouter(prefix="/claims/{claim_id}", tags=["Claims"])

BACK_DATED = timedelta(hours=1)
"""An arrival reported later than this after it happened needs a reason."""
_PAID_FOR = frozenset({RepairChoice.REPLACEMENT, RepairChoice.PAID_REPAIR})
_MONEY = writes(Code.NOT_FOUND, Code.ACTION_NOT_ALLOWED, Code.PAYMENT_IN_PROGRESS)
_PAYS = writes(Code.NOT_FOUND, Code.ACTION_NOT_ALLOWED, Code.PAYMENT_IN_PROGRESS, Code.PAYMENT_DECLINED)
_ROLE = writes(Code.NOT_FOUND, Code.ACTION_NOT_ALLOWED, Code.FORBIDDEN)
_ROLE_MONEY = writes(Code.NOT_FOUND, Code.ACTION_NOT_ALLOWED, Code.PAYMENT_IN_PROGRESS, Code.FORBIDDEN)
_UNIT = writes(Code.NOT_FOUND, Code.ACTION_NOT_ALLOWED, Code.FORBIDDEN, Code.REFUSED)


async def over(here: Services, claim_id: str) -> Problem:
    """The answer for a claim that takes no messages any more: 409 when there was one, 404 otherwise."""
    claim = await here.views.claim(claim_id)
    if claim is None:
        return not_found(f"claim {claim_id}")
    if claim.state is not ClaimState.CLOSED:
        detail = (
            "No process works on this claim any more, although it is not closed: somebody ended it in Temporal. "
            "Operations must look at it; a reset there brings it back."
        )
        return Problem(Code.ACTION_NOT_ALLOWED, detail, allowed_actions=(), provisional=True)
    # Its workflow is gone, so nothing is possible, whatever the record would still allow.
    how = f" as {claim.outcome.replace('_', ' ')}" if claim.outcome else ""
    return Problem(Code.ACTION_NOT_ALLOWED, f"The case is closed{how}.", rule="R-CLM-2", allowed_actions=())


async def _decide(
    here: Services, claim_id: str, action: Action, decision: Decision, key: RequestKey, at_fault: str = "body"
) -> ClaimView:
    """Ask the claim. `at_fault` is the field that is wrong when the claim finds the request invalid."""
    try:
        return here.view(await here.door.decide(claim_id, action, decision, key.id("req")))
    except Gone:
        raise await over(here, claim_id) from None
    except Refused as refused:
        match refused.code:
            case "payment_declined":
                raise Problem(Code.PAYMENT_DECLINED, refused.message, rule=refused.rule, claim_id=claim_id) from None
            case "invalid_request":
                raise invalid(at_fault, refused.message) from None
            case _:
                raise


async def _tell(here: Services, claim_id: str, event: ParcelScanned | ParcelArrived) -> ClaimView:
    try:
        await here.door.report(claim_id, event)
    except Gone:
        raise await over(here, claim_id) from None
    return here.view(await here.claim(claim_id))


async def _now(here: Services, claim_id: str) -> datetime:
    try:
        return whole_second(await here.door.now(claim_id))
    except Gone:
        raise await over(here, claim_id) from None


async def happened(here: Services, claim_id: str, field: str, given: datetime | None, now: datetime) -> datetime:
    """When an event happened: now unless it is said. Nothing has happened in the future, or before the claim."""
    if given is None:
        return now
    if given > now + CLOCK_SKEW:
        raise invalid(field, f"lies in the future; for this claim it is {rfc3339(now)}")
    opened_at = whole_second((await here.claim(claim_id)).opened_at)
    if given < opened_at:
        raise invalid(field, f"lies before the claim, which was opened at {rfc3339(opened_at)}")
    return given


@router.post("/dispatch", summary="The replacement has left", responses=_UNIT)
async def dispatch(body: DispatchBody, claim_id: ClaimInPath, here: Here, caller: Warehouse, key: Key) -> ClaimView:
    """The replacement takes over the cover; with Premium the return window begins (R-RET-2)."""
    decision = Dispatch(actor=caller.role, **body.model_dump())
    return await _decide(here, claim_id, Action.DISPATCH, decision, key)


@router.post("/return-scan", status_code=202, summary="The carrier took the customer's parcel", responses=_ROLE)
async def return_scan(
    body: ReturnScanBody, claim_id: ClaimInPath, here: Here, caller: Warehouse, key: Key
) -> ClaimView:
    """Kept even while nobody works. A scan on or before the due instant earns days of grace (R-RET-4)."""
    now = await _now(here, claim_id)
    event = ParcelScanned(
        event_id=key.id("evt"),
        actor=caller.role,
        carrier=body.carrier,
        tracking_number=body.tracking_number,
        scanned_at=await happened(here, claim_id, "scanned_at", body.scanned_at, now),
    )
    return await _tell(here, claim_id, event)


@router.post("/arrival", status_code=202, summary="The customer's parcel arrived", responses=_ROLE)
async def arrival(
    claim_id: ClaimInPath, here: Here, caller: Warehouse, key: Key, body: ArrivalBody | None = None
) -> ClaimView:
    """Kept even while nobody works. Judged by `arrived_at`, never by when it is told (R-RET-3)."""
    told = body or ArrivalBody()
    now = await _now(here, claim_id)
    arrived_at = await happened(here, claim_id, "arrived_at", told.arrived_at, now)
    if told.reason is None and arrived_at < now - BACK_DATED:
        raise invalid("reason", "is needed for an arrival more than an hour ago")
    event = ParcelArrived(event_id=key.id("evt"), actor=caller.role, arrived_at=arrived_at, reason=told.reason)
    return await _tell(here, claim_id, event)


@router.post("/inspection", summary="What the inspector saw", responses=_ROLE_MONEY)
async def inspection(body: InspectionBody, claim_id: ClaimInPath, here: Here, caller: Warehouse, key: Key) -> ClaimView:
    """The verdict follows from it (R-INS, R-CMP)."""
    decision = Inspect(actor=caller.role, **body.model_dump())
    return await _decide(here, claim_id, Action.INSPECTION, decision, key)


@router.post("/extension", summary="Give the customer more days", responses=_ROLE)
async def extension(body: ExtensionBody, claim_id: ClaimInPath, here: Here, caller: Staff, key: Key) -> ClaimView:
    """Once, before the window ends, by 1 to 7 days (R-RET-5)."""
    decision = ExtendReturn(actor=caller.role, days=body.days, reason=body.reason)
    return await _decide(here, claim_id, Action.EXTENSION, decision, key, at_fault="days")


@router.post("/waiver", summary="Let the charge go", responses=_ROLE_MONEY)
async def waiver(body: WaiverBody, claim_id: ClaimInPath, here: Here, caller: Staff, key: Key) -> ClaimView:
    """The hold is released, or what was charged is refunded, with a reason."""
    return await _decide(here, claim_id, Action.WAIVER, Waive(actor=caller.role, reason=body.reason), key)


@router.post("/decision", summary="Approve or reject", responses=_ROLE_MONEY)
async def decision(body: DecisionBody, claim_id: ClaimInPath, here: Here, caller: Staff, key: Key) -> ClaimView:
    """A flyaway; or a default that was held back: charge it (approve) or let it go."""
    decided = Decide(actor=caller.role, approve=body.approve, reason=body.reason)
    return await _decide(here, claim_id, Action.DECISION, decided, key, at_fault="reason")


@router.post("/parts-choice", summary="Pay for missing parts or send them", responses=_PAYS)
async def parts_choice(
    body: PartsChoiceBody, claim_id: ClaimInPath, here: Here, caller: AnyRole, key: Key
) -> ClaimView:
    """The price differences are charged, or the parts are awaited (R-CMP-1)."""
    return await _decide(here, claim_id, Action.PARTS_CHOICE, ChooseParts(actor=caller.role, choice=body.choice), key)


@router.post("/payment-method", summary="Pay with another card", responses=_PAYS)
async def payment_method(
    body: PaymentMethodBody, claim_id: ClaimInPath, here: Here, caller: AnyRole, key: Key
) -> ClaimView:
    """After a declined card, while the claim waits for payment."""
    changed = ChangePaymentMethod(actor=caller.role, payment_method=body.payment_method)
    return await _decide(here, claim_id, Action.PAYMENT_METHOD, changed, key)


@router.post("/cancel", summary="Cancel the claim", responses=_MONEY)
async def cancel(
    claim_id: ClaimInPath, here: Here, caller: AnyRole, key: Key, body: CancelBody | None = None
) -> ClaimView:
    """Before the replacement has left: the hold is released and the fee given back (R-EXP-9)."""
    reason = body.reason if body else ""
    return await _decide(here, claim_id, Action.CANCEL, CancelClaim(actor=caller.role, reason=reason), key)


@router.post("/found", summary="The lost drone was found", responses=_MONEY)
async def found(
    claim_id: ClaimInPath, here: Here, caller: AnyRole, key: Key, body: FoundBody | None = None
) -> ClaimView:
    """Flyaway: before dispatch the claim is withdrawn, afterwards people look at it (R-FLY-6)."""
    return await _decide(here, claim_id, Action.FOUND, ReportFound(actor=caller.role), key)


@router.post("/repair-quote", summary="What the workshop found and what a repair costs", responses=_ROLE)
async def repair_quote(body: RepairQuoteBody, claim_id: ClaimInPath, here: Here, caller: Staff, key: Key) -> ClaimView:
    """Once a claim. All ways out are then open for 30 days (R-REP-1, R-REP-2); `repair` shows them."""
    currency = (await here.claim(claim_id)).fee.currency
    if body.amount.currency != currency:
        raise invalid("amount.currency", f"must be {currency}, the claim's currency")
    decision = QuoteRepair(
        actor=caller.role, findings=body.findings, amount=body.amount.money(), warranty=body.warranty
    )
    # The currency is right, so what is left to be wrong is the warranty (R-PLN-4).
    return await _decide(here, claim_id, Action.REPAIR_QUOTE, decision, key, at_fault="warranty")


@router.post("/repair-choice", summary="Choose a way out of a repair quote", responses=_PAYS)
async def repair_choice(
    body: RepairChoiceBody, claim_id: ClaimInPath, here: Here, caller: AnyRole, key: Key
) -> ClaimView:
    """One of `repair.options`. A replacement and a paid repair are charged at once; only a replacement draws a use."""
    if body.choice in _PAID_FOR and body.payment_method is None:
        raise invalid("payment_method", f"is needed for {body.choice}")
    decision = ChooseRepair(actor=caller.role, choice=body.choice, payment_method=body.payment_method)
    return await _decide(here, claim_id, Action.REPAIR_CHOICE, decision, key, at_fault="payment_method")


@router.post("/completion", summary="The customer's own unit was shipped back", responses=_UNIT)
async def completion(
    claim_id: ClaimInPath, here: Here, caller: Warehouse, key: Key, body: CompletionBody | None = None
) -> ClaimView:
    """Repaired, serviced or as it came. A repair that changed the serial number keeps the lineage (R-REP-4)."""
    done = body or CompletionBody()
    decision = Complete(actor=caller.role, **done.model_dump())
    return await _decide(here, claim_id, Action.COMPLETION, decision, key)
