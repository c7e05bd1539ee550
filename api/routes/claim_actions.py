"""API: decisions on a claim, sent as updates."""

import secrets

from fastapi import APIRouter

from api.auth import CustomerServiceOrStaff, Staff, Warehouse
from api.idempotency import Key, RequestKey
from api.openapi import read_problems, write_problems
from api.problems import Code, Problem
from api.requests.actions import (
    CancelBody,
    DecisionBody,
    DispatchBody,
    ExtensionBody,
    FoundBody,
    InspectionBody,
    PartsChoiceBody,
    PaymentMethodBody,
    ReplacementResendBody,
    ReplacementUndoBody,
    WaiverBody,
)
from api.requests.addresses import AddressBody
from api.responses.claims import ClaimView
from api.routes.claims import ClaimInPath
from api.routes.decisions import send_decision
from api.services import ServicesDep
from domain.eligibility import delivery_outside
from domain.kinds import Action
from messages.claims import (
    CancelClaim,
    ChangePaymentMethod,
    ChooseParts,
    CorrectAddress,
    Decide,
    Dispatch,
    ExtendReturn,
    Inspect,
    ReportFound,
    ResendReplacement,
    UndoReplacement,
    Waive,
)

router = APIRouter(prefix="/claims/{claim_id}", tags=["Claims"])

_MONEY = write_problems(Code.FORBIDDEN, Code.NOT_FOUND, Code.ACTION_NOT_ALLOWED, Code.PAYMENT_IN_PROGRESS)
_PAYS = write_problems(
    Code.FORBIDDEN, Code.NOT_FOUND, Code.ACTION_NOT_ALLOWED, Code.PAYMENT_IN_PROGRESS, Code.PAYMENT_DECLINED
)
_ROLE = write_problems(Code.NOT_FOUND, Code.ACTION_NOT_ALLOWED, Code.FORBIDDEN)
_ROLE_MONEY = write_problems(Code.NOT_FOUND, Code.ACTION_NOT_ALLOWED, Code.PAYMENT_IN_PROGRESS, Code.FORBIDDEN)
_DECISION = write_problems(
    Code.NOT_FOUND, Code.ACTION_NOT_ALLOWED, Code.PAYMENT_IN_PROGRESS, Code.FORBIDDEN, Code.REFUSED
)
_UNIT = write_problems(Code.NOT_FOUND, Code.ACTION_NOT_ALLOWED, Code.FORBIDDEN, Code.REFUSED)
_ADDRESS = read_problems(Code.NOT_FOUND, Code.FORBIDDEN, Code.ACTION_NOT_ALLOWED, Code.REFUSED)
_SHIPS = write_problems(
    Code.NOT_FOUND,
    Code.ACTION_NOT_ALLOWED,
    Code.HOLD_NOT_LIVE,
    Code.PAYMENT_IN_PROGRESS,
    Code.FORBIDDEN,
    Code.REFUSED,
)


@router.post("/dispatch", summary="The replacement has left", responses=_SHIPS)
async def dispatch(
    body: DispatchBody, claim_id: ClaimInPath, services: ServicesDep, caller: Warehouse, key: Key
) -> ClaimView:
    """The replacement takes over the cover; with Premium the return window begins (R-RET-2).

    Premium ships against a live hold or a deposit alone: otherwise `hold_not_live` (R-EXP-6), and the customer is asked
    for another card.
    """
    decision = Dispatch(actor=caller.actor, **body.model_dump())
    return await send_decision(services, claim_id, Action.DISPATCH, decision, key)


@router.post("/inspection", summary="What the inspector saw", responses=_ROLE_MONEY)
async def inspection(
    body: InspectionBody, claim_id: ClaimInPath, services: ServicesDep, caller: Warehouse, key: Key
) -> ClaimView:
    """The verdict follows from it (R-INS, R-CMP)."""
    decision = Inspect(actor=caller.actor, **body.model_dump())
    return await send_decision(services, claim_id, Action.INSPECTION, decision, key)


@router.post("/extension", summary="Give the customer more days", responses=_ROLE)
async def extension(
    body: ExtensionBody, claim_id: ClaimInPath, services: ServicesDep, caller: Staff, key: Key
) -> ClaimView:
    """Once, before the window ends, by 1 to 7 days (R-RET-5)."""
    decision = ExtendReturn(actor=caller.actor, days=body.days, reason=body.reason)
    return await send_decision(services, claim_id, Action.EXTENSION, decision, key, invalid_field="days")


@router.post("/waiver", summary="Let the charge go", responses=_ROLE_MONEY)
async def waiver(body: WaiverBody, claim_id: ClaimInPath, services: ServicesDep, caller: Staff, key: Key) -> ClaimView:
    """The hold is released, or what was charged is refunded, with a reason."""
    return await send_decision(services, claim_id, Action.WAIVER, Waive(actor=caller.actor, reason=body.reason), key)


