"""Every kind of mail with every kind of claim it is sent for."""

from dataclasses import replace

from domain.claim import Claim
from domain.dates import end_of_day_after
from domain.kinds import (
    Attention,
    ClaimState,
    HoldState,
    Outcome,
    Service,
    Tier,
)
from domain.money import Money
from messages.mail import MailKind, SendMail
from tests.mail.claims import (
    AT,
    Place,
    arrived,
    closed,
    defaulted,
    flyaway,
    hold,
    incomplete,
    mismatched,
    parts_charged,
    premium,
    quoted,
    rejected,
    repair,
    shipped,
    standard,
    submitted,
)


def occasions(place: Place) -> list[tuple[str, SendMail]]:
    """Every kind of mail with every kind of claim it is sent for."""
    money, released = place.money, hold(place, HoldState.RELEASED)
    ready = replace(submitted(place, Service.CARE_EXPRESS, Tier.PREMIUM), hold=hold(place))
    extended = premium(place)
    assert extended.returning is not None
    extended = replace(extended, returning=replace(extended.returning, extended_days=5))
    late = arrived(defaulted(place))
    again = premium(place, state=ClaimState.AWAITING_DISPATCH, deadline=None)
    cases: list[tuple[MailKind, str, Claim, Money | None]] = [
        (MailKind.SETTLEMENT, "premium", replace(ready, state=ClaimState.AWAITING_DISPATCH), ready.fee),
        (MailKind.SETTLEMENT, "standard", standard(place), money(159)),
        (MailKind.SETTLEMENT, "flyaway", flyaway(place), money(739)),
        (
            MailKind.PAYMENT_DECLINED,
            "mistake",
            replace(closed(ready, Outcome.PAYMENT_DECLINED), attention=(Attention.PAYMENT_MISCONFIGURED,)),
            None,
        ),
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
            flyaway(place, state=ClaimState.AWAITING_PAYMENT, deadline=end_of_day_after(AT, 14, place.zone)),
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
        (MailKind.HOLD_AT_RISK, "before the dispatch", replace(ready, state=ClaimState.AWAITING_DISPATCH), None),
        (MailKind.DISPATCH_DELAYED, "premium", replace(ready, state=ClaimState.AWAITING_DISPATCH), None),
        (
            MailKind.DISPATCH_DELAYED,
            "standard",
            replace(arrived(standard(place)), state=ClaimState.AWAITING_DISPATCH),
            None,
        ),
        (MailKind.DISPATCH_DELAYED, "flyaway", flyaway(place, state=ClaimState.AWAITING_DISPATCH), None),
        (MailKind.SHIPS_AGAIN, "premium", again, None),
        (
            MailKind.SHIPS_AGAIN,
            "after the charge",
            replace(defaulted(place), state=ClaimState.AWAITING_DISPATCH, deadline=None, reasons=()),
            None,
        ),
        (MailKind.DISPATCH_DELAYED, "ships again", again, None),
        (MailKind.SHIPPED, "after the charge", defaulted(place), None),
        (
            MailKind.CARD_NEEDED,
            "ships again",
            _without_hold(again, place),
            None,
        ),
        (
            MailKind.CARD_NEEDED,
            "premium",
            _without_hold(ready, place),
            None,
        ),
        (
            MailKind.DEPOSIT_TAKEN,
            "premium",
            premium(place, hold=hold(place, HoldState.CAPTURED, captured=1640)),
            money(1640),
        ),
        (MailKind.INSPECTED_MISMATCH, "premium", mismatched(premium(place), place), None),
        (
            MailKind.INSPECTED_MISMATCH,
            "the new unit",
            replace(mismatched(premium(place), place), attention=(Attention.REPLACEMENT_RETURNED,)),
            None,
        ),
        (
            MailKind.INSPECTED_MISMATCH,
            "the new unit, without a deadline",
            replace(mismatched(premium(place), place), attention=(Attention.REPLACEMENT_RETURNED,), deadline=None),
            None,
        ),
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
        (
            MailKind.CANCELLED,
            "the original is kept",
            closed(replace(premium(place, hold=released), replacement_undone=True), Outcome.CANCELLED),
            None,
        ),
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


def _without_hold(claim: Claim, place: Place) -> Claim:
    """The claim whose hold has ended before the unit left: another card is asked for."""
    return replace(
        claim,
        hold=hold(place, HoldState.EXPIRED),
        state=ClaimState.AWAITING_PAYMENT,
        deadline=end_of_day_after(AT, 14, place.zone),
    )


def repairs(place: Place) -> list[tuple[MailKind, str, Claim, Money | None]]:
    """Every kind of mail that is sent for repairs and maintenance alone, and those they share with other claims."""
    job, check, quote = repair(place), repair(place, Service.MAINTENANCE), quoted(place)
    made = quote.repair_quote
    assert made is not None
    reminders = [(MailKind(f"repair_reminder_{day}"), "quote", quote, None) for day in (7, 23, 29)]
    swapped = closed(quote, Outcome.REPAIRED, fee=place.money(310), replacement_serial_number="SN-SWAPPED")
    return [
        *reminders,
        (MailKind.REPAIR_LABEL, "repair", job, None),
        (MailKind.REPAIR_LABEL, "maintenance", check, None),
        (MailKind.REPAIR_QUOTE, "every option", quote, None),
        (MailKind.REPAIR_QUOTE, "paid repair alone", quoted(place, warranty=False, fee=None), None),
        (MailKind.REPAIR_QUOTE, "maintenance", quoted(place, Service.MAINTENANCE), None),
        (MailKind.REPAIR_QUOTE, "revised", replace(quote, repair_quote=replace(made, version=2)), None),
        (MailKind.REPAIR_QUOTE_WITHDRAWN, "repair", replace(quote, repair_quote=None), None),
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
