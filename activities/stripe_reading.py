"""Activities: how a payment intent of Stripe's is read. Asks nothing, decides nothing.

Some servers that speak Stripe's language leave fields out; what is not said is read as nothing rather than guessed.
"""

from datetime import UTC, datetime
from typing import Final, Literal

import stripe

from activities.gateway import Payment
from activities.stripe_money import from_stripe
from domain.eligibility import Card
from domain.money import Money

SUBJECT: Final = "claim_id"
REFERENCE: Final = "reference"
CAPTURE: Final = "capture"
"""Metadata of ours: the claim or purchase, the key that made the payment, the key that captured it."""

EXPANDED: Final = ["latest_charge.refunds"]
_GIVEN_BACK: Final = frozenset({"succeeded", "pending", "requires_action"})


def payment_of(intent: stripe.PaymentIntent) -> Payment | None:
    """The hold or charge an intent is; None for one that never held anything: declined, abandoned, not confirmed."""
    status = status_of(intent)
    if status is None:
        return None
    amount = from_stripe(intent.amount, intent.currency)
    captured = from_stripe(intent.amount_received, intent.currency) if status == "captured" else amount.zero()
    hold = intent.capture_method == "manual"
    return Payment(
        id=intent.id,
        kind="hold" if hold else "charge",
        status=status,
        amount=amount,
        captured=captured,
        refunded=_given_back(intent, amount, captured) if status == "captured" else amount.zero(),
        capture_before=_capture_before(intent) if hold else None,
        subject=noted(intent, SUBJECT),
        reference=noted(intent, REFERENCE),
    )


def status_of(intent: stripe.PaymentIntent) -> Literal["authorized", "captured", "released", "expired"] | None:
    """`automatic` is Stripe's word for a hold it let go because its time was over."""
    match intent.status:
        case "requires_capture":
            return "authorized"
        case "succeeded":
            return "captured"
        case "canceled" if _was_held(intent):
            return "expired" if intent.cancellation_reason in ("automatic", "expired") else "released"
        case _:
            return None


def noted(thing: stripe.PaymentIntent | stripe.Refund, name: str) -> str:
    """What we noted on it under `name`; empty when nothing."""
    notes = thing.metadata
    return str(notes[name]) if notes is not None and name in notes else ""


def refunds_of(intent: stripe.PaymentIntent) -> "stripe.ListObject[stripe.Refund] | None":
    """The refunds that came along with the intent; None when no charge did."""
    charge = getattr(intent, "latest_charge", None)
    refunds = getattr(charge, "refunds", None)
    return refunds if isinstance(refunds, stripe.ListObject) else None


def card_of(method: stripe.PaymentMethod) -> Card | None:
    """Network and funding of a card; None for what is no card."""
    card = getattr(method, "card", None)
    return None if card is None else Card(card.brand, card.funding)


def _was_held(intent: stripe.PaymentIntent) -> bool:
    """A cancelled intent held something once if it has a charge that went through."""
    charge = getattr(intent, "latest_charge", None)
    if isinstance(charge, stripe.Charge):
        return charge.status == "succeeded"
    # A server that shows no charge: it cannot cancel what it did not hold.
    return charge is not None or not hasattr(intent, "latest_charge")


def _given_back(intent: stripe.PaymentIntent, amount: Money, captured: Money) -> Money:
    """What went back of what was captured.

    The part of a hold that is let go at a partial capture can stand among the refunds too; it never was ours.
    """
    refunds = refunds_of(intent)
    given = [each for each in (refunds.data if refunds else []) if each.status in _GIVEN_BACK]
    let_go = amount - captured
    for each in reversed(given):
        if let_go and not noted(each, REFERENCE) and from_stripe(each.amount, each.currency) == let_go:
            given.remove(each)
            break
    return from_stripe(sum(each.amount for each in given), intent.currency)


def _capture_before(intent: stripe.PaymentIntent) -> datetime | None:
    """Until when the hold can be captured, as Stripe says it; never reckoned from a table."""
    charge = getattr(intent, "latest_charge", None)
    card = getattr(getattr(charge, "payment_method_details", None), "card", None)
    until = getattr(card, "capture_before", None)
    return None if until is None else datetime.fromtimestamp(until, UTC)
