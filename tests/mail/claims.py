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
from messages.mail import MailKind, SendMail
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


def occasions(place: Place) -> list[tuple[str, SendMail]]:
    """Every kind of mail with every kind of claim it is sent for."""
    money, released = place.money, hold(place, HoldState.RELEASED)
    ready = replace(submitted(place, Service.CARE_EXPRESS, Tier.PREMIUM), hold=hold(place))
    extended = premium(place)
    assert extended.returning is not None
    extended = replace(extended, returning=replace(extended.returning, extended_days=5))
    late = arrived(defaulted(place))
    cases: list[tuple[MailKind, str, Claim, Money | None]] = [
        (MailKind.SETTLEMENT, "premium", replace(ready, state=ClaimState.AWAITING_DISPATCH), ready.fee),
        (MailKind.SETTLEMENT, "standard", standard(place), money(159)),
        (MailKind.SETTLEMENT, "flyaway", flyaway(place), money(739)),
        (MailKind.PAYMENT_DECLINED, "hold", closed(replace(ready, hold=None), Outcome.PAYMENT_DECLINED), None),
        (MailKind.PAYMENT_DECLINED, "fee", closed(replace(ready, hold=released), Outcome.PAYMENT_DECLINED), None),
        (
            MailKind.PAYMENT_DECLINED,
            "standard",
            closed(submitted(place, Service.CARE_EXPRESS, Tier.STANDARD), Outcome.PAYMENT_DECLINED),
            None,
        ),
        (
            MailKind.PAYMENT_DECLINED,
            "flyaway",
            flyaway(place, state=ClaimState.AWAITING_PAYMENT, deadline=end_of_day_after(AT, 30, place.zone)),
            money(739),
        ),
        (MailKind.SHIPPED, "premium", premium(place), None),
        (MailKind.REBIND, "premium", premium(place), None),
        (MailKind.REBIND, "flyaway", shipped(flyaway(place)), None),
        (MailKind.DUE_MINUS_3, "premium", premium(place), None),
        (MailKind.DUE_MINUS_1, "premium", premium(place), None),
        (MailKind.DUE_DAY, "premium", premium(place), None),
        (MailKind.EXTENDED, "premium", extended, None),
        (MailKind.IN_TRANSIT, "premium", premium(place), None),
        (MailKind.ARRIVED, "premium", arrived(premium(place)), None),
        (MailKind.ARRIVED, "standard", arrived(standard(place)), None),
        (MailKind.ARRIVED, "after the charge", late, None),
        (MailKind.HOLD_AT_RISK, "premium", premium(place), None),
        (
            MailKind.DEPOSIT_TAKEN,
            "premium",
            premium(place, hold=hold(place, HoldState.CAPTURED, captured=1640)),
            money(1640),
        ),
        (MailKind.INSPECTED_MISMATCH, "premium", mismatched(premium(place), place), None),
        (MailKind.INSPECTED_MISMATCH, "standard", mismatched(standard(place), place), None),
        (
            MailKind.INSPECTED_MISMATCH,
            "after the charge",
            replace(mismatched(late, place), state=ClaimState.DEFAULTED),
            None,
        ),
        (MailKind.INSPECTED_PARTS, "premium", incomplete(premium(place), place), None),
        (MailKind.INSPECTED_PARTS, "standard", incomplete(standard(place), place), None),
        (
            MailKind.RELEASED,
            "good",
            closed(arrived(premium(place, hold=released)), Outcome.HOLD_RELEASED),
            money(1640),
        ),
        (MailKind.RELEASED, "waived", closed(premium(place, hold=released), Outcome.WAIVED), money(1640)),
        (MailKind.CHARGED, "default", defaulted(place), money(1640)),
        (MailKind.CHARGED, "parts", parts_charged(place), money(832)),
        (MailKind.AMOUNT_OWED, "default", defaulted(place, charged=False), money(1640)),
        (
            MailKind.AMOUNT_OWED,
            "parts",
            replace(parts_charged(place), hold=hold(place, HoldState.EXPIRED), amount_owed=money(832)),
            money(832),
        ),
        (MailKind.REFUND, "late", closed(late, Outcome.LATE_RETURN_REFUNDED), money(1640)),
        (
            MailKind.REFUND,
            "late with parts missing",
            closed(replace(late, missing=incomplete(late, place).missing), Outcome.LATE_RETURN_REFUNDED),
            money(808),
        ),
        (MailKind.REFUND, "nothing left", closed(late, Outcome.LATE_RETURN_REFUNDED), money(0)),
        (
            MailKind.REFUND,
            "no longer owed",
            closed(arrived(defaulted(place, charged=False)), Outcome.LATE_RETURN_REFUNDED, amount_owed=money(0)),
            money(1640),
        ),
        (MailKind.REFUND, "waived", closed(defaulted(place), Outcome.WAIVED), money(1640)),
        (MailKind.CANCELLED, "premium", closed(replace(ready, hold=released), Outcome.CANCELLED), money(159)),
        (MailKind.CANCELLED, "standard", closed(standard(place), Outcome.CANCELLED), money(159)),
        (MailKind.CANCELLED, "flyaway", closed(flyaway(place), Outcome.CANCELLED), None),
        (MailKind.CANCELLED, "from the Temporal UI", closed(premium(place, hold=released), Outcome.CANCELLED), None),
        (MailKind.LAPSED, "standard", closed(standard(place), Outcome.LAPSED), money(159)),
        (MailKind.LAPSED, "not put right", closed(mismatched(standard(place), place), Outcome.LAPSED), money(159)),
        (MailKind.LAPSED, "flyaway", closed(flyaway(place), Outcome.LAPSED), None),
        (MailKind.FLYAWAY_APPROVED, "flyaway", flyaway(place), money(739)),
        (MailKind.FLYAWAY_REJECTED, "flyaway", closed(rejected(place), Outcome.REJECTED), None),
        (MailKind.WITHDRAWN, "paid", closed(flyaway(place), Outcome.WITHDRAWN), money(739)),
        (MailKind.WITHDRAWN, "not paid", closed(flyaway(place), Outcome.WITHDRAWN), None),
        (MailKind.REPLACED, "standard", closed(shipped(arrived(standard(place))), Outcome.REPLACED), None),
        (MailKind.REPLACED, "flyaway", closed(shipped(flyaway(place)), Outcome.REPLACED), None),
    ]
    cases += repairs(place)
    return [(f"{kind}, {what}", a_mail(kind, claim, amount)) for kind, what, claim, amount in cases]


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


