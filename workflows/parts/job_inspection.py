"""Workflow part: the inspection of a unit in a repair or maintenance job."""

from dataclasses import replace

from temporalio import workflow

from domain import settlement
from domain.claim import Inspection
from domain.inspection import SerialMatch, compare_serials, genuine_components
from domain.kinds import Attention, Component
from messages.claims import Inspect
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.repair_options import RepairOptions
from workflows.parts.return_window import ReturnWindow


class JobInspection:
    """Nothing is refused: an unclear or foreign serial number flags the claim."""

    def __init__(self, record: ClaimRecord, options: RepairOptions, window: ReturnWindow) -> None:
        self._record = record
        self._options = options
        self._window = window

    def inspected(self, decision: Inspect) -> None:
        """Record which components arrived; a replacement needs every covered one (R-CMP-1)."""
        before = self._record.claim.inspection
        box = Inspection(
            at=workflow.now(),
            serial_number=decision.serial_number.strip() or (before.serial_number if before else ""),
            genuine=decision.genuine,
            components=decision.components,
            notes=decision.notes,
            photos=decision.photos,
            not_genuine=decision.not_genuine,
        )
        seen, right = _with_earlier_boxes(box, before)
        lacking = [part for part in self._window.returning.expected if part not in seen.components]
        if len(right) < len(seen.components) and workflow.patched("job-components-judged-alone"):
            lacking = [part for part in self._window.returning.expected if part not in right]
        self._record.unflag(Attention.INSPECTION_OVERDUE, Attention.SERIAL_UNCLEAR, Attention.FOREIGN_SERIAL)
        missing = settlement.missing_parts(self._options.terms.offer, lacking)
        self._record.change(inspection=seen, missing=missing)
        match compare_serials(self._record.claim.serial_number, seen.serial_number):
            case SerialMatch.UNCLEAR:
                self._record.flag(Attention.SERIAL_UNCLEAR)
            case SerialMatch.DIFFERENT:
                self._record.flag(Attention.FOREIGN_SERIAL)
        self._record.note("inspected", "Inspected.", seen.notes, decision.actor)


def _with_earlier_boxes(box: Inspection, before: Inspection | None) -> tuple[Inspection, set[Component]]:
    """All boxes as one, and the components among them that are genuine: what was right once stays right."""
    present = {*box.components, *(before.components if before else ())}
    right = {*genuine_components(box), *(genuine_components(before) if before else ())}
    wrong = tuple(sorted(present - right)) if right else ()
    whole = replace(box, components=tuple(sorted(present)), genuine=box.genuine and not wrong, not_genuine=wrong)
    return whole, right