@router.post("/replacement-undo", summary="Undo the replacement that came back", responses=_DECISION)
async def replacement_undo(
    body: ReplacementUndoBody, claim_id: ClaimInPath, services: ServicesDep, caller: Staff, key: Key
) -> ClaimView:
    """The customer sent the new unit back (`replacement_returned`) and keeps the original: it is the device's current
    unit again, the use counts no more, and the claim is `cancelled` with its hold released, or what was charged
    refunded. The fee stays, unless the policy's `refund_undone_fee` gives it back (R-EXP-10)."""
    decision = UndoReplacement(actor=caller.actor, reason=body.reason)
    return await send_decision(services, claim_id, Action.REPLACEMENT_UNDO, decision, key)


@router.post("/replacement-resend", summary="Ship the replacement that came back again", responses=_SHIPS)
async def replacement_resend(
    body: ReplacementResendBody, claim_id: ClaimInPath, services: ServicesDep, caller: Staff, key: Key
) -> ClaimView:
    """The customer sent the new unit back (`replacement_returned`) and still has to send the original: the warehouse is
    asked to ship that very unit again, as in `GET /dispatch-requests`, and reports it with `dispatch`. From then on the
    original has a new window, which never ends before the old one. Nothing is charged meanwhile (R-EXP-10).

    Like any Premium replacement it needs a live hold, a deposit, or the default that was charged: else `hold_not_live`.
    """
    decision = ResendReplacement(actor=caller.actor, reason=body.reason)
    return await send_decision(services, claim_id, Action.REPLACEMENT_RESEND, decision, key)


@router.post("/decision", summary="Approve or reject", responses=_DECISION)
async def decision(
    body: DecisionBody, claim_id: ClaimInPath, services: ServicesDep, caller: Staff, key: Key
) -> ClaimView:
    """A flyaway; a default that was held back: charge it (approve) or let it go; a large repair quote: send it to the
    customer (approve, with another key than the one that made it, R-REP-6) or drop it."""
    decided = Decide(actor=caller.actor, approve=body.approve, reason=body.reason, by=caller.id)
    return await send_decision(services, claim_id, Action.DECISION, decided, key, invalid_field="reason")


@router.post("/parts-choice", summary="Pay for missing parts or send them", responses=_PAYS)
async def parts_choice(
    body: PartsChoiceBody, claim_id: ClaimInPath, services: ServicesDep, caller: CustomerServiceOrStaff, key: Key
) -> ClaimView:
    """The price differences are charged, or the parts are awaited (R-CMP-1)."""
    return await send_decision(
        services, claim_id, Action.PARTS_CHOICE, ChooseParts(actor=caller.actor, choice=body.choice), key
    )


@router.post("/payment-method", summary="Pay with another card", responses=_PAYS)
async def payment_method(
    body: PaymentMethodBody, claim_id: ClaimInPath, services: ServicesDep, caller: CustomerServiceOrStaff, key: Key
) -> ClaimView:
    """After a declined card, while the claim waits for payment."""
    changed = ChangePaymentMethod(actor=caller.actor, payment_method=body.payment_method)
    return await send_decision(services, claim_id, Action.PAYMENT_METHOD, changed, key)


@router.post("/cancel", summary="Cancel the claim", responses=_MONEY)
async def cancel(
    claim_id: ClaimInPath,
    services: ServicesDep,
    caller: CustomerServiceOrStaff,
    key: Key,
    body: CancelBody | None = None,
) -> ClaimView:
    """Before the replacement has left: the hold is released and the fee given back (R-EXP-9)."""
    reason = body.reason if body else ""
    return await send_decision(services, claim_id, Action.CANCEL, CancelClaim(actor=caller.actor, reason=reason), key)


@router.post("/found", summary="The lost drone was found", responses=_MONEY)
async def found(
    claim_id: ClaimInPath,
    services: ServicesDep,
    caller: CustomerServiceOrStaff,
    key: Key,
    body: FoundBody | None = None,
) -> ClaimView:
    """Flyaway: before dispatch the claim is withdrawn, afterwards people look at it (R-FLY-6)."""
    return await send_decision(services, claim_id, Action.FOUND, ReportFound(actor=caller.actor), key)


@router.patch("/ship-to", summary="Correct the delivery address", responses=_ADDRESS)
async def correct_ship_to(
    body: AddressBody, claim_id: ClaimInPath, services: ServicesDep, caller: CustomerServiceOrStaff
) -> ClaimView:
    """The whole address, of the region of the cover (R-CLM-11), until the replacement or the customer's own unit has
    left (R-CLM-12). What was requested of the warehouse or the workshop is changed. It may be repeated."""
    claim, catalogue = await services.get_claim(claim_id), await services.queries.catalogue()
    region = next(region for region in catalogue.regions if region.code == claim.region)
    outside = delivery_outside(region, body.country)
    if outside is not None:
        raise Problem(Code.REFUSED, outside.message, reasons=[outside], rule=outside.rule)
    decision = CorrectAddress(actor=caller.actor, ship_to=body.message())
    key = RequestKey(secrets.token_hex(16), services.now(), again=False)
    return await send_decision(services, claim_id, Action.SHIP_TO, decision, key)
