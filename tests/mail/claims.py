"""Claims at the moments at which each kind of mail is sent, as their processes leave them, in three currencies."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from domain.claim import Claim, Hold, Incident, MissingPart
from domain.dates import end_of_day_after, local_day
from domain.kinds import (
    Attention,
    Cause,
    ClaimState,
    Component,
    HoldState,
    Outcome,
    ReasonCode,
    Service,
    Tier,
)
from domain.money import Money
from domain.policy import Policy
from domain.reasons import Reason
from domain.repair import RepairQuote
from domain.returns import window
from domain.settlement import default_reason
from store.reads.mail_recipient import Recipient

AT = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
POLICY = Policy()
EXPECTED = (Component.AIRCRAFT, Component.GIMBAL_CAMERA, Component.PROPELLERS, Component.BATTERY)


@dataclass(frozen=True, slots=True)
class Place:
    """A region to send mails in."""

    code: str
    name: str
    zone: str
    currency: str
    digits: int
    window_days: int

    def money(self, units: int) -> Money:
        """That many whole units of its currency."""
        return Money(units * 10**self.digits, self.currency)

    def recipient(self, **changes: Any) -> Recipient:
        base = Recipient("Ada Moreau", "ada@example.com", "Mavic 3", self.name, self.zone, self.window_days, POLICY)
        return replace(base, **changes)


US = Place("US", "United States", "America/Los_Angeles", "USD", 2, 14)
EU = Place("EU", "European Union", "Europe/Berlin", "EUR", 2, 10)
JP = Place("JP", "Japan", "Asia/Tokyo", "JPY", 0, 10)
PLACES = (US, EU, JP)


def submitted(place: Place, service: Service, tier: Tier | None) -> Claim:
    """A claim that was just agreed."""
    return Claim(
        id="clm_a7k2m4",
        service=service,
        tier=tier,
        state=ClaimState.SUBMITTED,
        serial_number="SN1581F45",
        model="mavic-3",
        region=place.code,
        lineage_id="lin_a",
        opened_at=AT,
        incident=Incident(Cause.FLYAWAY if service is Service.FLYAWAY else Cause.COLLISION, AT - timedelta(days=1)),
        fee=place.money(159 if service is Service.CARE_EXPRESS else 739),
        amount_owed=place.money(0),
        replace_battery=service is Service.CARE_EXPRESS,
    )


def hold(place: Place, state: HoldState = HoldState.AUTHORIZED, captured: int = 0) -> Hold:
    amount = place.money(1640)
    return Hold(amount, state, place.money(captured), place.money(0), AT + timedelta(days=30))


def premium(place: Place, **changes: Any) -> Claim:
    """A Premium claim whose replacement left today."""
    base = replace(
        submitted(place, Service.CARE_EXPRESS, Tier.PREMIUM),
        state=ClaimState.AWAITING_RETURN,
        replacement_serial_number="SN9999NEW",
        dispatched_on=local_day(AT, place.zone),
        hold=hold(place),
        returning=window(AT, place.window_days, place.zone, EXPECTED, POLICY),
    )
    return replace(base, **{"deadline": base.returning.due_at if base.returning else None} | changes)


def standard(place: Place, **changes: Any) -> Claim:
    """A Standard claim that waits for the unit."""
    base = replace(
        submitted(place, Service.CARE_EXPRESS, Tier.STANDARD),
        state=ClaimState.AWAITING_ITEM,
        returning=window(AT, POLICY.standard_item_days, place.zone, EXPECTED, POLICY),
    )
    return replace(base, **{"deadline": base.returning.due_at if base.returning else None} | changes)


def flyaway(place: Place, **changes: Any) -> Claim:
    """A flyaway that staff have to decide on."""
    base = replace(submitted(place, Service.FLYAWAY, None), state=ClaimState.AWAITING_DECISION)
    return replace(base, **changes)


def rejected(place: Place) -> Claim:
    return flyaway(place, reasons=(Reason(ReasonCode.FLYAWAY_REJECTED, "R-FLY-3", "The record shows no flight."),))


def arrived(claim: Claim, **changes: Any) -> Claim:
    assert claim.returning is not None
    returning = replace(claim.returning, arrived_at=AT + timedelta(days=6), scanned_at=AT + timedelta(days=3))
    return replace(claim, returning=returning, state=ClaimState.INSPECTING, deadline=None, **changes)


def mismatched(claim: Claim, place: Place) -> Claim:
    reasons = (
        Reason(ReasonCode.SERIAL_MISMATCH, "R-INS-3", "The serial number received is SN777, not SN1581F45."),
        Reason(ReasonCode.BATTERY_MISSING, "R-INS-3", "The battery was not sent back."),
    )
    deadline = end_of_day_after(AT + timedelta(days=7), POLICY.cure_days, place.zone)
    return replace(arrived(claim), state=ClaimState.AWAITING_CURE, reasons=reasons, deadline=deadline)


def incomplete(claim: Claim, place: Place) -> Claim:
    missing = (
        MissingPart(Component.PROPELLERS, place.money(12)),
        MissingPart(Component.GIMBAL_CAMERA, place.money(820)),
    )
    reason = Reason(ReasonCode.PARTS_MISSING, "R-CMP-1", "Missing from the box: propellers, gimbal camera.")
    deadline = end_of_day_after(AT + timedelta(days=7), POLICY.parts_days, place.zone)
    parts = replace(arrived(claim), state=ClaimState.AWAITING_PARTS, missing=missing, deadline=deadline)
    return replace(parts, reasons=(reason,))


def defaulted(place: Place, *, charged: bool = True) -> Claim:
    """Nothing came back: the hold was charged, or could not be."""
    claim = premium(place)
    assert claim.hold is not None
    assert claim.returning is not None
    ended = hold(place, HoldState.CAPTURED, 1640) if charged else hold(place, HoldState.EXPIRED)
    return replace(
        claim,
        state=ClaimState.DEFAULTED,
        hold=ended,
        reasons=(default_reason(claim.serial_number, claim.returning, claim.hold.amount),),
        deadline=claim.returning.late_until,
        dispute_until=end_of_day_after(AT, 45, place.zone),
        amount_owed=place.money(0 if charged else 1640),
        attention=() if charged else (Attention.AMOUNT_OWED,),
    )


def closed(claim: Claim, outcome: Outcome, **changes: Any) -> Claim:
    return replace(claim, state=ClaimState.CLOSED, outcome=outcome, closed_at=AT, deadline=None, **changes)


def parts_charged(place: Place) -> Claim:
    claim = replace(incomplete(premium(place), place), hold=hold(place, HoldState.CAPTURED, 832))
    return closed(claim, Outcome.PARTS_CHARGED, dispute_until=end_of_day_after(AT, 45, place.zone))


def shipped(claim: Claim) -> Claim:
    return replace(claim, replacement_serial_number="SN9999NEW", dispatched_on=date(2026, 11, 23))


def repair(place: Place, service: Service = Service.ONLINE_REPAIR, **changes: Any) -> Claim:
    """A repair or maintenance job that waits for the unit."""
    base = replace(
        submitted(place, service, None),
        state=ClaimState.AWAITING_ITEM,
        fee=place.money(0),
        replace_battery=False,
        returning=window(AT, POLICY.standard_item_days, place.zone, EXPECTED, POLICY),
    )
    if service is Service.MAINTENANCE:
        base = replace(base, incident=None)
    return replace(base, **changes)


def quoted(
    place: Place, service: Service = Service.ONLINE_REPAIR, *, warranty: bool = True, fee: int | None = 159
) -> Claim:
    """A job whose unit was quoted for today."""
    until = end_of_day_after(AT, POLICY.repair_payment_days, place.zone)
    quote = RepairQuote(
        findings="Gimbal arm <bent>; main board wet.",
        amount=place.money(310),
        warranty=warranty,
        replacement_fee=None if fee is None else place.money(fee),
        quoted_at=AT,
        pay_until=until,
    )
    claim = arrived(repair(place, service))
    return replace(claim, state=ClaimState.AWAITING_CHOICE, repair_quote=quote, deadline=until)
