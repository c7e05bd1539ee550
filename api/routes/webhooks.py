"""API: webhooks of gateways and carriers. Each event takes effect once, whatever the order and number of deliveries.

The claim is told first and the webhook stored as known afterwards. After a crash between the two the sender's next
delivery tells it again, and the claim ignores an event id it has seen. A payment signal says that something changed,
not what.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Path, Request

from api.audit import Subject, concerns
from api.claim_commands import ClaimNotRunning
from api.event_reports import Reported
from api.openapi import webhook_problems
from api.requests.webhooks import CarrierEventBody, PaymentEventBody
from api.responses.webhooks import WebhookView
from api.routes.claims import can_be_claim
from api.routes.parcels import claim_clock, occurrence_time
from api.services import Services, ServicesDep
from api.webhook_auth import AFTERCARE_SIGNATURE, STRIPE_SIGNATURE, SignedRoute
from domain.kinds import ClaimState
from messages.claims import ParcelDelivered, ParcelScanned, PaymentChanged
from store.tables.webhook_events import WebhookState
from store.webhook_events import ReceivedEvent

router = APIRouter(prefix="/webhooks", tags=["Webhooks"], route_class=SignedRoute)

_ACCEPTED, _DELIVERED = "accepted", "delivered"
_STATES = {
    Reported.TOLD: WebhookState.DELIVERED,
    Reported.WAITING: WebhookState.DELIVERED,  # it is stored, and the claim is told
    Reported.ENDED: WebhookState.FINISHED,
    Reported.NO_PROCESS: WebhookState.PARKED,
}
Gateway = Annotated[str, Path(description="`stripe`, or `simulated` in development.", examples=["stripe"])]
Carrier = Annotated[str, Path(description="The carrier's name in this installation's secrets.", examples=["ups"])]


@router.post(
    "/payments/{gateway}",
    summary="Receive a payment event",
    responses=webhook_problems(),
    dependencies=[STRIPE_SIGNATURE, AFTERCARE_SIGNATURE],
)
async def payment_changed(
    gateway: Gateway, body: PaymentEventBody, services: ServicesDep, request: Request
) -> WebhookView:
    """The claim's workflow reads the payment from the gateway. A repeated event has no effect.

    Signed in `Stripe-Signature` by Stripe, in `Aftercare-Signature` by others; no bearer key is needed.
    """
    concerns(request, Subject(claim_id=body.claim_id if can_be_claim(body.claim_id or "") else None))
    received = ReceivedEvent(gateway, body.id, body.type, body.claim_id, body.payment_id)

    async def deliver() -> WebhookState:
        claim_id, payment_id = body.claim_id, body.payment_id
        # What people must hear of is parked when no claim hears it: the reconciliation reports it.
        without_claim = WebhookState.PARKED if body.for_people else WebhookState.IGNORED
        if payment_id is None or claim_id is None or not can_be_claim(claim_id):
            return without_claim
        kind = body.type if body.for_people else ""
        event = PaymentChanged(event_id=_event_id(received), actor=gateway, payment_id=payment_id, kind=kind)
        state = _STATES[await services.reports.report(claim_id, event)]
        return WebhookState.PARKED if body.for_people and state is WebhookState.FINISHED else state

    return await _process(services, received, deliver)


@router.post(
    "/carriers/{carrier}",
    summary="Receive a carrier event",
    responses=webhook_problems(),
    dependencies=[AFTERCARE_SIGNATURE],
)
async def carrier_saw(carrier: Carrier, body: CarrierEventBody, services: ServicesDep, request: Request) -> WebhookView:
    """`accepted` is the carrier's scan of the customer's parcel (R-RET-4). A repeated event has no effect.

    `delivered` says that the carrier gave it to us: no default is charged until the warehouse has looked for it, and a
    late return counts from that moment.

    Signed in `Aftercare-Signature`; no bearer key is needed.
    """
    concerns(request, Subject(claim_id=body.claim_id if can_be_claim(body.claim_id) else None))
    received = ReceivedEvent(f"carrier:{carrier}", body.id, body.event, body.claim_id)

    async def deliver() -> WebhookState:
        if body.event not in (_ACCEPTED, _DELIVERED):
            return WebhookState.IGNORED
        if not can_be_claim(body.claim_id):
            return WebhookState.PARKED
        now = await claim_clock(services, body.claim_id)
        if await services.find_claim(body.claim_id) is None:
            return WebhookState.PARKED
        at = await occurrence_time(services, body.claim_id, "occurred_at", body.occurred_at, now)
        event_id, actor, number = _event_id(received), received.source, body.tracking_number
        event: ParcelScanned | ParcelDelivered
        if body.event == _ACCEPTED:
            event = ParcelScanned(
                event_id=event_id, actor=actor, carrier=carrier, tracking_number=number, scanned_at=at
            )
        else:
            event = ParcelDelivered(
                event_id=event_id, actor=actor, carrier=carrier, tracking_number=number, delivered_at=at
            )
        return _STATES[await services.reports.report(body.claim_id, event)]

    return await _process(services, received, deliver)


async def _process(
    services: Services, received: ReceivedEvent, deliver: Callable[[], Awaitable[WebhookState]]
) -> WebhookView:
    """Signal the claim unless the event is known, and store the event's state."""
    known = await services.webhooks.state_of(received.source, received.event_id)
    if known is not None:
        return WebhookView(state=known)
    try:
        state = await deliver()
    except ClaimNotRunning:
        state = await _state_without_workflow(services, received.subject)
    await services.webhooks.record(received, state, services.now())
    return WebhookView(state=state)


async def _state_without_workflow(services: Services, claim_id: str | None) -> WebhookState:
    """FINISHED for a closed claim. An open or unknown one has no workflow: PARKED, for operators to look at."""
    claim = await services.queries.claim(claim_id or "")
    closed = claim is not None and claim.state is ClaimState.CLOSED
    return WebhookState.FINISHED if closed else WebhookState.PARKED


def _event_id(received: ReceivedEvent) -> str:
    """The event's id, unique among all events of a claim."""
    return f"{received.source}:{received.event_id}"
