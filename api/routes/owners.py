"""API: the correction of an owner's particulars. The transfer to somebody else is `POST /devices/{serial}/owner`."""

import contextlib
import secrets

from fastapi import APIRouter

from api.auth import CustomerServiceOrStaff
from api.claim_commands import ClaimNotRunning, EventNotTaken
from api.openapi import read_problems
from api.problems import Code
from api.requests.base import SerialInPath
from api.requests.devices import OwnerCorrectionBody
from api.responses.devices import DeviceView
from api.routes.devices import status_page
from api.services import ServicesDep
from messages.claims import OwnerCorrected
from messages.entitlements import CorrectOwner
from messages.ids import new_id

router = APIRouter(prefix="/devices/{serial}", tags=["Devices"])


@router.patch(
    "/owner",
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
