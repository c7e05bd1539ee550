"""Workflow part: the end of a repair or maintenance job whose unit was shipped back: repaired, serviced, as it came."""

from domain.inspection import SerialMatch, compare_serials
from domain.kinds import Outcome
from messages.claims import Complete
from messages.mail import MailKind
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.repair_options import RepairOptions
from workflows.parts.replacement import Replacement
from workflows.parts.unit_return import UnitReturn

_CLOSING_NOTICES = {
    Outcome.REPAIRED: MailKind.REPAIRED,
    Outcome.RETURNED_UNREPAIRED: MailKind.RETURNED_UNREPAIRED,
    Outcome.SERVICED: MailKind.SERVICED,
}


class RepairCompletion:
    def __init__(
        self, record: ClaimRecord, options: RepairOptions, replacement: Replacement, unit_return: UnitReturn
    ) -> None:
        self._record = record
        self._options = options
        self._replacement = replacement
        self._unit_return = unit_return

    async def completed(self, decision: Complete) -> None:
        serial = (decision.repaired_serial_number or "").strip()
        if serial and compare_serials(self._record.claim.serial_number, serial) is not SerialMatch.SAME:
            # R-REP-4: a board swap is a new serial number, not a replacement.
            await self._replacement.serial_changed(serial, confirmed=decision.serial_number_confirmed)
            title = f"The repair changed the serial number to {serial}."
            self._record.note("serial_changed", title, actor=decision.actor)
        self._unit_return.shipped_back(decision)
        self._record.close(self._options.return_outcome)
        self._record.notify(_CLOSING_NOTICES[self._options.return_outcome])
