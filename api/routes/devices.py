"""API: devices, their activation and their remote controllers. The registry decides; the status page answers."""

import secrets

from fastapi import APIRouter, Response

from api.answers.devices import DeviceView
from api.bodies.base import SerialInPath
from api.bodies.devices import ActivationBody, BindingBody, DeviceBody
from api.idempotency import Key
from api.problems import Code, not_found
from api.reference import reads, writes
from api.services import HereForAll, Services
from domain.inspection import normalise_serial
from messages.ids import new_id
from messages.registry import ActivateDevice, BindController, RegisterDevice, UnbindController

router = APIRouter(tags=["Devices"])


async def status_page(here: Services, serial_number: str) -> DeviceView:
    """The device as of now. 404 for an unknown one."""
    known = await here.views.device(serial_number, here.now())
    if known is None:
        raise not_found(f"device {serial_number}")
    return DeviceView.of(known)


@router.post("/devices", status_code=201, summary="Register a device", responses=writes(Code.CONFLICT))
async def register(body: DeviceBody, here: HereForAll, key: Key, response: Response) -> DeviceView:
    """Enter a unit under its serial number, which is kept as given. However it is written, it is registered once."""
    ask = RegisterDevice(
        serial_number=body.serial_number,
        model=body.model,
        region=body.region,
        owner=body.owner.message(),
        activated_at=body.activated_at,
        at=key.at,
    )
    serial_number = await here.door.command(ask, key.id("cmd"))
    response.headers["Location"] = f"/v1/devices/{normalise_serial(serial_number)}"
    return await status_page(here, serial_number)


@router.get("/devices/{serial}", summary="Show a device", responses=reads(Code.NOT_FOUND))
async def device(here: HereForAll, serial: SerialInPath) -> DeviceView:
    """The status page: cover, uses left, warranty, history. An earlier serial number of a lineage answers too."""
    return await status_page(here, serial)


@router.post(
    "/devices/{serial}/activation",
    status_code=201,
    summary="Activate a device",
    responses=writes(Code.NOT_FOUND, Code.CONFLICT),
)
async def activate(serial: SerialInPath, here: HereForAll, key: Key, body: ActivationBody | None = None) -> DeviceView:
    """Say when the device was first used. Cover bought before begins with it (R-PUR-5). A device is activated once."""
    activated_at = body.activated_at if body else None
    ask = ActivateDevice(serial_number=serial, activated_at=activated_at or key.at, at=key.at)
    return await status_page(here, await here.door.command(ask, key.id("cmd")))


@router.post(
    "/devices/{serial}/bindings",
    status_code=201,
    summary="Bind a remote controller",
    responses=writes(Code.NOT_FOUND, Code.CONFLICT),
)
async def bind(body: BindingBody, serial: SerialInPath, here: HereForAll, key: Key) -> DeviceView:
    """A flyaway is covered only while a remote controller is bound (R-FLY-1). An earlier binding ends with this one."""
    ask = BindController(
        serial_number=serial, remote_controller=body.remote_controller, bound_at=body.bound_at or key.at, at=key.at
    )
    return await status_page(here, await here.door.command(ask, key.id("cmd")))


@router.delete(
    "/devices/{serial}/bindings/current",
    status_code=204,
    summary="Unbind the remote controller",
    responses=reads(Code.NOT_FOUND),
)
async def unbind(serial: SerialInPath, here: HereForAll) -> None:
    """End the binding now. 404 when none is in force."""
    ask = UnbindController(serial_number=serial, at=here.now())
    await here.door.command(ask, new_id("cmd", secrets.token_hex(16)))
