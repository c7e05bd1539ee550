"""Workflows: what Premium and Standard share: the agreement, the parcel, its inspection, the chance to put it right."""

from dataclasses import replace
from datetime import datetime, timedelta

from temporalio import workflow

from domain import settlement
from domain.claim import Inspection
from domain.eligibility import Card
from domain.inspection import Assessment, SerialMatch, Verdict, assess, compare_serials
from domain.kinds import Attention, ClaimState, Component, Service
from domain.money import Money
from messages.claims import (
    ClaimRefused,
    Inspect,
    ParcelArrived,
    ParcelScanned,
    SubmitCareExpress,
)
from messages.mail import MailKind
from messages.record import (
    IdentifySerial,
    Record,
    ReserveUse,
    SerialIdentified,
    UseReserved,
)
from workflows.shipping import Shipping, utc

_BOX_FLAGS = (Attention.SERIAL_UNCLEAR, Attention.FOREIGN_SERIAL, Attention.INSPECTION_OVERDUE)


class Exchange(Shipping):
    """One damaged unit for one replacement."""

    def __init__(self, ask: SubmitCareExpress) -> None:
        super().__init__()
        self._asked = ask
        self._agreed: UseReserved | None = None
        self._received: set[Component] = set()
        self._unit_accepted = False
        self._put_right_until: dict[ClaimState, datetime] = {}
        self._grace_given = False
        self._foreign: SerialIdentified | None = None

    @property
    def _terms(self) -> UseReserved:
        assert self._agreed is not None, "nothing is agreed yet"
        return self._agreed

    async def _agree(self, card: Card | None) -> bool:
        """Make the claim and reserve the use, or answer with every reason why not."""
        ask = self._asked
        answer = await self._recorded(
            Record.reserve_use,
            ReserveUse(
                claim_id=ask.claim_id,
                service=Service.CARE_EXPRESS,
                tier=ask.tier,
                serial_number=ask.serial_number,
                incident=ask.incident,
                at=workflow.now(),
                accepted_terms=ask.accepted_terms,
                terms_version=ask.terms_version,
                replace_battery=ask.replace_battery,
                ship_to_country=ask.ship_to.country,
                card=card,
                quote=ask.quote,
            ),
            "reserve a use",
        )
        if isinstance(answer, ClaimRefused):
            self._submission = answer
            return False
        self._agreed = answer
        self._begin(answer)
        self._note(
            "submitted",
            f"Care Express {ask.tier}: {answer.model_name}, {ask.incident.cause.replace('_', ' ')}.",
            f"Terms {ask.terms_version} accepted.",
            ask.actor,
        )
        return True

    async def _scanned(self, event: ParcelScanned) -> None:
        """The carrier took the parcel. While something is to be put right, that earns the same grace (R-RET-4)."""
        self._change(returning=replace(self._returning, scanned_at=event.scanned_at))
        parcel = f"{event.carrier} {event.tracking_number}"
        self._note("return_scanned", "The carrier has the customer's parcel.", parcel, event.actor)
        deadline = self._the_claim.deadline
        curing = self._the_claim.state in (ClaimState.AWAITING_CURE, ClaimState.AWAITING_PARTS)
        if curing and deadline and event.scanned_at <= deadline and not self._grace_given:
            self._grace_given = True
            self._change(deadline=await self._deadline(self._policy.transit_grace_days, after=deadline))

    def _arrived(self, event: ParcelArrived) -> None:
        """The parcel is in the house; its arrival, not its inspection, decides what is late (R-RET-3)."""
        self._change(
            returning=replace(self._returning, arrived_at=event.arrived_at),
            state=ClaimState.INSPECTING,
            deadline=None,
            wait_reason="for the inspection",
        )
        self._overdue_at = workflow.now() + timedelta(days=self._policy.inspection_days)
        self._note("parcel_arrived", f"The parcel arrived {utc(event.arrived_at)}.", event.reason or "", event.actor)
        self._mail(MailKind.ARRIVED)

    async def _inspected(self, decision: Inspect) -> Assessment:
        """Judge what was seen. A second box may hold just what was missing: what is right once stays right."""
        claim = self._the_claim
        seen = Inspection(
            at=workflow.now(),
            serial_number=decision.serial_number.strip(),
            genuine=decision.genuine,
            components=decision.components,
            notes=decision.notes,
            photos=decision.photos,
        )
        serial = claim.serial_number if self._unit_accepted else seen.serial_number
        if seen.genuine and compare_serials(claim.serial_number, serial) is SerialMatch.SAME:
            self._unit_accepted = True
            self._received |= set(seen.components)
        everything = tuple(sorted(self._received | set(seen.components)))
        assessment = assess(
            replace(seen, serial_number=serial, components=everything),
            serial_number=claim.serial_number,
            expected=self._returning.expected,
            replacement_serial=claim.replacement_serial_number,
        )
        missing = settlement.missing_parts(self._terms.offer, assessment.missing)
        if assessment.verdict is Verdict.PARTS_MISSING and not settlement.differences(missing, claim.fee.currency):
            assessment = Assessment(Verdict.GOOD)  # edge case 18: nothing to pay, nothing to send
        self._unflag(*_BOX_FLAGS)
        self._change(
            inspection=seen,
            reasons=assessment.reasons,
            missing=missing if assessment.verdict is Verdict.PARTS_MISSING else (),
        )
        told = " ".join([*(reason.message for reason in assessment.reasons), seen.notes]).strip()
        self._note("inspected", _SEEN[assessment.verdict], told, decision.actor)
        if assessment.verdict is Verdict.UNCLEAR:
            self._flag(Attention.SERIAL_UNCLEAR)
            self._change(wait_reason="for a person to read the serial number; the clock is stopped")
        if assessment.verdict is Verdict.MISMATCH and not self._unit_accepted:
            await self._whose_is_it(seen.serial_number)
        return assessment

    async def _whose_is_it(self, serial_number: str) -> None:
        """A unit we know under another case or customer is for a person (edge cases 11, 12)."""
        ask = IdentifySerial(serial_number=serial_number, lineage_id=self._the_claim.lineage_id)
        self._foreign = await self._recorded(Record.identify_serial, ask, f"whose is {serial_number}")
        if not self._foreign.known or self._foreign.same_lineage:
            return
        self._flag(Attention.FOREIGN_SERIAL)
        if self._foreign.open_claim_id:
            self._note(
                "foreign_serial", f"The unit belongs to case {self._foreign.open_claim_id}; move the parcel there."
            )
        else:
            self._note("foreign_serial", "The unit is registered to another device; keep it aside.")

    async def _await_cure(self, state: ClaimState, days: int, kind: MailKind) -> bool:
        """Wait until the later of due and `days` after the first notice (R-INS-4, R-CMP-2). False: that has passed."""
        if state not in self._put_right_until:
            self._put_right_until[state] = await self._deadline(days, not_before=self._returning.due_at)
        until = self._put_right_until[state]
        if days == 0 or workflow.now() > until:
            return False
        # The carrier's scan belonged to the box that has just been dealt with.
        self._change(returning=replace(self._returning, scanned_at=None), state=state, deadline=until)
        self._change(wait_reason=f"for the customer to put it right until {utc(until)}")
        self._mail(kind)
        self._release_kept()
        return True

    def _nothing(self) -> Money:
        return self._the_claim.fee.zero()


_SEEN = {
    Verdict.GOOD: "Inspected: the right unit, complete.",
    Verdict.MISMATCH: "Inspected: not what was expected.",
    Verdict.PARTS_MISSING: "Inspected: parts are missing.",
    Verdict.UNCLEAR: "Inspected: the serial number is unclear.",
}
