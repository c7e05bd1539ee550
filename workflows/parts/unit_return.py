"""Workflow part: the shipment of a repaired or serviced unit back to the customer."""

from temporalio import workflow

from domain.claim import Parcel
from domain.inspection import SerialMatch, compare_serials
from domain.kinds import Outcome
from messages.claims import Complete, ShipTo
from messages.jobs import RequestReturn, Workshop
from messages.mail import MailKind
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.repair_options import RepairOptions
from workflows.parts.replacement import Replacement

_CLOSING_NOTICES = {
    Outcome.REPAIRED: MailKind.REPAIRED,
    Outcome.RETURNED_UNREPAIRED: MailKind.RETURNED_UNREPAIRED,
    Outcome.SERVICED: MailKind.SERVICED,
}


class UnitReturn:
    """`address` is the address it is shipped to."""

    def __init__(
        self,
        record: ClaimRecord,
        calls: ActivityCalls,
        options: RepairOptions,
        replacement: Replacement,
        address: ShipTo,
    ) -> None:
        self._record = record
        self._calls = calls
        self._options = options
        self._replacement = replacement
        self._address = address

    async def request(self) -> None:
        request = RequestReturn(claim_id=self._record.claim.id, ship_to=self._address, at=workflow.now())
        result = await self._calls.external(Workshop.request_return, request, "ask the workshop to ship the unit back")
        self._record.note("return_requested", "The workshop was asked to ship the unit back.", result.reference)

    async def completed(self, decision: Complete) -> None:
        serial = (decision.repaired_serial_number or "").strip()
        if serial and compare_serials(self._record.claim.serial_number, serial) is not SerialMatch.SAME:
            # R-REP-4: a board swap is a new serial number, not a replacement.
            await self._replacement.serial_changed(serial, confirmed=decision.serial_number_confirmed)
            title = f"The repair changed the serial number to {serial}."
            self._record.note("serial_changed", title, actor=decision.actor)
        self._record.change(shipment=Parcel(None, decision.tracking_number))
        self._record.note("shipped_back", "The unit was shipped back.", decision.tracking_number or "", decision.actor)
        self._record.close(self._options.return_outcome)
        self._record.notify(_CLOSING_NOTICES[self._options.return_outcome])
