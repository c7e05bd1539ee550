"""Domain: purchase and refund of a plan: eligibility and start of cover (R-PUR-1..6, R-FLY-8, R-CAN-1)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from domain.coverage import Term, renewable_until, tally
from domain.dates import end_of_day_after, local_day, local_text, start_of_day, whole_second
from domain.device_snapshot import DeviceSnapshot, MaintenanceCode
from domain.kinds import DeviceStatus, ReasonCode, TermKind, UseKind
from domain.reasons import Reason

VERIFIED_FOR = timedelta(hours=72)
REFUND_DAYS = 14
_HOURS_BELOW = timedelta(days=5)
"""Shorter durations are shown in hours."""


def refusals(kind: TermKind, plan_region: str, snapshot: DeviceSnapshot, now: datetime) -> list[Reason]:
    """Every reason why a first plan of `kind` cannot be bought at `now` for the device; empty when it can."""
    found = [*_window_refusals(snapshot, now)]
    if plan_region != snapshot.region.code:
        message = f"The device is registered in {snapshot.region.code}; a plan for {plan_region} cannot be bound to it."
        found.append(Reason(ReasonCode.REGION_MISMATCH, "R-PUR-3", message))
    if snapshot.status is DeviceStatus.REPLACED:
        message = f"This unit was replaced by {snapshot.current_serial_number}; cover moved to it."
        found.append(Reason(ReasonCode.DEVICE_REPLACED, "R-CLM-9", message))
    if snapshot.status is DeviceStatus.LOST:
        message = f"This unit was lost and replaced by {snapshot.current_serial_number}."
        found.append(Reason(ReasonCode.DEVICE_LOST, "R-FLY-6", message))
    if snapshot.terms:
        message = f"This device already has a plan.{_renewal_hint(snapshot, now)}"
        found.append(Reason(ReasonCode.PLAN_EXISTS, "R-PUR-4", message))
    offer = snapshot.model.offers.get(snapshot.region.code)
    if offer is None or kind not in offer.prices:
        message = f"The {kind} plan is not sold for the {snapshot.model.name} in {snapshot.region.code}."
        found.append(Reason(ReasonCode.TERM_NOT_SOLD, "R-CAT-1", message))
    return found


def starts_at(activated_at: datetime | None, purchased_at: datetime) -> datetime | None:
    """R-PUR-5: at purchase, or at activation of a device not yet activated (None until then).

    The whole second is covered: times are stored in seconds, and a claim right after the purchase must be covered.
    """
    return None if activated_at is None else whole_second(max(activated_at, purchased_at))


def question_by_activation(
    snapshot: DeviceSnapshot, activated_at: datetime, purchased_at: datetime
) -> ReasonCode | None:
    """R-PUR-6: the purchase judged again by an activation that is told after it; None when it stands.

    A plan bought for a device that was not activated was judged by that alone. Had the activation been known, the
    window of R-PUR-1 or an approval of that time (R-PUR-2) would have decided: now staff do, and until then the plan
    covers nothing.
    """
    verified = snapshot.verified_at if snapshot.verified_at and snapshot.verified_at <= purchased_at else None
    then = replace(snapshot, activated_at=activated_at, verified_at=verified)
    return ReasonCode.ACTIVATION_BEFORE_WINDOW if any(_window_refusals(then, purchased_at)) else None


def question_text(question: ReasonCode) -> Reason:
    """R-PUR-6: why a plan covers nothing until staff have decided."""
    return Reason(
        question,
        "R-PUR-6",
        "The plan was bought for a device that was said not to be activated, and the activation that was told later "
        "lies too long before the purchase. Staff decide whether the plan counts; until then it covers nothing.",
    )


def bindings_from(purchased_at: datetime, zone: str) -> datetime:
    """R-FLY-8: the remote controller is bound after buying: on the day of the purchase, or later."""
    return start_of_day(local_day(purchased_at, zone), zone)


def code_of(snapshot: DeviceSnapshot, term: Term) -> MaintenanceCode | None:
    """The maintenance code that was issued because of `term`, the first of the lineage (R-MNT-1)."""
    return snapshot.maintenance_code if [t.id for t in snapshot.terms] == [term.id] else None


def verified_until(verified_at: datetime) -> datetime:
    """The last second in which an approved verification lets a plan be bought (R-PUR-2)."""
    return whole_second(verified_at) + VERIFIED_FOR


def refund_refusals(snapshot: DeviceSnapshot, term: Term, purchased_at: datetime, now: datetime) -> list[Reason]:
    """Why the price of `term` is not refunded at `now` (R-CAN-1, edge case 51): 14 days, and nothing used or open.

    What was judged by the plan goes first: a term that renews it (R-REN-1). A maintenance that came with it is a use.
    """
    zone = snapshot.region.time_zone
    found = []
    last = end_of_day_after(purchased_at, REFUND_DAYS, zone)
    if whole_second(now) > last:
        message = f"A plan can be given back within {REFUND_DAYS} days; that was until {local_text(last, zone)}."
        found.append(Reason(ReasonCode.REFUND_WINDOW_CLOSED, "R-CAN-1", message))
    renewal = next((t for t in snapshot.terms if t.starts_at and term.starts_at and t.starts_at > term.starts_at), None)
    if renewal is not None and renewal.starts_at is not None:
        message = f"Its renewal begins on {local_day(renewal.starts_at, zone)}; give that one back first."
        found.append(Reason(ReasonCode.RENEWAL_PENDING, "R-CAN-1", message))
    entries = [use for use in snapshot.uses if use.term_id == term.id]
    if tally(term, entries)[0].used:
        found.append(Reason(ReasonCode.PLAN_USED, "R-CAN-1", "A replacement of this plan has been used."))
        return found
    code = code_of(snapshot, term)
    if code is not None and code.claim_id is not None:
        message = f"The maintenance of this plan has been used, in case {code.claim_id}."
        found.append(Reason(ReasonCode.PLAN_USED, "R-CAN-1", message))
    drawing = {use.claim_id for use in entries if use.kind is UseKind.RESERVED}
    drawing -= {use.claim_id for use in entries if use.kind in (UseKind.GIVEN_BACK, UseKind.UNDONE)}
    open_case = snapshot.open_claim_id or min(drawing, default=None)
    if open_case is not None:
        message = f"Case {open_case} for this device is still open; it must be closed first."
        found.append(Reason(ReasonCode.CLAIM_ALREADY_OPEN, "R-CAN-1", message))
    return found


def _window_refusals(snapshot: DeviceSnapshot, now: datetime) -> Iterable[Reason]:
    """R-PUR-1, R-PUR-2: unactivated, or activated not too long ago, or verified within 72 hours. Ends included."""
    activated = snapshot.activated_at
    if activated is None:
        return
    hours = snapshot.region.purchase_hours[snapshot.model.category]
    if whole_second(now) <= whole_second(activated) + timedelta(hours=hours):
        return
    if snapshot.verified_at is not None:
        if whole_second(now) <= verified_until(snapshot.verified_at):
            return
        day = local_text(snapshot.verified_at, snapshot.region.time_zone)
        message = f"The approval of {day} has lapsed. Ask for a new verification."
        yield Reason(ReasonCode.VERIFICATION_LAPSED, "R-PUR-2", message)
        return
    message = (
        f"This device was activated {_age(now - activated)} ago; plans can be added within "
        f"{_duration_text(timedelta(hours=hours))}. Ask for video verification to continue."
    )
    yield Reason(ReasonCode.PURCHASE_WINDOW_CLOSED, "R-PUR-1", message)


def _renewal_hint(snapshot: DeviceSnapshot, now: datetime) -> str:
    """The hint at a renewal for R-PUR-4, empty when none is possible (R-REN-1, R-REN-2)."""
    until = renewable_until(snapshot.terms, snapshot.region.time_zone)
    over = until is not None and whole_second(now) > until
    full = until is None and any(term.ends_on is not None for term in snapshot.terms)
    return "" if over or full else " It can be renewed."


def _age(span: timedelta) -> str:
    """`span` in whole hours or days. Just past a window, "48 hours" against "within 48 hours" would read as a fault."""
    rest = span % (timedelta(hours=1) if span < _HOURS_BELOW else timedelta(days=1))
    return f"more than {_duration_text(span)}" if rest else _duration_text(span)


def _duration_text(span: timedelta) -> str:
    if span < _HOURS_BELOW:
        return f"{span // timedelta(hours=1)} hours"
    return f"{span.days} days"
