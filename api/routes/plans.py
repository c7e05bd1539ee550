"""API: cover: plans bought, renewed and refunded, and what comes with them. Payments are made by workflows."""

from typing import Annotated, NoReturn

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import AfterValidator

from api.auth import CustomerServiceOrStaff, DeviceReader, Staff
from api.idempotency import Key
from api.openapi import read_problems, write_problems
from api.problems import MEDIA_TYPE, Code, Problem, declined, not_found
from api.requests.base import SerialInPath
from api.requests.devices import (
    CoverChangeBody,
    MaintenanceCodeBody,
    OwnerBody,
    PlanBody,
    RefundBody,
    RenewalBody,
    VerificationBody,
)
from api.responses.devices import DeviceView
from api.responses.plans import (
    ListedPlan,
    ListedPlans,
    MaintenanceCodeView,
    PlanView,
    RefundView,
    RenewalView,
    VerificationView,
)
from api.routes.devices import status_page
from api.services import Services, ServicesDep
from domain.device_snapshot import DeviceSnapshot
from domain.kinds import TermKind
from domain.reasons import Reason
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


def _plan_id(plan_id: str) -> str:
    """A plan's id. Raises 404 for what can be none, before a workflow is started for it."""
    prefix, _, rest = plan_id.partition("_")
    if prefix != "pln" or not (rest.isascii() and rest.isalnum() and len(rest) <= 64):
        raise not_found("such plan of this device")
    return plan_id


PlanInPath = Annotated[
    str, Path(description="The plan's id.", examples=["pln_mfrggzdfmztwq2lk"]), AfterValidator(_plan_id)
]


class ProblemResponse(JSONResponse):
    media_type = MEDIA_TYPE


def refusal(code: Code, reasons: tuple[Reason, ...]) -> Problem:
    """The problem with every reason."""
    return Problem(code, " ".join(reason.message for reason in reasons), reasons=reasons)


async def _find_device(services: Services, serial_number: str) -> DeviceSnapshot:
    """The device. Raises 404 for an unknown one."""
    snapshot = await services.queries.snapshot(serial_number)
    if snapshot is None:
        raise not_found(f"device {serial_number}")
    return snapshot


def _plan_view(result: PlanBought | PlanRefused | PlanDeclined, refusal_code: Code) -> PlanView:
    match result:
        case PlanBought():
            return PlanView.of(result)
        case PlanRefused():
            raise refusal(refusal_code, result.reasons)
        case PlanDeclined():
            raise declined("The card was declined. Nothing was charged.", result.code)


@router.post(
    "/plans",
    status_code=201,
    summary="Buy a plan",
    responses=write_problems(Code.NOT_FOUND, Code.PLAN_REFUSED, Code.PAYMENT_DECLINED, Code.FORBIDDEN),
)
async def buy(
    body: PlanBody, serial: SerialInPath, services: ServicesDep, caller: CustomerServiceOrStaff, key: Key
) -> PlanView:
    """The first plan of a device, within its window (R-PUR-1..5). Charged at once; refused with every reason."""
    device = await _find_device(services, serial)
    reasons = await services.queries.plan_refusals(body.term, body.region, serial, services.now())
    if reasons and not key.again:  # on a retry the workflow decides: the plan found may be its own
        raise refusal(Code.PLAN_REFUSED, tuple(reasons))
    command = BuyPlan(
        plan_id=key.id("pln"),
        serial_number=serial,
        kind=body.term,
        region=body.region,
        payment_method=body.payment_method,
        actor=caller.actor,
    )
    return _plan_view(
        await services.claim_commands.buy_plan(command, f"Plan {body.term} · SN {device.serial_number}"),
        Code.PLAN_REFUSED,
    )


@router.get("/plans", summary="List the plans of a device", responses=read_problems(Code.NOT_FOUND, Code.FORBIDDEN))
async def plans(serial: SerialInPath, services: ServicesDep, caller: DeviceReader) -> ListedPlans:
    """Every plan of the device and its replacements, in the order of purchase, all on one page.

    A refund is asked for by the plan's `id`.
    """
    found = await services.queries.plans(serial)
    if found is None:
        raise not_found(f"device {serial}")
    return ListedPlans(items=[ListedPlan.of(plan) for plan in found], next_cursor=None)


@router.get("/renewal", summary="Can the cover be renewed", responses=read_problems(Code.NOT_FOUND, Code.FORBIDDEN))
async def renewal(serial: SerialInPath, services: ServicesDep, caller: CustomerServiceOrStaff) -> RenewalView:
    """Until when, from when to when and for how much; or every reason why not (R-REN-1..5)."""
    renewal = await services.queries.renewal(serial, services.now())
    if renewal is None:
        raise not_found(f"device {serial}")
    return RenewalView.of(renewal)


