"""API: owners: their devices, and the correction of their particulars. A transfer is `POST /devices/{serial}/owner`."""

import contextlib
import secrets
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.audit import Subject, discloses
from api.auth import CustomerServiceOrStaff, DeviceReader, Role
from api.claim_commands import ClaimNotRunning, EventNotTaken
from api.openapi import read_problems
from api.problems import Code, invalid
from api.requests.base import SEARCH_TEXT, Email, RegionCode, SearchText, SerialInPath, Slug
from api.requests.devices import OwnerCorrectionBody
from api.responses.devices import DeviceList, DeviceView
from api.routes.claims import Cursor
from api.routes.devices import status_page
from api.services import ServicesDep
from domain.inspection import normalise_serial
from messages.claims import OwnerCorrected
from messages.entitlements import CorrectOwner
from messages.ids import new_id
from store.reads.device_list import CareFilter, DeviceFilter

router = APIRouter(tags=["Devices"])


class DeviceQuery(BaseModel):
    """Filters of the list; every one given must hold, and one must be given."""

    model_config = ConfigDict(extra="forbid")

    q: SearchText | None = Field(None, description=SEARCH_TEXT)
    owner_email: Email | None = Field(None, description="The owner's whole mail address.")
    region: RegionCode | None = Field(None, description="The code of the device's region, for example US.")
    model: Slug | None = Field(None, description="The model's slug, for example mavic-3.")
    care: CareFilter | None = Field(
        None,
        description="`active`: covered now. `ending`: covered now, and the last cover ends within 30 days. `none`: not "
        "covered now.",
    )
    limit: int = Field(50, ge=1, le=200)
    cursor: Cursor | None = None


@router.get("/devices", summary="Find devices", responses=read_problems(Code.FORBIDDEN))
async def devices(
    services: ServicesDep, caller: DeviceReader, query: Annotated[DeviceQuery, Query()], request: Request
) -> DeviceList:
    """Current units, the one registered or dispatched last first. At least one filter is needed.

    `owner` is null for finance, which reads money and no people.
    """
    filters = DeviceFilter(**query.model_dump(exclude={"limit", "cursor"}))
    if filters == DeviceFilter():
        raise invalid("q", "one of q, owner_email, region, model and care is needed")
    page = await services.queries.devices(filters, services.now(), query.limit, query.cursor)
    found = [DeviceView.of(device) for device in page.items]
    if caller.role is Role.FINANCE:
        found = [device.without_owner() for device in found]
    else:
        discloses(request, [Subject(serial_number=normalise_serial(device.serial_number)) for device in found])
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
    command = CorrectOwner(serial_number=serial, changes=body.changes, actor=caller.actor, at=services.now())
    key = new_id("cmd", secrets.token_hex(16))
    page = await status_page(services, await services.claim_commands.execute(command, key))
    if page.open_claim_id is not None:
        event = OwnerCorrected(event_id=key, actor=caller.actor, mail_address="email" in body.changes)
        with contextlib.suppress(ClaimNotRunning, EventNotTaken):
            await services.claim_commands.send_event(page.open_claim_id, event)
    return page
