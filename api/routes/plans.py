"""API: cover, bought, renewed and given back, and what comes with it. What moves money is a workflow asked for here."""

from typing import Annotated, NoReturn

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse

from api.answers.devices import DeviceView
from api.answers.plans import MaintenanceCodeView, PlanView, RefundView, RenewalView, VerificationView
from api.auth import AnyRole, CustomerDesk, Staff
from api.bodies.base import SerialInPath
from api.bodies.devices import (
    CoverChangeBody,
    MaintenanceCodeBody,
    OwnerBody,
    PlanBody,
    RefundBody,
    RenewalBody,
    VerificationBody,
)
from api.idempotency import Key
from api.problems import MEDIA_TYPE, Code, Problem, not_found
from api.reference import reads, writes
from api.routes.devices import status_page
from api.services import Here, HereForAll, Services
from domain.kinds import TermKind
from domain.reasons import Reason
from domain.standing import Standing
from messages.entitlements import (
    ApproveVerification,
    ChangeOwner,
    IssueMaintenanceCode,
    MaintenanceCodeIssued,
    PlanEnded,
    RefundPlan,
)
from messages.registry import BuyPlan, PlanBought, PlanDeclined, PlanRefused

router = APIRouter(prefix="/devices/{serial}", tags=["Cover"])


class ProblemResponse(JSONResponse):
    media_type = MEDIA_TYPE


def refused(code: Code, reasons: tuple[Reason, ...]) -> Problem:
    """The refusal with every reason, and all of them in words."""
    return Problem(code, " ".join(reason.message for reason in reasons), reasons=reasons)


async def _known(here: Services, serial_number: str) -> Standing:
    """The device. 404 for an unknown one."""
    standing = await here.views.standing(serial_number)
    if standing is None:
        raise not_found(f"device {serial_number}")
    return standing


def _bought(answer: PlanBought | PlanRefused | PlanDeclined, refusal: Code) -> PlanView:
    match answer:
        case PlanBought():
            return PlanView.of(answer)
        case PlanRefused():
            raise refused(refusal, answer.reasons)
        case PlanDeclined():
            raise Problem(Code.PAYMENT_DECLINED, f"The card was declined ({answer.code}). Nothing was charged.")


@router.post(
    "/plans",
    status_code=201,
    summary="Buy a plan",
    responses=writes(Code.NOT_FOUND, Code.PLAN_REFUSED, Code.PAYMENT_DECLINED),
)
async def buy(body: PlanBody, serial: SerialInPath, here: Here, caller: AnyRole, key: Key) -> PlanView:
    """The first plan of a device, within its window (R-PUR-1..5). Charged at once; refused with every reason."""
    known = await _known(here, serial)
    reasons = await here.views.plan_refusals(body.term, body.region, serial, here.now())
    if reasons and not key.again:  # a retry asks the purchase itself: it may be what made the plan
        raise refused(Code.PLAN_REFUSED, tuple(reasons))
    ask = BuyPlan(
        plan_id=key.id("pln"),
        serial_number=serial,
        kind=body.term,
        region=body.region,
        payment_method=body.payment_method,
        actor=caller.role,
    )
    return _bought(await here.door.buy_plan(ask, f"Plan {body.term} · SN {known.serial_number}"), Code.PLAN_REFUSED)


@router.get("/renewal", summary="Can the cover be renewed", responses=reads(Code.NOT_FOUND))
async def renewal(serial: SerialInPath, here: HereForAll) -> RenewalView:
    """Until when, from when to when and for how much; or every reason why not (R-REN-1..5)."""
    answer = await here.views.renewal(serial, here.now())
    if answer is None:
        raise not_found(f"device {serial}")
    return RenewalView.of(answer)


@router.post(
    "/renewals",
    status_code=201,
    summary="Renew the cover",
    responses=writes(Code.NOT_FOUND, Code.RENEWAL_REFUSED, Code.PAYMENT_DECLINED),
)
async def renew(body: RenewalBody, serial: SerialInPath, here: Here, caller: AnyRole, key: Key) -> PlanView:
    """Another year. Bought before the end it begins right after it; bought later, at once, with a `gap` (R-REN-3)."""
    known = await _known(here, serial)
    answer = await here.views.renewal(serial, here.now())
    if (
        answer and answer.reasons and not key.again
    ):  # a retry asks the renewal itself: it may be the one that is pending
        raise refused(Code.RENEWAL_REFUSED, answer.reasons)
    ask = BuyPlan(
        plan_id=key.id("pln"),
        serial_number=serial,
        kind=TermKind.ONE_YEAR,
        region=None,
        payment_method=body.payment_method,
        renewal=True,
        actor=caller.role,
    )
    return _bought(await here.door.buy_plan(ask, f"Renewal 1y · SN {known.serial_number}"), Code.RENEWAL_REFUSED)


