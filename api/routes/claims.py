"""API: making claims and reading them. Whether one may be made is the rules' answer, here and again in the workflow."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import StreamingResponse

from api import stream
from api.answers.claims import CLAIM_ID, ClaimList, ClaimView
from api.answers.evidence import EvidenceView
from api.answers.ledger import LedgerView
from api.answers.timeline import EventList, EventView
from api.auth import AnyRole, ChargebackDesk, Finance
from api.bodies.base import Instant, RegionCode, Serial
from api.bodies.claims import ClaimBody
from api.door import Unavailable
from api.idempotency import Key
from api.problems import Code, not_found
from api.reference import Responses, reads, writes
from api.services import Here, HereForAll
from api.submission import submit
from domain.kinds import Attention, ClaimState, Service
from store.claim_list import ClaimFilter, InvalidCursor, read_cursor
from store.evidence_view import evidence as read_evidence
from store.ledger_view import ledger as read_ledger

router = APIRouter(tags=["Claims"])

_FOLLOWED: Responses = {
    200: {
        "description": "The timeline, or with `Accept: text/event-stream` the timeline as it grows",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'id: 7\nevent: dispatched\ndata: {"id": 7, "title": "The replacement is on its way."}\n\n',
            }
        },
    }
}


def can_be_claim(claim_id: str) -> bool:
    """Whether it could be a claim's id: other workflows, purchases among them, live under other ids."""
    prefix, _, rest = claim_id.partition("_")
    return prefix == "clm" and rest.isascii() and rest.isalnum() and len(rest) <= 64


def _claims_id(claim_id: str) -> str:
    """What cannot be a claim's id is not found, rather than invalid."""
    if not can_be_claim(claim_id):
        raise not_found("such claim")
    return claim_id


ClaimInPath = Annotated[
    str,
    Path(description="The claim's id, its workflow's as well.", examples=[CLAIM_ID]),
    AfterValidator(_claims_id),
]


def _ours(cursor: str) -> str:
    try:
        read_cursor(cursor)
    except InvalidCursor:
        raise ValueError("is not one of this list's") from None
    return cursor


Cursor = Annotated[str, StringConstraints(max_length=400), AfterValidator(_ours)]


class ClaimQuery(BaseModel):
    """Filters of the list; every one given must hold."""

    model_config = ConfigDict(extra="forbid")

    state: ClaimState | None = None
    service: Service | None = None
    serial_number: Serial | None = None
    region: RegionCode | None = None
    attention: Attention | None = None
    due_before: Instant | None = Field(None, description="The return is due before this instant.")
    limit: int = Field(50, ge=1, le=200)
    cursor: Cursor | None = None


@router.post(
    "/claims",
    status_code=202,
    summary="Make a claim",
    responses=writes(Code.NOT_FOUND, Code.CLAIM_REFUSED, Code.PAYMENT_DECLINED, Code.CONFLICT),
)
async def make(
    body: ClaimBody, here: Here, caller: AnyRole, key: Key, request: Request, response: Response
) -> ClaimView:
    """Accepted with the claim, refused with every reason, or declined with the closed claim's id.

    While nobody works the claim is stored and answered in state `submitted`; it is judged as soon as somebody does.
    The same Idempotency-Key then gets the judgement.
    """
    claim = await submit(here, body, caller.role, key)
    request.state.final = claim.state is not ClaimState.SUBMITTED
    response.headers["Location"] = f"/v1/claims/{claim.id}"
    return here.view(claim)


@router.get("/claims", summary="List claims", responses=reads())
async def claims(here: HereForAll, wanted: Annotated[ClaimQuery, Query()]) -> ClaimList:
    """Newest first; with `due_before`, the latest due first."""
    chosen = ClaimFilter(**wanted.model_dump(exclude={"limit", "cursor"}))
    page = await here.views.claims(chosen, wanted.limit, wanted.cursor)
    return ClaimList(items=[here.view(claim) for claim in page.items], next_cursor=page.next_cursor)


@router.get("/claims/{claim_id}", summary="Show a claim", responses=reads(Code.NOT_FOUND))
async def claim(here: HereForAll, claim_id: ClaimInPath) -> ClaimView:
    return here.view(await here.claim(claim_id))


@router.get(
    "/claims/{claim_id}/events",
    summary="Read or follow a claim's timeline",
    response_model=EventList,
    responses={**reads(Code.NOT_FOUND), **_FOLLOWED},
)
async def events(
    request: Request,
    here: HereForAll,
    claim_id: ClaimInPath,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[int, Query(ge=0, le=2**63 - 1, description="The id of the last event seen.")] = 0,
    last_event_id: Annotated[int, Header(ge=0, le=2**63 - 1, description="Where a broken stream goes on.")] = 0,
) -> EventList | StreamingResponse:
    """Everything that happened, in order. With `Accept: text/event-stream` it stays open until the claim is closed."""
    await here.claim(claim_id)
    if stream.MEDIA_TYPE in request.headers.get("accept", ""):

        async def submitted() -> bool:
            try:
                return await here.door.claim(claim_id) is not None
            except Unavailable:
                return True

        lines = stream.follow(here.views, claim_id, max(cursor, last_event_id), submitted)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(lines, media_type=stream.MEDIA_TYPE, headers=headers)
    found = await here.views.events(claim_id, cursor)
    shown = found[:limit]
    following = str(shown[-1].id) if len(found) > limit else None
    return EventList(items=[EventView.of(event) for event in shown], next_cursor=following)


@router.get(
    "/claims/{claim_id}/ledger", summary="Show a claim's money", responses=reads(Code.FORBIDDEN, Code.NOT_FOUND)
)
async def ledger(here: Here, caller: Finance, claim_id: ClaimInPath) -> LedgerView:
    """Every line booked for the claim, and what stands on each account."""
    claim = await here.claim(claim_id)
    async with here.database.reading() as session:
        return LedgerView.of(await read_ledger(session, claim_id), claim.fee.currency)


@router.get(
    "/claims/{claim_id}/evidence",
    summary="Collect what a chargeback asks about",
    responses=reads(Code.FORBIDDEN, Code.NOT_FOUND),
)
async def evidence(here: Here, caller: ChargebackDesk, claim_id: ClaimInPath) -> EvidenceView:
    """Consent with its text, amounts, dates, notices, scans, inspection, timeline and ledger, read in one go."""
    async with here.database.reading() as session:
        pack = await read_evidence(session, claim_id)
    if pack is None:
        raise not_found(f"claim {claim_id} on record")
    return EvidenceView.of(pack)
