"""API: devices, their activation and their remote controllers. Each route responds with the status page."""

import secrets

from fastapi import APIRouter, Request, Response

from api.audit import Subject, concerns, discloses
from api.auth import CustomerServiceOrStaff, DeviceReader, Role, Staff
from api.idempotency import Key
from api.openapi import read_problems, write_problems
from api.problems import Code, not_found
from api.requests.base import SerialInPath
from api.requests.devices import ActivationBody, BindingBody, DeviceBody, RegionMoveBody
from api.responses.devices import DeviceView
from api.services import Services, ServicesDep
from domain.inspection import normalise_serial
from messages.entitlements import MoveRegion
from messages.ids import new_id
from messages.registry import ActivateDevice, BindController, RegisterDevice, UnbindController

router = APIRouter(tags=["Devices"])


async def status_page(services: Services, serial_number: str) -> DeviceView:
    """The device as of now. 404 for an unknown one."""
    device = await services.queries.device(serial_number, services.now())
    if device is None:
        raise not_found(f"device {serial_number}")
    return DeviceView.of(device)


@router.post(
    "/devices", status_code=201, summary="Register a device", responses=write_problems(Code.CONFLICT, Code.FORBIDDEN)
)
async def register(
    body: DeviceBody,
    services: ServicesDep,
    caller: CustomerServiceOrStaff,
    key: Key,
    request: Request,
    response: Response,
) -> DeviceView:
    """Register a unit under its serial number, stored as given and compared without case, spaces and hyphens."""
    concerns(request, Subject(serial_number=normalise_serial(body.serial_number)))
    command = RegisterDevice(
        serial_number=body.serial_number,
        model=body.model,
        region=body.region,
        owner=body.owner.message(),
        activated_at=body.activated_at,
        at=key.at,
        serial_number_confirmed=body.serial_number_confirmed,
    )
    serial_number = await services.claim_commands.execute(command, key.id("cmd"))
    response.headers["Location"] = f"/v1/devices/{normalise_serial(serial_number)}"
    return await status_page(services, serial_number)


@router.get("/devices/{serial}", summary="Show a device", responses=read_problems(Code.NOT_FOUND, Code.FORBIDDEN))
async def device(services: ServicesDep, caller: DeviceReader, serial: SerialInPath, request: Request) -> DeviceView:
    """The status page: cover, uses left, warranty, history. An earlier serial number of a lineage answers too.

    `owner` is null for finance, which reads money and no people.
    """
    page = await status_page(services, serial)
    if caller.role is Role.FINANCE:
        return page.without_owner()
    discloses(request, [Subject(serial_number=serial)])
    return page


@router.post(
    "/devices/{serial}/activation",
    status_code=201,
    summary="Activate a device",
    responses=write_problems(Code.NOT_FOUND, Code.CONFLICT, Code.FORBIDDEN),
)
async def activate(
    serial: SerialInPath,
    services: ServicesDep,
    caller: CustomerServiceOrStaff,
    key: Key,
    body: ActivationBody | None = None,
) -> DeviceView:
    """Say when the device was first used. Cover bought before begins with it (R-PUR-5). A device is activated once."""
    activated_at = body.activated_at if body else None
    command = ActivateDevice(serial_number=serial, activated_at=activated_at or key.at, at=key.at)
    return await status_page(services, await services.claim_commands.execute(command, key.id("cmd")))


@router.post(
    "/devices/{serial}/bindings",
    status_code=201,
    summary="Bind a remote controller",
    responses=write_problems(Code.NOT_FOUND, Code.CONFLICT, Code.FORBIDDEN),
)
async def bind(
    body: BindingBody, serial: SerialInPath, services: ServicesDep, caller: CustomerServiceOrStaff, key: Key
) -> DeviceView:
    """A flyaway is covered only while a remote controller is bound (R-FLY-1). An earlier binding ends with this one."""
    command = BindController(
        serial_number=serial, remote_controller=body.remote_controller, bound_at=body.bound_at or key.at, at=key.at
    )
    return await status_page(services, await services.claim_commands.execute(command, key.id("cmd")))


@router.delete(
    "/devices/{serial}/bindings/current",
    status_code=204,
    summary="Unbind the remote controller",
    responses=read_problems(Code.NOT_FOUND, Code.FORBIDDEN),
)
async def unbind(serial: SerialInPath, services: ServicesDep, caller: CustomerServiceOrStaff) -> None:
    """End the binding now. 404 when none is in force."""
    command = UnbindController(serial_number=serial, at=services.now())
    await services.claim_commands.execute(command, new_id("cmd", secrets.token_hex(16)))


@router.post(
    "/devices/{serial}/region",
    summary="Move a device to another region",
    responses=write_problems(Code.NOT_FOUND, Code.CONFLICT, Code.FORBIDDEN),
)
async def move_region(
    body: RegionMoveBody, serial: SerialInPath, services: ServicesDep, caller: Staff, key: Key
) -> DeviceView:
    """For an owner who has moved (R-XFR-3): later claims, renewals and deliveries are those of the new region.

    Terms keep their days, uses and price. Refused while a case is open, an amount is owed or a plan has not begun, and
    where the model is not offered.
    """
    command = MoveRegion(serial_number=serial, region=body.region, reason=body.reason, actor=caller.actor, at=key.at)
    return await status_page(services, await services.claim_commands.execute(command, key.id("cmd")))
