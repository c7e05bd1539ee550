"""Domain: a customer who moved: staff move a device with its cover to another region (R-XFR-3)."""

from domain.catalogue import Region
from domain.device_snapshot import DeviceSnapshot
from domain.kinds import DeviceStatus, ReasonCode
from domain.reasons import Reason


def move_refusals(snapshot: DeviceSnapshot, to: Region) -> list[Reason]:
    """Every reason why the device cannot be moved to the region `to`; empty when it can (R-XFR-3).

    A claim keeps the region that it was made in, so none may be open, and what is owed of one is paid first. A plan
    without dates is judged by the region that it was bought in, so it must have begun. The model must be offered in
    `to`, because fees and holds of later claims are those of the offer there.
    """
    found = []
    if snapshot.status is not DeviceStatus.CURRENT:
        message = f"{snapshot.serial_number} was {snapshot.status}; {snapshot.current_serial_number} took its place."
        found.append(Reason(ReasonCode.DEVICE_REPLACED, "R-CLM-9", message))
    if snapshot.open_claim_id is not None:
        message = f"Case {snapshot.open_claim_id} is open; it must be closed before the region changes."
        found.append(Reason(ReasonCode.CLAIM_ALREADY_OPEN, "R-XFR-3", message))
    if snapshot.amount_owed:
        message = f"{snapshot.amount_owed} of an earlier case is still owed. It must be paid or waived first."
        found.append(Reason(ReasonCode.AMOUNT_OWED, "R-XFR-3", message))
    if any(term.starts_at is None for term in snapshot.terms):
        message = "A plan has not begun yet; the device must be activated, and a plan in question decided, first."
        found.append(Reason(ReasonCode.NO_PLAN, "R-XFR-3", message))
    if to.code not in snapshot.model.offers:
        message = f"The {snapshot.model.name} is not offered in {to.name}, so no claim could be made there."
        found.append(Reason(ReasonCode.REGION_MISMATCH, "R-XFR-3", message))
    return found
