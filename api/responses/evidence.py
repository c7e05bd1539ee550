"""API: the evidence pack of a claim, for the response to a chargeback."""

from typing import Self

from api.openapi_examples import with_example
from api.responses.base import Moment, MoneyView, View
from api.responses.claims import CLAIM_ID, FEE, HOLD
from api.responses.ledger import LedgerView
from domain.dates import in_local_time, local_text
from domain.kinds import ClaimState, Component, Outcome, Service, Tier
from store.reads import evidence as stored
from store.reads.queries import EventView

_ARRIVED = {
    "at": "2026-12-04T18:05:00Z",
    "kind": "parcel_arrived",
    "text": "2026-12-04 10:05:00 America/Los_Angeles",
    "title": "The parcel arrived 2026-12-04 10:05:00 America/Los_Angeles.",
    "details": "",
    "actor": "warehouse",
}


class ConsentView(View):
    """What the customer agreed to. `terms_text` is null, with a `note`, for a version whose text is not stored.

    `accepted_by` is who submitted the claim. Hold, default charge and window exist with Premium only.
    """

    terms_version: str
    terms_text: str | None
    note: str | None
    accepted_at: Moment
    accepted_by: str | None
    quote_id: str | None
    fee: MoneyView
    hold: MoneyView | None
    default_charge: MoneyView | None
    return_window_days: int | None

    @classmethod
    def of(cls, consent: stored.Consent) -> Self:
        return cls(
            terms_version=consent.terms_version,
            terms_text=consent.terms_text,
            note=consent.note,
            accepted_at=consent.accepted_at,
            accepted_by=consent.accepted_by,
            quote_id=consent.quote_id,
            fee=consent.fee,
            hold=consent.hold,
            default_charge=consent.default_charge,
            return_window_days=consent.window_days,
        )


class EvidenceDateView(View):
    """`text` is the instant in the customer's time zone."""

    what: str
    at: Moment
    text: str
    title: str

    @classmethod
    def of(cls, date: stored.Date, zone: str) -> Self:
        return cls(what=date.what, at=date.at, text=date.text, title=in_local_time(date.title, zone))


class NoticeView(View):
    """A mail that was sent."""

    kind: str
    at: Moment
    text: str
    recipient: str
    subject: str
    message_id: str

    @classmethod
    def of(cls, notice: stored.SentMail) -> Self:
        return cls(
            kind=notice.kind,
            at=notice.at,
            text=notice.text,
            recipient=notice.recipient,
            subject=notice.subject,
            message_id=notice.message_id,
        )


class EvidenceLineView(View):
    """A line of the timeline. `text` is the instant in the customer's time zone."""

    at: Moment
    text: str
    kind: str
    title: str
    details: str
    actor: str

    @classmethod
    def of(cls, line: EventView, zone: str) -> Self:
        return cls(
            at=line.at,
            text=local_text(line.at, zone),
            kind=line.kind,
            title=in_local_time(line.title, zone),
            details=in_local_time(line.details, zone),
            actor=line.actor,
        )


class InspectedView(View):
    """What was expected beside what was found in the last box. `photos` are file names."""

    at: Moment
    serial_number_expected: str
    serial_number_found: str
    genuine: bool
    components_expected: list[Component]
    components_present: list[Component]
    components_missing: list[Component]
    components_not_genuine: list[Component]
    notes: str
    photos: list[str]

    @classmethod
    def of(cls, inspected: stored.InspectionEvidence) -> Self:
        return cls(
            at=inspected.seen.at,
            serial_number_expected=inspected.serial_expected,
            serial_number_found=inspected.seen.serial_number,
            genuine=inspected.seen.genuine,
            components_expected=list(inspected.components_expected),
            components_present=list(inspected.seen.components),
            components_missing=list(inspected.components_missing),
            components_not_genuine=list(inspected.seen.not_genuine),
            notes=inspected.seen.notes,
            photos=list(inspected.seen.photos),
        )


class EvidenceView(View):
    """Everything stored of a claim that matters in a chargeback. `consent` is null where none is needed: repairs."""

    model_config = with_example(
        {
            "claim_id": CLAIM_ID,
            "service": "care_express",
            "tier": "premium",
            "state": "defaulted",
            "outcome": None,
            "serial_number": "1581F45T7228D00A",
            "replacement_serial_number": "1581F45T7228D00B",
            "time_zone": "America/Los_Angeles",
            "consent": {
                "terms_version": "2026-01",
                "terms_text": "# Replacement terms, version 2026-01\n...",
                "note": None,
                "accepted_at": "2026-11-23T10:00:00Z",
                "accepted_by": "customer_service",
                "quote_id": None,
                "fee": FEE,
                "hold": HOLD,
                "default_charge": HOLD,
                "return_window_days": 14,
            },
            "dates": [
                {
                    "what": "due",
                    "at": "2026-12-08T07:59:59Z",
                    "text": "2026-12-07 23:59:59 America/Los_Angeles",
                    "title": "The unit must have arrived.",
                }
            ],
            "notices": [
                {
                    "kind": "shipped",
                    "at": "2026-11-23T15:20:00Z",
                    "text": "2026-11-23 07:20:00 America/Los_Angeles",
                    "recipient": "ada@example.com",
                    "subject": "Your replacement is on its way",
                    "message_id": f"<{CLAIM_ID}.shipped.1@aftercare.example>",
                }
            ],
            "scans": [],
            "arrivals": [_ARRIVED],
            "inspection": {
                "at": "2026-12-04T19:00:00Z",
                "serial_number_expected": "1581F45T7228D00A",
                "serial_number_found": "1581F45T7228D0ZZ",
                "genuine": True,
                "components_expected": ["aircraft", "gimbal_camera", "propellers"],
                "components_present": ["aircraft", "propellers"],
                "components_missing": ["gimbal_camera"],
                "components_not_genuine": [],
                "notes": "Another drone; gimbal torn off.",
                "photos": ["label.jpg", "box.jpg"],
            },
            "timeline": [_ARRIVED],
            "ledger": {"entries": [], "balances": {}},
        }
    )

    claim_id: str
    service: Service
    tier: Tier | None
    state: ClaimState
    outcome: Outcome | None
    serial_number: str
    replacement_serial_number: str | None
    time_zone: str
    consent: ConsentView | None
    dates: list[EvidenceDateView]
    notices: list[NoticeView]
    scans: list[EvidenceLineView]
    arrivals: list[EvidenceLineView]
    inspection: InspectedView | None
    timeline: list[EvidenceLineView]
    ledger: LedgerView

    @classmethod
    def of(cls, pack: stored.EvidenceView) -> Self:
        claim = pack.claim
        return cls(
            claim_id=claim.id,
            service=claim.service,
            tier=claim.tier,
            state=claim.state,
            outcome=claim.outcome,
            serial_number=claim.serial_number,
            replacement_serial_number=claim.replacement_serial_number,
            time_zone=pack.time_zone,
            consent=ConsentView.of(pack.consent) if pack.consent else None,
            dates=[EvidenceDateView.of(date, pack.time_zone) for date in pack.dates],
            notices=[NoticeView.of(notice) for notice in pack.notices],
            scans=[EvidenceLineView.of(line, pack.time_zone) for line in pack.scans],
            arrivals=[EvidenceLineView.of(line, pack.time_zone) for line in pack.arrivals],
            inspection=InspectedView.of(pack.inspection) if pack.inspection else None,
            timeline=[EvidenceLineView.of(line, pack.time_zone) for line in pack.timeline],
            ledger=LedgerView.of(pack.ledger, claim.fee.currency),
        )