@router.post(
    "/renewals",
    status_code=201,
    summary="Renew the cover",
    responses=write_problems(Code.NOT_FOUND, Code.RENEWAL_REFUSED, Code.PAYMENT_DECLINED, Code.FORBIDDEN),
)
async def renew(
    body: RenewalBody, serial: SerialInPath, services: ServicesDep, caller: CustomerServiceOrStaff, key: Key
) -> PlanView:
    """Another year. Bought before the end it begins right after it; bought later, at once, with a `gap` (R-REN-3)."""
    device = await _find_device(services, serial)
    result = await services.queries.renewal(serial, services.now())
    if (
        result and result.reasons and not key.again
    ):  # on a retry the workflow decides: the pending renewal may be this one
        raise refusal(Code.RENEWAL_REFUSED, result.reasons)
    command = BuyPlan(
        plan_id=key.id("pln"),
        serial_number=serial,
        kind=TermKind.ONE_YEAR,
        region=None,
        payment_method=body.payment_method,
        renewal=True,
        actor=caller.actor,
    )
    return _plan_view(
        await services.claim_commands.buy_plan(command, f"Renewal 1y · SN {device.serial_number}"), Code.RENEWAL_REFUSED
    )


@router.post(
    "/plans/{plan_id}/refund",
    summary="Give a plan back",
    responses=write_problems(Code.NOT_FOUND, Code.CONFLICT, Code.REFUND_REFUSED, Code.FORBIDDEN),
)
async def refund(
    serial: SerialInPath,
    plan_id: PlanInPath,
    services: ServicesDep,
    caller: CustomerServiceOrStaff,
    key: Key,
    body: RefundBody | None = None,
) -> RefundView:
    """In full, within 14 days of the purchase, while nothing of it is used or open (R-CAN-1)."""
    device = await _find_device(services, serial)
    command = RefundPlan(refund_id=key.id("rfd"), plan_id=plan_id, serial_number=serial, actor=caller.actor)
    result = await services.claim_commands.refund_plan(command, f"Refund of {plan_id} · SN {device.serial_number}")
    if isinstance(result, PlanEnded):
        return RefundView.of(result)
    raise refusal(Code.REFUND_REFUSED, result.reasons)


@router.post(
    "/cover-changes",
    status_code=422,
    response_model=None,
    response_class=ProblemResponse,
    summary="Ask to pause, advance or extend cover",
    responses=write_problems(Code.NOT_FOUND, Code.COVER_FIXED, Code.FORBIDDEN),
)
async def change_cover(
    body: CoverChangeBody, serial: SerialInPath, services: ServicesDep, caller: CustomerServiceOrStaff, key: Key
) -> NoReturn:
    """Never possible (R-PLN-5): always `cover_fixed`, which says until when the cover can be renewed."""
    detail = await services.queries.cover_is_fixed(serial, services.now())
    if detail is None:
        raise not_found(f"device {serial}")
    raise Problem(Code.COVER_FIXED, detail, rule="R-PLN-5")


@router.post(
    "/verification",
    status_code=201,
    summary="Approve a video verification",
    responses=write_problems(Code.NOT_FOUND, Code.CONFLICT, Code.FORBIDDEN),
)
async def verify(
    serial: SerialInPath, services: ServicesDep, caller: Staff, key: Key, body: VerificationBody | None = None
) -> VerificationView:
    """Opens 72 hours in which a plan can be bought for a device that was activated too long ago (R-PUR-2)."""
    approved_at = (body.approved_at if body else None) or key.at
    command = ApproveVerification(serial_number=serial, approved_at=approved_at, at=key.at)
    serial_number = await services.claim_commands.execute(command, key.id("cmd"))
    snapshot = await services.queries.snapshot(serial_number)
    # An approval later than this one stays in force.
    in_force = snapshot.verified_at if snapshot and snapshot.verified_at else approved_at
    return VerificationView.of(serial_number, in_force)


@router.post(
    "/owner",
    summary="Change the owner",
    responses=write_problems(Code.NOT_FOUND, Code.CONFLICT, Code.FORBIDDEN),
)
async def change_owner(
    body: OwnerBody, serial: SerialInPath, services: ServicesDep, caller: CustomerServiceOrStaff, key: Key
) -> DeviceView:
    """The cover stays with the device; its remote controller is unbound. Not while a claim is open (R-XFR-1)."""
    command = ChangeOwner(serial_number=serial, owner=body.message(), at=key.at)
    return await status_page(services, await services.claim_commands.execute(command, key.id("cmd")))


@router.post(
    "/maintenance-codes",
    status_code=201,
    summary="Issue the maintenance code",
    responses=write_problems(Code.NOT_FOUND, Code.MAINTENANCE_REFUSED, Code.FORBIDDEN),
)
async def issue_maintenance_code(
    serial: SerialInPath,
    services: ServicesDep,
    caller: CustomerServiceOrStaff,
    key: Key,
    body: MaintenanceCodeBody | None = None,
) -> MaintenanceCodeView:
    """One code a device, for the complimentary maintenance of the first year (R-MNT-1). It starts one claim."""
    code = f"MNT-{key.id('mnt')[4:12].upper()}"
    command = IssueMaintenanceCode(serial_number=serial, code=code, at=key.at)
    result = await services.claim_commands.issue_maintenance_code(command, key.id("cmd"))
    if isinstance(result, MaintenanceCodeIssued):
        return MaintenanceCodeView.of(result)
    raise refusal(Code.MAINTENANCE_REFUSED, result.reasons)
