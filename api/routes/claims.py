"""API: making claims and reading them. The rules decide on a claim, here and again in its workflow."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from api.audit import Subject, concerns, discloses
from api.auth import AnyRole, CustomerServiceOrStaff, Finance, FinanceOrStaff, Role
from api.claim_commands import TemporalUnavailable
from api.event_stream import MEDIA_TYPE, EventStreamResponse
from api.idempotency import Key
from api.openapi import Responses, read_problems, write_problems
from api.problems import Code, not_found
from api.requests.base import SEARCH_TEXT, Email, Instant, Reference, RegionCode, SearchText, Serial
from api.requests.claims import ClaimBody
from api.responses.addresses import AddressView
from api.responses.claims import CLAIM_ID, ClaimList, ClaimView
from api.responses.evidence import EvidenceView
from api.responses.ledger import LedgerView
from api.responses.timeline import EventList, EventView
from api.services import AuthenticatedServices, ServicesDep
from api.submission import submit
from domain.inspection import normalise_serial
from domain.kinds import Attention, ClaimState, Service
from messages.claims import ShipTo
from store.reads.claim_list import ClaimFilter, InvalidCursor, read_cursor
from store.reads.evidence import evidence as read_evidence
from store.reads.ledger import ledger as read_ledger

router = APIRouter(tags=["Claims"])

_EVENT_STREAM: Responses = {
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
    """Whether it has the form of a claim's id. Other workflows, such as purchases, have ids of other forms."""
    prefix, _, rest = claim_id.partition("_")
    return prefix == "clm" and rest.isascii() and rest.isalnum() and len(rest) <= 64


def _valid_claim_id(claim_id: str) -> str:
    """Raises 404 for a malformed id, rather than 422."""
    if not can_be_claim(claim_id):
        raise not_found("such claim")
    return claim_id


ClaimInPath = Annotated[
    str,
    Path(description="The claim's id, its workflow's as well.", examples=[CLAIM_ID]),
    AfterValidator(_valid_claim_id),
]


def _valid_cursor(cursor: str) -> str:
    try:
        read_cursor(cursor)
    except InvalidCursor:
        raise ValueError("is not one of this list's") from None
    return cursor


Cursor = Annotated[str, StringConstraints(max_length=400), AfterValidator(_valid_cursor)]


class ClaimQuery(BaseModel):
    """Filters of the list; every one given must hold."""

    model_config = ConfigDict(extra="forbid")

    state: ClaimState | None = None
    service: Service | None = None
    serial_number: Serial | None = None
    region: RegionCode | None = None
    attention: Attention | None = None
    due_before: Instant | None = Field(None, description="The return is due before this instant.")
    q: SearchText | None = Field(None, description=SEARCH_TEXT)
    owner_email: Email | None = Field(None, description="The owner's mail address.")
    tracking_number: Reference | None = Field(
        None,
        description="The whole tracking number of one of the claim's parcels, in either direction, whoever named it: "
        "dispatch, carrier or workshop. Compared without case, spaces and hyphens.",
    )
    limit: int = Field(50, ge=1, le=200)
    cursor: Cursor | None = None


@router.post(
    "/claims",
    status_code=202,
    summary="Make a claim",
    responses=write_problems(Code.FORBIDDEN, Code.NOT_FOUND, Code.CLAIM_REFUSED, Code.PAYMENT_DECLINED, Code.CONFLICT),
)
async def make(
    body: ClaimBody,
    services: ServicesDep,
    caller: CustomerServiceOrStaff,
    key: Key,
    request: Request,
    response: Response,
) -> ClaimView:
    """Accepted with the claim, refused with every reason, or declined with the closed claim's id.

    While no worker is running the claim is stored and returned in state `submitted`; it is decided as soon as one is.
    The same Idempotency-Key then gets the decision.
    """
    serial_number = normalise_serial(body.serial_number)
    concerns(request, Subject(serial_number=serial_number))
    claim = await submit(services, body, caller.actor, key)
    concerns(request, Subject(claim.id, serial_number))
    request.state.final = claim.state is not ClaimState.SUBMITTED
    response.headers["Location"] = f"/v1/claims/{claim.id}"
    return services.view(claim)


