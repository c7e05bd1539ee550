"""API: the audit trail: who did or read what."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.auth import Staff
from api.openapi import read_problems
from api.problems import Code
from api.requests.base import Instant, Reference, Serial
from api.requests.text_form import TextForm
from api.responses.audit import AuditEntryView, AuditList
from api.routes.claims import Cursor
from api.services import ServicesDep
from domain.inspection import normalise_serial
from store.audit_trail import AuditFilter, read_position
from store.reads.claim_list import InvalidCursor

router = APIRouter(tags=["Audit"])


def _valid_position(cursor: str) -> str:
    try:
        read_position(cursor)
    except InvalidCursor:
        raise ValueError("is not one of this list's") from None
    return cursor


ClaimId = Annotated[str, TextForm(r"^clm_[A-Za-z0-9]{1,64}$", "a claim's id, for example clm_mfrggzdfmztwq2lk")]
Operation = Annotated[str, TextForm(r"^[a-z_]{1,64}$", "an operation's id, for example report_dispatch")]


class AuditQuery(BaseModel):
    """Filters of the list; every one given must hold."""

    model_config = ConfigDict(extra="forbid")

    claim_id: ClaimId | None = Field(None, description="Entries about this claim.")
    serial_number: Serial | None = Field(
        None,
        description="Entries about this device, by the number that was used; its claims are found by `claim_id`.",
    )
    actor: Reference | None = Field(None, description="Entries of this `actor_id`.")
    action: Operation | None = Field(None, description="Entries of this operation.")
    since: Instant | None = Field(None, description="Entries of this instant and later.")
    until: Instant | None = Field(None, description="Entries before this instant.")
    limit: int = Field(50, ge=1, le=200)
    cursor: Annotated[Cursor, AfterValidator(_valid_position)] | None = None


@router.get("/audit", summary="List who did or read what", responses=read_problems(Code.FORBIDDEN))
async def audit(services: ServicesDep, caller: Staff, query: Annotated[AuditQuery, Query()]) -> AuditList:
    """Newest first: every command with its outcome, every webhook and reported event, and every read of an owner or an
    address. No entry has personal data of customers. Reads of the same by the same caller within ten minutes are one
    entry."""
    values = query.model_dump(exclude={"limit", "cursor"})
    if query.serial_number is not None:
        values["serial_number"] = normalise_serial(query.serial_number)
    page = await services.audit.page(AuditFilter(**values), query.limit, query.cursor)
    return AuditList(items=[AuditEntryView.of(entry) for entry in page.items], next_cursor=page.next_cursor)