@router.post(
    "/plans/{plan_id}/refund",
    summary="Give a plan back",
    responses=writes(Code.NOT_FOUND, Code.CONFLICT, Code.REFUND_REFUSED),
)
async def refund(
    serial: SerialInPath,
    plan_id: Annotated[str, Path(description="The plan's id.", examples=["pln_mfrggzdfmztwq2lk"])],
    here: Here,
    caller: AnyRole,
    key: Key,
    body: RefundBody | None = None,
) -> RefundView:
    """In full, within 14 days of the purchase, while nothing of it is used or open (R-CAN-1)."""
    known = await _known(here, serial)
    prefix, _, rest = plan_id.partition("_")
    if prefix != "pln" or not (rest.isascii() and rest.isalnum() and len(rest) <= 64):
        raise not_found(f"such plan of {known.serial_number}")
    ask = RefundPlan(refund_id=key.id("rfd"), plan_id=plan_id, serial_number=serial, actor=caller.role)
    answer = await here.door.refund_plan(ask, f"Refund of {plan_id} · SN {known.serial_number}")
    if isinstance(answer, PlanEnded):
        return RefundView.of(answer)
    raise refused(Code.REFUND_REFUSED, answer.reasons)


@router.post(
    "/cover-changes",
    status_code=422,
    response_model=None,
    response_class=ProblemResponse,
    summary="Ask to pause, advance or extend cover",
    responses=writes(Code.NOT_FOUND, Code.COVER_FIXED),
)
async def change_cover(body: CoverChangeBody, serial: SerialInPath, here: HereForAll, key: Key) -> NoReturn:
    """Possible for nobody (R-PLN-5): always `cover_fixed`, which says until when the cover can be renewed."""
    why = await here.views.cover_is_fixed(serial, here.now())
    if why is None:
        raise not_found(f"device {serial}")
    raise Problem(Code.COVER_FIXED, why, rule="R-PLN-5")


@router.post(
    "/verification",
    status_code=201,
    summary="Approve a video verification",
    responses=writes(Code.NOT_FOUND, Code.CONFLICT, Code.FORBIDDEN),
)
async def verify(
    serial: SerialInPath, here: Here, caller: Staff, key: Key, body: VerificationBody | None = None
) -> VerificationView:
    """Opens 72 hours in which a plan can be bought for a device that was activated too long ago (R-PUR-2)."""
    approved_at = (body.approved_at if body else None) or key.at
    ask = ApproveVerification(serial_number=serial, approved_at=approved_at, at=key.at)
    stored = await here.door.command(ask, key.id("cmd"))
    standing = await here.views.standing(stored)
    # An approval later than this one stays in force.
    in_force = standing.verified_at if standing and standing.verified_at else approved_at
    return VerificationView.of(stored, in_force)


@router.post(
    "/owner",
    summary="Change the owner",
    responses=writes(Code.NOT_FOUND, Code.CONFLICT, Code.FORBIDDEN),
)
async def change_owner(body: OwnerBody, serial: SerialInPath, here: Here, caller: CustomerDesk, key: Key) -> DeviceView:
    """The cover stays with the device; its remote controller is unbound. Not while a claim is open (R-XFR-1)."""
    ask = ChangeOwner(serial_number=serial, owner=body.message(), at=key.at)
    return await status_page(here, await here.door.command(ask, key.id("cmd")))


@router.post(
    "/maintenance-codes",
    status_code=201,
    summary="Issue the maintenance code",
    responses=writes(Code.NOT_FOUND, Code.MAINTENANCE_REFUSED),
)
async def issue_maintenance_code(
    serial: SerialInPath, here: HereForAll, key: Key, body: MaintenanceCodeBody | None = None
) -> MaintenanceCodeView:
    """One code a device, for the complimentary maintenance of the first year (R-MNT-1). It starts one claim."""
    code = f"MNT-{key.id('mnt')[4:12].upper()}"
    ask = IssueMaintenanceCode(serial_number=serial, code=code, at=key.at)
    answer = await here.door.issue_maintenance_code(ask, key.id("cmd"))
    if isinstance(answer, MaintenanceCodeIssued):
        return MaintenanceCodeView.of(answer)
    raise refused(Code.MAINTENANCE_REFUSED, answer.reasons)
