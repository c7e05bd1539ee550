"""Domain: may this plan be bought, from when, for how much (R-PUR-3..5)."""

from datetime import datetime

from domain.kinds import DeviceStatus, ReasonCode, TermKind
from domain.reasons import Reason
from domain.standing import Standing


def refusals(kind: TermKind, plan_region: str, standing: Standing, now: datetime) -> list[Reason]:
    """Every reason why a first plan of `kind` cannot be bought at `now` for the device; empty when it can."""
    found = []
    if plan_region != standing.region.code:
        message = f"The device is registered in {standing.region.code}; a plan for {plan_region} cannot be bound to it."
        found.append(Reason(ReasonCode.REGION_MISMATCH, "R-PUR-3", message))
    if standing.status is DeviceStatus.REPLACED:
        message = f"This unit was replaced by {standing.current_serial_number}; cover moved to it."
        found.append(Reason(ReasonCode.DEVICE_REPLACED, "R-CLM-9", message))
    if standing.status is DeviceStatus.LOST:
        message = f"This unit was lost and replaced by {standing.current_serial_number}."
        found.append(Reason(ReasonCode.DEVICE_LOST, "R-FLY-6", message))
    if standing.terms:
        found.append(Reason(ReasonCode.PLAN_EXISTS, "R-PUR-4", "This device already has a plan. It can be renewed."))
    offer = standing.model.offers.get(standing.region.code)
    if offer is None or kind not in offer.prices:
        message = f"The {kind} plan is not sold for the {standing.model.name} in {standing.region.code}."
        found.append(Reason(ReasonCode.TERM_NOT_SOLD, "R-CAT-1", message))
    return found


def starts_at(activated_at: datetime | None, purchased_at: datetime) -> datetime | None:
    """R-PUR-5: at purchase, or at activation of a device not yet activated (None until then)."""
    return None if activated_at is None else max(activated_at, purchased_at)