@router.get("/claims", summary="List claims", responses=read_problems())
async def claims(services: AuthenticatedServices, query: Annotated[ClaimQuery, Query()]) -> ClaimList:
    """Newest first; with `due_before`, the latest due first."""
    filter_ = ClaimFilter(**query.model_dump(exclude={"limit", "cursor"}))
    page = await services.queries.claims(filter_, query.limit, query.cursor)
    return ClaimList(items=[services.view(claim) for claim in page.items], next_cursor=page.next_cursor)


@router.get("/claims/{claim_id}", summary="Show a claim", responses=read_problems(Code.NOT_FOUND))
async def claim(services: ServicesDep, caller: AnyRole, claim_id: ClaimInPath, request: Request) -> ClaimView:
    """The claim as it is now. `ship_to` is personal data: finance gets null."""
    found = await services.queries.claim_with_address(claim_id)
    if found is None:
        return services.view(await services.get_claim(claim_id))
    shown, address = services.view(found[0]), found[1]
    if address is None or caller.role is Role.FINANCE:
        return shown
    discloses(request, [Subject(claim_id)])
    return shown.model_copy(update={"ship_to": AddressView.of(ShipTo(**address))})


@router.get(
    "/claims/{claim_id}/events",
    summary="Read or follow a claim's timeline",
    response_model=EventList,
    responses={**read_problems(Code.NOT_FOUND), **_EVENT_STREAM},
)
async def events(
    request: Request,
    services: ServicesDep,
    caller: AnyRole,
    claim_id: ClaimInPath,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[int, Query(ge=0, le=2**63 - 1, description="The id of the last event seen.")] = 0,
    last_event_id: Annotated[int, Header(ge=0, le=2**63 - 1, description="Where a broken stream goes on.")] = 0,
) -> EventList | EventStreamResponse:
    """Everything that happened, in order. With `Accept: text/event-stream` it stays open until the claim is closed."""
    shown = await services.get_claim(claim_id)
    if MEDIA_TYPE in request.headers.get("accept", ""):

        async def submitted() -> bool:
            try:
                return await services.claim_commands.pending_claim(claim_id) is not None
            except TemporalUnavailable:
                return True

        services.streams.acquire(caller.id)
        lines = services.streams.follow(claim_id, max(cursor, last_event_id), submitted, shown.local_zone)
        return EventStreamResponse(services.streams, caller.id, lines)
    found = await services.queries.events(claim_id, cursor)
    page = found[:limit]
    next_cursor = str(page[-1].id) if len(found) > limit else None
    return EventList(items=[EventView.of(event, shown.local_zone) for event in page], next_cursor=next_cursor)


@router.get(
    "/claims/{claim_id}/ledger", summary="Show a claim's money", responses=read_problems(Code.FORBIDDEN, Code.NOT_FOUND)
)
async def ledger(services: ServicesDep, caller: Finance, claim_id: ClaimInPath) -> LedgerView:
    """Every ledger entry of the claim, and the balance of each account."""
    claim = await services.get_claim(claim_id)
    async with services.database.snapshot() as session:
        return LedgerView.of(await read_ledger(session, claim_id), claim.fee.currency)


@router.get(
    "/claims/{claim_id}/evidence",
    summary="Collect what a chargeback asks about",
    responses=read_problems(Code.FORBIDDEN, Code.NOT_FOUND),
)
async def evidence(
    services: ServicesDep, caller: FinanceOrStaff, claim_id: ClaimInPath, request: Request
) -> EvidenceView:
    """Consent with its text, amounts, dates, notices, scans, inspection, timeline and ledger, read in one go."""
    async with services.database.snapshot() as session:
        pack = await read_evidence(session, claim_id)
    if pack is None:
        raise not_found(f"claim {claim_id} on record")
    discloses(request, [Subject(claim_id)])
    return EvidenceView.of(pack)
