"""Activities: the mapping of Stripe's objects to ours. Sends nothing, decides nothing.

Some servers with Stripe's API leave fields out; a missing field is read as absent, never guessed.
"""

from datetime import UTC, datetime
from typing import Final, Literal

import stripe

from activities.payments.gateway import Payment
from activities.payments.stripe.money import from_stripe
from domain.eligibility import Card
from domain.money import Money

SUBJECT: Final = "claim_id"
REFERENCE: Final = "reference"
CAPTURE: Final = "capture"
"""Keys of our metadata: the claim or purchase, the key that made the payment, the key that captured it."""

EXPANDED: Final = ["latest_charge.refunds"]
_REFUNDED: Final = frozenset({"succeeded", "pending", "requires_action"})


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
        refunded=_refunded(intent, amount, captured) if status == "captured" else amount.zero(),
        capture_before=_capture_before(intent) if hold else None,
        subject=metadata_value(intent, SUBJECT),
        reference=metadata_value(intent, REFERENCE),
    )


def status_of(intent: stripe.PaymentIntent) -> Literal["authorized", "captured", "released", "expired"] | None:
    """The status of the payment. Stripe cancels an expired hold with the reason `automatic`."""
    match intent.status:
        case "requires_capture":
            return "authorized"
        case "succeeded":
            return "captured"
        case "canceled" if _was_held(intent):
            return "expired" if intent.cancellation_reason in ("automatic", "expired") else "released"
        case _:
            return None


def metadata_value(of: stripe.PaymentIntent | stripe.Refund, name: str) -> str:
    """Our metadata under `name`; empty when there is none."""
    metadata = of.metadata
    return str(metadata[name]) if metadata is not None and name in metadata else ""


def refunds_of(intent: stripe.PaymentIntent) -> "stripe.ListObject[stripe.Refund] | None":
    """The expanded refunds of the intent; None when it has no charge."""
    charge = getattr(intent, "latest_charge", None)
    refunds = getattr(charge, "refunds", None)
    return refunds if isinstance(refunds, stripe.ListObject) else None


def card_of(method: stripe.PaymentMethod) -> Card | None:
    """Network and funding of a card; None for another payment method."""
    card = getattr(method, "card", None)
    return None if card is None else Card(card.brand, card.funding)


def _was_held(intent: stripe.PaymentIntent) -> bool:
    """Whether a cancelled intent was a hold: it has a charge that succeeded."""
    charge = getattr(intent, "latest_charge", None)
    if isinstance(charge, stripe.Charge):
        return charge.status == "succeeded"
    # A server that shows no charge cancels holds only.
    return charge is not None or not hasattr(intent, "latest_charge")


def _refunded(intent: stripe.PaymentIntent, amount: Money, captured: Money) -> Money:
    """The sum refunded of what was captured.

    The rest of a hold, released by a partial capture, can be among the refunds too; it was never captured.
    """
    refunds = refunds_of(intent)
    refunded = [each for each in (refunds.data if refunds else []) if each.status in _REFUNDED]
    released = amount - captured
    for each in reversed(refunded):
        if released and not metadata_value(each, REFERENCE) and from_stripe(each.amount, each.currency) == released:
            refunded.remove(each)
            break
    return from_stripe(sum(each.amount for each in refunded), intent.currency)


def _capture_before(intent: stripe.PaymentIntent) -> datetime | None:
    """Until when the hold can be captured, as Stripe reports it; never computed from a table."""
    charge = getattr(intent, "latest_charge", None)
    card = getattr(getattr(charge, "payment_method_details", None), "card", None)
    until = getattr(card, "capture_before", None)
    return None if until is None else datetime.fromtimestamp(until, UTC)
