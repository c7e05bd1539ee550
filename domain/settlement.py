"""Domain: the amounts charged or refunded when a claim ends (R-RET-6, R-RET-10, R-CMP-2)."""

from collections.abc import Iterable

from domain.catalogue import Offer, difference_for
from domain.claim import MissingPart, Return
from domain.kinds import Component, ReasonCode
from domain.money import Money, total
from domain.reasons import Reason


def missing_parts(offer: Offer, components: Iterable[Component]) -> tuple[MissingPart, ...]:
    """Each missing component with its price difference (R-CMP-1)."""
    return tuple(MissingPart(c, difference_for(offer, c)) for c in components)


def differences(missing: Iterable[MissingPart], currency: str) -> Money:
    """The sum of the price differences."""
    return total([part.difference for part in missing], currency)


def parts_capture(missing: Iterable[MissingPart], hold: Money) -> Money:
    """The capture when parts were neither sent nor paid: the differences, at most the hold (R-CMP-2, edge case 19)."""
    return differences(missing, hold.currency).least(hold)


def late_refund(captured: Money, *, in_time: bool, late_fee: Money, missing: Iterable[MissingPart]) -> Money:
    """The refund of a return after the default charge (R-RET-10, edge cases 5, 8, 9); never below zero.

    A return that turns out to have been in time costs no late fee.
    """
    kept = differences(missing, captured.currency)
    if not in_time:
        kept += late_fee
    return captured - kept.least(captured)


def default_reason(
    serial_number: str, returning: Return, hold: Money, late_fee: Money | None = None, *, charged: bool = True
) -> Reason:
    """Why the default was charged when nothing came back, in R-RET-6's words; dates in the claim's zone (edge 1).

    When it could not be `charged` it is owed (R-RET-9).
    """
    less = f" less {late_fee}" if late_fee else ""
    what = "As agreed, {} was charged." if charged else "{} could not be charged and is owed."
    then = "you get it back" if charged else "you no longer owe it"
    message = (
        f"We did not receive {serial_number} by {returning.due_text}. {what.format(hold)} "
        f"If it reaches us by {returning.late_text} {then}{less}."
    )
    return Reason(ReasonCode.NOT_RECEIVED, "R-RET-6", message)
