"""Domain: the complimentary maintenance of the first year (R-MNT)."""

from datetime import date, datetime

from domain.dates import add_months, end_of_day, local_day, whole_second
from domain.device_snapshot import DeviceSnapshot
from domain.kinds import DeviceStatus, ReasonCode
from domain.reasons import Reason

FIRST_YEAR_MONTHS = 12


def first_year_end(snapshot: DeviceSnapshot) -> date | None:
    """The last day of the first 12 months of the plan (decision 9); None without a plan that has begun."""
    begun = [term.starts_at for term in snapshot.terms if term.starts_at is not None]
    if not begun:
        return None
    return add_months(local_day(min(begun), snapshot.region.time_zone), FIRST_YEAR_MONTHS)


def issue_refusals(snapshot: DeviceSnapshot, now: datetime) -> list[Reason]:
    """Every reason why no maintenance code is issued at `now`; empty when one is (R-MNT-1)."""
    found = []
    if snapshot.status is DeviceStatus.LOST:
        message = f"This unit was lost and replaced by {snapshot.current_serial_number}; ask for that one."
        found.append(Reason(ReasonCode.DEVICE_LOST, "R-FLY-6", message))
    if snapshot.status is DeviceStatus.REPLACED:
        message = f"This unit was replaced by {snapshot.current_serial_number}; ask for that one."
        found.append(Reason(ReasonCode.DEVICE_REPLACED, "R-CLM-9", message))
    if not snapshot.model.maintenance:
        message = f"{snapshot.model.name} has no complimentary maintenance."
        found.append(Reason(ReasonCode.MAINTENANCE_NOT_OFFERED, "R-MNT-1", message))
    last_day = first_year_end(snapshot)
    if last_day is None:
        found.append(Reason(ReasonCode.NO_PLAN, "R-MNT-1", "There is no running plan for this device."))
    elif whole_second(now) > end_of_day(last_day, snapshot.region.time_zone):
        found.append(Reason(ReasonCode.MAINTENANCE_PERIOD_OVER, "R-MNT-1", f"The first year ended on {last_day}."))
    code = snapshot.maintenance_code
    if code is not None:
        message = f"The code was issued on {code.issued_on}."
        found.append(Reason(ReasonCode.MAINTENANCE_CODE_ISSUED, "R-MNT-1", message))
    return found


def redemption_refusal(snapshot: DeviceSnapshot, given: str, now: datetime) -> Reason | None:
    """Why `given` does not start a maintenance job, None when it does: one code, one device, one use (R-MNT-2)."""
    code = snapshot.maintenance_code
    if code is None or code.code != given.strip().upper():
        message = "This maintenance code was not issued for this device."
    elif code.claim_id is not None:
        message = f"This maintenance code was used for case {code.claim_id}."
    elif whole_second(now) > end_of_day(code.expires_on, snapshot.region.time_zone):
        message = f"This maintenance code was valid until {code.expires_on}."
    else:
        return None
    return Reason(ReasonCode.MAINTENANCE_CODE_INVALID, "R-MNT-2", message)