def repairs(place: Place) -> list[tuple[MailKind, str, Claim, Money | None]]:
    """Every kind of mail that is sent for repairs and maintenance alone, and those they share with other claims."""
    job, check, quote = repair(place), repair(place, Service.MAINTENANCE), quoted(place)
    reminders = [(MailKind(f"repair_reminder_{day}"), "quote", quote, None) for day in (7, 23, 29)]
    swapped = closed(quote, Outcome.REPAIRED, fee=place.money(310), replacement_serial_number="SN-SWAPPED")
    return [
        *reminders,
        (MailKind.REPAIR_LABEL, "repair", job, None),
        (MailKind.REPAIR_LABEL, "maintenance", check, None),
        (MailKind.REPAIR_QUOTE, "every way out", quote, None),
        (MailKind.REPAIR_QUOTE, "paid repair alone", quoted(place, warranty=False, fee=None), None),
        (MailKind.REPAIR_QUOTE, "maintenance", quoted(place, Service.MAINTENANCE), None),
        (MailKind.REPAIRED, "warranty", closed(quote, Outcome.REPAIRED), None),
        (MailKind.REPAIRED, "board swap", swapped, None),
        (MailKind.RETURNED_UNREPAIRED, "chosen", closed(quote, Outcome.RETURNED_UNREPAIRED), None),
        (MailKind.RETURNED_UNREPAIRED, "refund", closed(quote, Outcome.RETURNED_UNREPAIRED), place.money(159)),
        (MailKind.SERVICED, "maintenance", closed(arrived(check), Outcome.SERVICED), None),
        (MailKind.ARRIVED, "repair", arrived(job), None),
        (MailKind.ARRIVED, "maintenance", arrived(check), None),
        (MailKind.INSPECTED_PARTS, "repair", replace(incomplete(quote, place), repair_quote=quote.repair_quote), None),
        (MailKind.REPLACED, "repair", closed(shipped(quote), Outcome.REPLACED, fee=place.money(159)), None),
        (MailKind.LAPSED, "repair", closed(job, Outcome.LAPSED), None),
        (MailKind.LAPSED, "maintenance", closed(check, Outcome.LAPSED), None),
        (MailKind.CANCELLED, "repair", closed(job, Outcome.CANCELLED), None),
        (MailKind.CANCELLED, "maintenance", closed(arrived(check), Outcome.CANCELLED), None),
    ]


def a_mail(kind: MailKind, claim: Claim, amount: Money | None = None, occurrence: int = 1) -> SendMail:
    return SendMail(kind=kind, claim=claim, at=AT, occurrence=occurrence, amount=amount)
