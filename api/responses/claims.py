"""API: the claim as a response."""

from pydantic import Field

from api.openapi_examples import with_example
from api.problems import ReasonView
from api.responses.addresses import AddressView
from api.responses.base import Moment, MoneyView, Page, View
from domain import lifecycle, repair
from domain.claim import Claim
from domain.dates import in_local_time
from domain.inspection import normalise_serial
from domain.kinds import (
    Action,
    Attention,
    Cause,
    ClaimState,
    Component,
    HoldState,
    Outcome,
    RepairChoice,
    Service,
    Tier,
)
from domain.repair import RepairQuote

CLAIM_ID = "clm_mfrggzdfmztwq2lk"
FEE, HOLD, NOTHING = ({"amount": amount, "currency": "USD"} for amount in (15900, 164000, 0))
CLAIM_EXAMPLE = {
    "id": CLAIM_ID,
    "service": "care_express",
    "tier": "premium",
    "state": "awaiting_return",
    "outcome": None,
    "attention": [],
    "serial_number": "1581F45T7228D00A",
    "replacement_serial_number": "1581F45T7228D00B",
    "model": "mavic-3",
    "region": "US",
    "opened_at": "2026-11-23T10:00:00Z",
    "closed_at": None,
    "incident": {"cause": "collision", "occurred_at": "2026-11-20T14:30:00Z", "description": "Hit a tree on landing."},
    "fee": FEE,
    "hold": {
        "amount": HOLD,
        "state": "authorized",
        "captured": NOTHING,
        "refunded": NOTHING,
        "expires_at": "2026-12-23T10:00:00Z",
    },
    "return": {
        "window_days": 14,
        "due_at": "2026-12-08T07:59:59Z",
        "time_zone": "America/Los_Angeles",
        "expected": ["aircraft", "gimbal_camera", "propellers", "battery"],
        "scanned_at": None,
        "arrived_at": None,
        "extended_days": 0,
        "parcel": None,
        "delivered_at": None,
    },
    "shipment": {"carrier": "UPS", "tracking_number": "1Z999"},
    "ship_to": None,
    "inspection": None,
    "repair": None,
    "reasons": [],
    "missing": [],
    "amount_owed": NOTHING,
    "decline_code": None,
    "allowed_actions": ["return_scan", "arrival", "extension", "waiver"],
    "deadline": "2026-12-08T07:59:59Z",
    "wait_reason": "for the original until 2026-12-07 23:59:59 America/Los_Angeles",
    "time_zone": "America/Los_Angeles",
    "workflow_id": CLAIM_ID,
    "links": {
        "self": f"/v1/claims/{CLAIM_ID}",
        "events": f"/v1/claims/{CLAIM_ID}/events",
        "device": "/v1/devices/1581F45T7228D00A",
        "temporal": f"http://127.0.0.1:8233/namespaces/default/workflows/{CLAIM_ID}",
    },
}


class IncidentView(View):
    cause: Cause
    occurred_at: Moment
    description: str


class HoldView(View):
    """The pre-authorization. `captured` of it was captured, `refunded` of that refunded."""

    amount: MoneyView
    state: HoldState
    captured: MoneyView
    refunded: MoneyView
    expires_at: Moment | None


class ParcelView(View):
    """A parcel as the carrier or the warehouse named it; null for what was not told."""

    carrier: str | None
    tracking_number: str | None


class ReturnView(View):
    """The unit may arrive up to and including `due_at`. `extended_days` are in it already.

    `parcel` is the customer's parcel that the carrier scanned last.
    """

    window_days: int
    due_at: Moment
    time_zone: str
    expected: list[Component]
    scanned_at: Moment | None
    arrived_at: Moment | None
    extended_days: int
    parcel: ParcelView | None
    delivered_at: Moment | None


class InspectionView(View):
    at: Moment
    serial_number: str
    genuine: bool
    components: list[Component]
    notes: str
    photos: list[str]
    not_genuine: list[Component]


class MissingPartView(View):
    component: Component
    difference: MoneyView


