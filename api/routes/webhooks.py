"""API: what gateways and carriers tell by themselves. Each event is heard once, whatever its order and repetition.

The claim is told first and the event kept afterwards, so a crash or an outage between the two keeps nothing, and the
sender's next try does it again: the claim knows the event by its id. Told is that something happened, never what.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Path

from api.answers.webhooks import WebhookView
from api.bodies.webhooks import CarrierEventBody, PaymentEventBody
from api.door import Gone
from api.reference import signed
from api.routes.claim_actions import happened
from api.routes.claims import can_be_claim
from api.services import Here, Services
from api.signed import BY_OURS, BY_STRIPE, SignedRoute
from domain.dates import whole_second
from domain.kinds import ClaimState
from messages.claims import ParcelScanned, PaymentChanged
from store.webhooks import Heard, WebhookState

router = APIRouter(prefix="/webhooks", tags=["Webhooks"], route_class=SignedRoute)

_ACCEPTED = "accepted"
Gateway = Annotated[str, Path(description="`stripe`, or `simulated` in development.", examples=["stripe"])]
Carrier = Annotated[str, Path(description="The carrier's name in this installation's secrets.", examples=["ups"])]


@router.post(
    "/payments/{gateway}",
    summary="Hear that a payment changed",
    responses=signed(),
    dependencies=[BY_STRIPE, BY_OURS],
)
async def payment_changed(gateway: Gateway, body: PaymentEventBody, here: Here) -> WebhookView:
    """The claim's process asks the gateway what became of the payment. A repeated event has no effect.

    Signed in `Stripe-Signature` by Stripe, in `Aftercare-Signature` by others; no bearer key is asked for.
    """
    heard = Heard(gateway, body.id, body.type, body.claim_id, body.payment_id)

    async def tell() -> WebhookState:
        claim_id, payment_id = body.claim_id, body.payment_id
        if payment_id is None or claim_id is None or not can_be_claim(claim_id):
            return WebhookState.IGNORED
        await here.door.report(
            claim_id, PaymentChanged(event_id=_known_as(heard), actor=gateway, payment_id=payment_id)
        )
        return WebhookState.DELIVERED

    return await _hear(here, heard, tell)


@router.post("/carriers/{carrier}", summary="Hear what a carrier saw", responses=signed(), dependencies=[BY_OURS])
async def carrier_saw(carrier: Carrier, body: CarrierEventBody, here: Here) -> WebhookView:
    """`accepted` is the carrier's scan of the customer's parcel (R-RET-4). A repeated event has no effect.

    Signed in `Aftercare-Signature`; no bearer key is asked for.
    """
    heard = Heard(f"carrier:{carrier}", body.id, body.event, body.claim_id)

    async def tell() -> WebhookState:
        if body.event != _ACCEPTED:
            return WebhookState.IGNORED
        if not can_be_claim(body.claim_id):
            return WebhookState.PARKED
        now = whole_second(await here.door.now(body.claim_id))
        if await here.known(body.claim_id) is None:
            return WebhookState.PARKED
        event = ParcelScanned(
            event_id=_known_as(heard),
            actor=heard.source,
            carrier=carrier,
            tracking_number=body.tracking_number,
            scanned_at=await happened(here, body.claim_id, "occurred_at", body.occurred_at, now),
        )
        await here.door.report(body.claim_id, event)
        return WebhookState.DELIVERED

    return await _hear(here, heard, tell)


async def _hear(here: Services, heard: Heard, tell: Callable[[], Awaitable[WebhookState]]) -> WebhookView:
    """Tell the claim unless it was told, and keep what became of the event."""
    known = await here.webhooks.known(heard.source, heard.event_id)
    if known is not None:
        return WebhookView(state=known)
    try:
        state = await tell()
    except Gone:
        state = await _nobody_works_on(here, heard.subject)
    await here.webhooks.keep(heard, state, here.now())
    return WebhookView(state=state)


async def _nobody_works_on(here: Services, claim_id: str | None) -> WebhookState:
    """Closed claims need to hear nothing. One that is open or unknown has lost its process: people must look."""
    claim = await here.views.claim(claim_id or "")
    closed = claim is not None and claim.state is ClaimState.CLOSED
    return WebhookState.FINISHED if closed else WebhookState.PARKED


def _known_as(heard: Heard) -> str:
    """The event's id among all that a claim hears."""
    return f"{heard.source}:{heard.event_id}"
