"""API: owners: their devices, and the correction of their particulars. A transfer is `POST /devices/{serial}/owner`."""

import contextlib
import secrets
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import CustomerServiceOrStaff, DeviceReader, Role
from api.claim_commands import ClaimNotRunning, EventNotTaken
from api.openapi import read_problems
from api.problems import Code
from api.requests.base import Email, SerialInPath
from api.requests.devices import OwnerCorrectionBody
from api.responses.devices import DeviceList, DeviceView
from api.routes.claims import Cursor
from api.routes.devices import status_page
from api.services import ServicesDep
from messages.claims import OwnerCorrected
from messages.entitlements import CorrectOwner
from messages.ids import new_id

router = APIRouter(tags=["Devices"])


class DeviceQuery(BaseModel):
    """Whose devices."""

    model_config = ConfigDict(extra="forbid")

    owner_email: Email = Field(description="The owner's mail address.")
    limit: int = Field(50, ge=1, le=200)
    cursor: Cursor | None = None


@router.get("/devices", summary="Find an owner's devices", responses=read_problems(Code.FORBIDDEN))
async def devices(services: ServicesDep, caller: DeviceReader, query: Annotated[DeviceQuery, Query()]) -> DeviceList:
    """The current units of the owner with that mail address, the one registered last first.

    `owner` is null for finance, which reads money and no people.
    """
    page = await services.queries.devices_of(query.owner_email, services.now(), query.limit, query.cursor)
    found = [DeviceView.of(device) for device in page.items]
    if caller.role is Role.FINANCE:
        found = [device.without_owner() for device in found]
    return DeviceList(items=found, next_cursor=page.next_cursor)


@router.patch(
    "/devices/{serial}/owner",
    summary="Correct the owner's particulars",
    responses=read_problems(Code.NOT_FOUND, Code.FORBIDDEN, Code.INVALID_REQUEST),
)
async def correct_owner(
    body: OwnerCorrectionBody, serial: SerialInPath, services: ServicesDep, caller: CustomerServiceOrStaff
) -> DeviceView:
    """A slip of the same person's name, mail address, telephone or language: always possible, and no binding ends.

    Mails that wait or were given up are sent to the corrected address (R-XFR-2). It may be repeated.
    """
    command = CorrectOwner(serial_number=serial, changes=body.changes, actor=caller.role, at=services.now())
    key = new_id("cmd", secrets.token_hex(16))
    page = await status_page(services, await services.claim_commands.execute(command, key))
    if page.open_claim_id is not None:
        event = OwnerCorrected(event_id=key, actor=caller.role, mail_address="email" in body.changes)
        with contextlib.suppress(ClaimNotRunning, EventNotTaken):
            await services.claim_commands.send_event(page.open_claim_id, event)
    return page
