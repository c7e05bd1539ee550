"""Workflow part: the inspection of the boxes of an exchange. domain.inspection decides; data spans the boxes."""

from dataclasses import dataclass, field, replace

from temporalio import workflow

from domain import settlement
from domain.claim import Claim, Inspection, Return
from domain.inspection import Assessment, SerialMatch, Verdict, assess, compare_serials
from domain.kinds import BODIES, Attention, Component, ReasonCode
from domain.reported_events import new_unit_event
from domain.serials import is_gtin
from messages.claims import Inspect, ParcelArrived
from messages.record import IdentifySerial, Record, SerialIdentified
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.reservation import Reservation

_BOX_FLAGS = (
    Attention.REPLACEMENT_RETURNED,
    Attention.SERIAL_UNCLEAR,
    Attention.FOREIGN_SERIAL,
    Attention.INSPECTION_OVERDUE,
)
_TITLES = {
    Verdict.GOOD: "Inspected: the right unit, complete.",
    Verdict.MISMATCH: "Inspected: not what was expected.",
    Verdict.PARTS_MISSING: "Inspected: parts are missing.",
    Verdict.UNCLEAR: "Inspected: the serial number is unclear.",
}


@dataclass
class BoxInspectionData:
    """The components that were accepted, whether the device is among them, and the owner of a wrong unit."""

    received: set[Component] = field(default_factory=set)
    unit_accepted: bool = False
    foreign: SerialIdentified | None = None


class BoxInspection:
    """A second box may contain only what was missing, so what was accepted once stays accepted."""

    def __init__(
        self,
        record: ClaimRecord,
        calls: ActivityCalls,
        reservation: Reservation,
        data: BoxInspectionData | None = None,
    ) -> None:
        self._record = record
        self._calls = calls
        self._reservation = reservation
        self._data = data or BoxInspectionData()

    @property
    def data(self) -> BoxInspectionData:
        return self._data

    @property
    def boxes_were_swapped(self) -> bool:
        """The box held the unit of another open claim of the same customer (edge case 11)."""
        foreign = self._data.foreign
        return foreign is not None and foreign.open_claim_id is not None and foreign.same_owner

    async def inspected(self, decision: Inspect) -> Assessment:
        """Assess the inspection and record it."""
        claim, returning = self._record.claim, self._record.claim.returning
        assert returning is not None, "no unit is expected"
        seen = Inspection(
            at=workflow.now(),
            serial_number=decision.serial_number.strip(),
            genuine=decision.genuine,
            components=decision.components,
            notes=decision.notes,
            photos=decision.photos,
            not_genuine=decision.not_genuine,
        )
        assessment = self._assess(seen, claim, returning)
        missing = settlement.missing_parts(self._reservation.terms.offer, assessment.missing)
        if assessment.verdict is Verdict.PARTS_MISSING and not settlement.differences(missing, claim.fee.currency):
            assessment = Assessment(Verdict.GOOD)  # edge case 18: nothing to pay, nothing to send
        self._record.unflag(*_BOX_FLAGS)
        self._record.change(
            inspection=seen,
            reasons=assessment.reasons,
            missing=missing if assessment.verdict is Verdict.PARTS_MISSING else (),
        )
        details = " ".join([*(reason.message for reason in assessment.reasons), seen.notes]).strip()
        self._record.note("inspected", _TITLES[assessment.verdict], details, decision.actor)
        if assessment.verdict is Verdict.UNCLEAR:
            self._record.flag(Attention.SERIAL_UNCLEAR)
            instead = " (the number of a product's barcode, a GTIN, was read)" if is_gtin(seen.serial_number) else ""
            self._record.change(wait_reason=f"for a person to read the serial number{instead}; the clock is stopped")
        if ReasonCode.REPLACEMENT_RETURNED in [reason.code for reason in assessment.reasons]:
            self._keep_new_unit(claim, returning)
        if assessment.verdict is Verdict.MISMATCH and not self._data.unit_accepted:
            await self._identify(seen.serial_number)
        return assessment

    def _keep_new_unit(self, claim: Claim, returning: Return) -> None:
        """The new unit came back: staff are told, and the unit in the warehouse is a task until it is settled."""
        self._record.flag(Attention.REPLACEMENT_RETURNED)
        arrived_at = returning.arrived_at or workflow.now()
        unit = ParcelArrived(
            event_id=f"{new_unit_event(claim.id)}{arrived_at:%Y%m%d%H%M%S}",
            actor="warehouse",
            arrived_at=arrived_at,
            reason=f"The new unit {claim.replacement_serial_number} came back instead of {claim.serial_number}.",
        )
        self._record.keep_unclaimed(unit)

    def _assess(self, seen: Inspection, claim: Claim, returning: Return) -> Assessment:
        if _is_product_barcode(seen.serial_number, claim) and workflow.patched("product-barcode-is-no-serial"):
            seen = replace(seen, serial_number="")  # nothing was read of the unit's own number
        assessment = assess(
            seen,
            serial_number=claim.serial_number,
            expected=returning.expected,
            replacement_serial=claim.replacement_serial_number,
            received=self._data.received,
        )
        before = self._assess_whole_box(seen, claim, returning)
        if before.verdict is not assessment.verdict and not workflow.patched("components-judged-alone"):
            assessment = before
        self._data.received |= set(assessment.accepted)
        self._data.unit_accepted = not BODIES.intersection(returning.expected).difference(self._data.received)
        return assessment

    def _assess_whole_box(self, seen: Inspection, claim: Claim, returning: Return) -> Assessment:
        """As claims were judged that began before release 0.3: a part of another make spoiled the whole box."""
        serial = claim.serial_number if self._data.unit_accepted else seen.serial_number
        everything = tuple(sorted(self._data.received | set(seen.components)))
        return assess(
            replace(seen, serial_number=serial, components=everything, not_genuine=()),
            serial_number=claim.serial_number,
            expected=returning.expected,
            replacement_serial=claim.replacement_serial_number,
        )

    async def _identify(self, serial_number: str) -> None:
        """Flag a unit that is registered to another claim or customer for staff (edge cases 11, 12)."""
        request = IdentifySerial(serial_number=serial_number, lineage_id=self._record.claim.lineage_id)
        foreign = await self._calls.database(Record.identify_serial, request, f"whose is {serial_number}")
        self._data.foreign = foreign
        if not foreign.known or foreign.same_lineage:
            return
        self._record.flag(Attention.FOREIGN_SERIAL)
        if foreign.open_claim_id:
            title = f"The unit belongs to case {foreign.open_claim_id}; move the parcel there."
        else:
            title = "The unit is registered to another device; keep it aside."
        self._record.note("foreign_serial", title)


def _is_product_barcode(serial_number: str, claim: Claim) -> bool:
    """Whether the inspector scanned the barcode of the product instead of the unit's serial number (R-INS-5)."""
    return is_gtin(serial_number) and compare_serials(claim.serial_number, serial_number) is SerialMatch.DIFFERENT
