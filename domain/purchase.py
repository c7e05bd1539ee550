"""Domain: may this plan be bought, from when, and may it be given back (R-PUR-1..5, R-CAN-1)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.coverage import Term, UseEntry
from domain.dates import end_of_day_after, local_text, whole_second
from domain.kinds import DeviceStatus, ReasonCode, TermKind, UseKind
from domain.reasons import Reason
from domain.standing import Standing

VERIFIED_FOR = timedelta(hours=72)
REFUND_DAYS = 14


def refusals(kind: TermKind, plan_region: str, standing: Standing, now: datetime) -> list[Reason]:
    """Every reason why a first plan of `kind` cannot be bought at `now` for the device; empty when it can."""
    found = [*_window_refusals(standing, now)]
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
    """R-PUR-5: at purchase, or at activation of a device not yet activated (None until then).

    The whole second belongs to the cover: instants are told in seconds, and a claim right after the purchase counts.
    """
    return None if activated_at is None else whole_second(max(activated_at, purchased_at))


def verified_until(verified_at: datetime) -> datetime:
    """The last second in which an approved verification lets a plan be bought (R-PUR-2)."""
    return whole_second(verified_at) + VERIFIED_FOR


def refund_refusals(
    term: Term, purchased_at: datetime, uses: Iterable[UseEntry], open_claim_id: str | None, zone: str, now: datetime
) -> list[Reason]:
    """Why the price of `term` is not given back at `now` (R-CAN-1, edge case 51): 14 days, and nothing used or open."""
    found = []
    last = end_of_day_after(purchased_at, REFUND_DAYS, zone)
    if whole_second(now) > last:
        message = f"A plan can be given back within {REFUND_DAYS} days; that was until {local_text(last, zone)}."
        found.append(Reason(ReasonCode.REFUND_WINDOW_CLOSED, "R-CAN-1", message))
    drawn = {use.claim_id for use in uses if use.term_id == term.id and use.kind is UseKind.CONSUMED}
    if drawn:
        found.append(Reason(ReasonCode.PLAN_USED, "R-CAN-1", "A replacement of this plan has been used."))
    elif open_claim_id is not None:
        message = f"Case {open_claim_id} draws on this plan; it must be closed first."
        found.append(Reason(ReasonCode.CLAIM_ALREADY_OPEN, "R-CAN-1", message))
    return found


def _window_refusals(standing: Standing, now: datetime) -> Iterable[Reason]:
    """R-PUR-1, R-PUR-2: unactivated, or activated not too long ago, or verified within 72 hours. Ends included."""
    activated = standing.activated_at
    if activated is None:
        return
    hours = standing.region.purchase_hours[standing.model.category]
    if whole_second(now) <= whole_second(activated) + timedelta(hours=hours):
        return
    if standing.verified_at is not None:
        if whole_second(now) <= verified_until(standing.verified_at):
            return
        day = local_text(standing.verified_at, standing.region.time_zone)
        message = f"The approval of {day} has lapsed. Ask for a new verification."
        yield Reason(ReasonCode.VERIFICATION_LAPSED, "R-PUR-2", message)
        return
    message = (
        f"This device was activated {_spoken(now - activated)} ago; plans can be added within "
        f"{_spoken(timedelta(hours=hours))}. Ask for video verification to continue."
    )
    yield Reason(ReasonCode.PURCHASE_WINDOW_CLOSED, "R-PUR-1", message)


def _spoken(span: timedelta) -> str:
    hours = int(span.total_seconds() // 3600)
    return f"{hours} hours" if hours < 24 * 5 else f"{hours // 24} days"