class RepairView(View):
    """What the workshop found and all repair options (R-REP-1). `amount` is the price of a paid repair.

    `replacement_fee` is null when no replacement is left. Choose, and pay, up to and including `pay_until`. `version`
    counts the quotes of the claim: until one is `chosen`, a later one replaces it (R-REP-5).
    """

    model_config = with_example(
        {
            "findings": "Front arm and gimbal broken by an impact.",
            "amount": {"amount": 21500, "currency": "USD"},
            "warranty": False,
            "replacement_fee": {"amount": 15900, "currency": "USD"},
            "options": ["replacement", "paid_repair", "return"],
            "quoted_at": "2026-12-01T09:00:00Z",
            "pay_until": "2027-01-01T07:59:59Z",
            "version": 1,
            "chosen": None,
        }
    )

    findings: str
    amount: MoneyView
    warranty: bool
    replacement_fee: MoneyView | None
    options: list[RepairChoice]
    quoted_at: Moment
    pay_until: Moment
    version: int
    chosen: RepairChoice | None

    @classmethod
    def of(cls, quote: RepairQuote) -> "RepairView":
        return cls(
            findings=quote.findings,
            amount=quote.amount,
            warranty=quote.warranty,
            replacement_fee=quote.replacement_fee,
            options=list(repair.options(quote)),
            quoted_at=quote.quoted_at,
            pay_until=quote.pay_until,
            version=quote.version,
            chosen=quote.chosen,
        )


class ClaimLinks(View):
    self: str
    events: str
    device: str
    temporal: str


class ClaimView(View):
    """The current claim. `deadline` is when it continues without an event, null while it waits for people only.

    Texts give days as people in `time_zone` read them. `shipment` is the parcel to the customer, the replacement or
    their own unit. `ship_to` is its address once it was requested; `GET /v1/claims/{id}` alone shows it, and not to
    finance. `decline_code` is the gateway's reason when its last hold or charge was declined.
    """

    model_config = with_example(CLAIM_EXAMPLE)

    id: str
    service: Service
    tier: Tier | None
    state: ClaimState
    outcome: Outcome | None
    attention: list[Attention]
    serial_number: str
    replacement_serial_number: str | None
    model: str
    region: str
    opened_at: Moment
    closed_at: Moment | None
    incident: IncidentView | None
    fee: MoneyView
    hold: HoldView | None
    return_: ReturnView | None = Field(serialization_alias="return", validation_alias="return")
    shipment: ParcelView | None
    ship_to: AddressView | None
    inspection: InspectionView | None
    repair: RepairView | None
    reasons: list[ReasonView]
    missing: list[MissingPartView]
    amount_owed: MoneyView
    decline_code: str | None
    allowed_actions: list[Action]
    deadline: Moment | None
    wait_reason: str
    time_zone: str
    workflow_id: str
    links: ClaimLinks

    @classmethod
    def of(cls, claim: Claim, workflows_url: str) -> "ClaimView":
        """`workflows_url` is the URL of workflows in Temporal's UI; a workflow's id is appended."""
        url = f"/v1/claims/{claim.id}"
        return cls(
            id=claim.id,
            service=claim.service,
            tier=claim.tier,
            state=claim.state,
            outcome=claim.outcome,
            attention=list(claim.attention),
            serial_number=claim.serial_number,
            replacement_serial_number=claim.replacement_serial_number,
            model=claim.model,
            region=claim.region,
            opened_at=claim.opened_at,
            closed_at=claim.closed_at,
            incident=claim.incident,
            fee=claim.fee,
            hold=claim.hold,
            **{"return": claim.returning},
            shipment=claim.shipment,
            ship_to=None,
            inspection=claim.inspection,
            repair=RepairView.of(claim.repair_quote) if claim.repair_quote else None,
            reasons=[
                ReasonView(code=each.code, rule=each.rule, message=in_local_time(each.message, claim.local_zone))
                for each in claim.reasons
            ],
            missing=claim.missing,
            amount_owed=claim.amount_owed,
            decline_code=claim.decline_code,
            allowed_actions=list(lifecycle.allowed_actions(claim)),
            deadline=claim.deadline,
            wait_reason=in_local_time(claim.wait_reason, claim.local_zone),
            time_zone=claim.local_zone,
            workflow_id=claim.id,
            links=ClaimLinks(
                self=url,
                events=f"{url}/events",
                device=f"/v1/devices/{normalise_serial(claim.serial_number)}",
                temporal=f"{workflows_url}/{claim.id}",
            ),
        )


class ClaimList(Page[ClaimView]):
    model_config = with_example({"items": [CLAIM_EXAMPLE], "next_cursor": None})
