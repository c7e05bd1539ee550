"""Domain: the actions a claim allows now: one predicate for the page, the Temporal update and the 409 response."""

from datetime import datetime
from typing import Final

from domain.claim import Claim, Return
from domain.dates import utc_text, whole_second
from domain.kinds import Action, Attention, ClaimState, HoldState, Outcome, PartsChoice, RepairChoice, Service, Tier
from domain.policy import Policy
from domain.reasons import RuleError

HOLD_NOT_LIVE: Final = "hold_not_live"
"""The code of a dispatch that is refused because nothing secures it."""
TOO_LATE: Final = ("R-EXP-9", "The replacement is leaving the warehouse and can no longer be stopped.")
"""Why a claim cannot be cancelled once the warehouse has said so: the rule and the message."""
ADDRESS_TOO_LATE: Final = ("R-CLM-12", "It is leaving already, so its address can no longer be changed.")
"""Why an address cannot be corrected once the unit has left: the rule and the message."""
_PREMIUM: dict[ClaimState, tuple[Action, ...]] = {
    ClaimState.AWAITING_PAYMENT: (Action.PAYMENT_METHOD, Action.CANCEL, Action.SHIP_TO),
    ClaimState.AWAITING_DISPATCH: (Action.DISPATCH, Action.CANCEL, Action.SHIP_TO),
    ClaimState.AWAITING_RETURN: (Action.RETURN_SCAN, Action.ARRIVAL, Action.EXTENSION, Action.WAIVER),
    ClaimState.INSPECTING: (Action.INSPECTION, Action.WAIVER),
    ClaimState.AWAITING_CURE: (Action.RETURN_SCAN, Action.ARRIVAL, Action.WAIVER),
    ClaimState.AWAITING_PARTS: (Action.PARTS_CHOICE, Action.RETURN_SCAN, Action.ARRIVAL, Action.WAIVER),
    ClaimState.DEFAULTED: (Action.RETURN_SCAN, Action.ARRIVAL, Action.WAIVER),
}
_STANDARD: dict[ClaimState, tuple[Action, ...]] = {
    ClaimState.AWAITING_ITEM: (Action.RETURN_SCAN, Action.ARRIVAL, Action.CANCEL, Action.SHIP_TO),
    ClaimState.INSPECTING: (Action.INSPECTION, Action.CANCEL, Action.SHIP_TO),
    ClaimState.AWAITING_CURE: (Action.RETURN_SCAN, Action.ARRIVAL, Action.CANCEL, Action.SHIP_TO),
    ClaimState.AWAITING_PARTS: (Action.PARTS_CHOICE, Action.RETURN_SCAN, Action.ARRIVAL, Action.CANCEL, Action.SHIP_TO),
    ClaimState.AWAITING_DISPATCH: (Action.DISPATCH, Action.CANCEL, Action.SHIP_TO),
}
_FLYAWAY: dict[ClaimState, tuple[Action, ...]] = {
    ClaimState.AWAITING_DECISION: (Action.DECISION, Action.FOUND, Action.CANCEL, Action.SHIP_TO),
    ClaimState.AWAITING_PAYMENT: (Action.PAYMENT_METHOD, Action.FOUND, Action.CANCEL, Action.SHIP_TO),
    ClaimState.AWAITING_DISPATCH: (Action.DISPATCH, Action.FOUND, Action.CANCEL, Action.SHIP_TO),
}
_REPAIR: dict[ClaimState, tuple[Action, ...]] = {
    ClaimState.AWAITING_ITEM: (Action.RETURN_SCAN, Action.ARRIVAL, Action.CANCEL, Action.SHIP_TO),
    ClaimState.INSPECTING: (Action.INSPECTION, Action.REPAIR_QUOTE, Action.SHIP_TO),
    ClaimState.AWAITING_CHOICE: (
        Action.REPAIR_CHOICE,
        Action.REPAIR_QUOTE,
        Action.REPAIR_QUOTE_WITHDRAWAL,
        Action.SHIP_TO,
    ),
    ClaimState.AWAITING_PARTS: (Action.PARTS_CHOICE, Action.RETURN_SCAN, Action.ARRIVAL, Action.CANCEL, Action.SHIP_TO),
    ClaimState.AWAITING_DISPATCH: (Action.DISPATCH, Action.CANCEL, Action.SHIP_TO),
    ClaimState.IN_SERVICE: (Action.REPAIR_STOP, Action.COMPLETION, Action.SHIP_TO),
}
_MAINTENANCE = _REPAIR | {ClaimState.IN_SERVICE: (Action.REPAIR_QUOTE, *_REPAIR[ClaimState.IN_SERVICE])}
_BEFORE_DISPATCH = (ClaimState.AWAITING_DISPATCH, ClaimState.AWAITING_PAYMENT)
_CHARGED = frozenset({Outcome.DEFAULT_CHARGED, Outcome.PARTS_CHARGED})


def allowed_actions(claim: Claim) -> tuple[Action, ...]:
    """The actions that `claim` allows in its present state, in the order in which a page shows them."""
    if claim.state is ClaimState.CLOSED:
        return _after_closing(claim)
    actions = _actions_by_state(claim).get(claim.state, ())
    if claim.returning and claim.returning.extended_days:
        actions = tuple(a for a in actions if a is not Action.EXTENSION)
    if not secured(claim):
        actions = tuple(a for a in actions if a is not Action.DISPATCH)
    if claim.leaving:
        actions = tuple(a for a in actions if a not in (Action.CANCEL, Action.SHIP_TO))
    if (quote := claim.repair_quote) is not None:
        if claim.state is not ClaimState.AWAITING_CHOICE:  # it was chosen from (R-REP-5)
            actions = tuple(a for a in actions if a is not Action.REPAIR_QUOTE)
        if quote.chosen is RepairChoice.RETURN:
            actions = tuple(a for a in actions if a is not Action.REPAIR_STOP)  # it goes back already
    owed = claim.amount_owed and claim.state is ClaimState.DEFAULTED
    asked = owed or Attention.HOLD_AT_RISK in claim.attention
    if asked and Action.PAYMENT_METHOD not in actions:
        actions = (*actions, Action.PAYMENT_METHOD)
    held_back = not {Attention.DEFAULT_HELD_BACK, Attention.QUOTE_UNAPPROVED}.isdisjoint(claim.attention)
    new_unit_came = _new_unit_came(claim) and claim.state is ClaimState.AWAITING_CURE
    if ships_again(claim):
        actions = tuple(a for a in actions if a is not Action.CANCEL)
    if _new_unit_came(claim) or (ships_again(claim) and not claim.leaving):
        actions = (*actions, Action.REPLACEMENT_UNDO)
    if _new_unit_came(claim) and secured(claim):
        actions = (*actions, Action.REPLACEMENT_RESEND)
    if held_back or new_unit_came or _refund_waits_for_staff(claim):
        actions = (*actions, Action.DECISION)
    return actions


def _actions_by_state(claim: Claim) -> dict[ClaimState, tuple[Action, ...]]:
    match claim.service:
        case Service.CARE_EXPRESS:
            return _STANDARD if claim.tier is Tier.STANDARD else _PREMIUM
        case Service.FLYAWAY:
            return _FLYAWAY
        case Service.ONLINE_REPAIR:
            return _REPAIR
        case Service.MAINTENANCE:
            return _MAINTENANCE


def _new_unit_came(claim: Claim) -> bool:
    """The new unit was sent back instead of the original, which the claim still waits for (R-EXP-10)."""
    returned = claim.tier is Tier.PREMIUM and Attention.REPLACEMENT_RETURNED in claim.attention
    return returned and claim.state in (ClaimState.AWAITING_CURE, ClaimState.DEFAULTED)


def ships_again(claim: Claim) -> bool:
    """Whether the new unit, which came back, is asked of the warehouse once more and has not left yet (R-EXP-10)."""
    return claim.tier is Tier.PREMIUM and claim.state in _BEFORE_DISPATCH and claim.dispatched_on is not None


def charged(claim: Claim) -> bool:
    """Whether a default of an open Premium claim was charged and paid: what was taken secures its new unit."""
    return claim.dispute_until is not None and not claim.amount_owed


def _refund_waits_for_staff(claim: Claim) -> bool:
    """A unit that came after the last day for a refund was inspected: staff refund or keep the charge (R-RET-10)."""
    return Attention.REFUND_DUE in claim.attention and claim.state is ClaimState.DEFAULTED


def _after_closing(claim: Claim) -> tuple[Action, ...]:
    if claim.goes_back:
        return (Action.COMPLETION, Action.SHIP_TO)
    if Attention.REFUND_DUE in claim.attention:
        owed = (Action.PAYMENT_METHOD,) if claim.amount_owed else ()
        return (Action.INSPECTION, Action.WAIVER, Action.DECISION, *owed)
    if claim.amount_owed:  # whatever ended the claim (R-RET-9)
        return (Action.WAIVER, Action.PAYMENT_METHOD)
    if claim.outcome in _CHARGED and claim.dispute_until is not None:
        return (Action.WAIVER,)
    if claim.outcome is Outcome.REPLACED and claim.service is Service.FLYAWAY and claim.dispute_until is not None:
        return () if Attention.FOUND_AFTER_DISPATCH in claim.attention else (Action.FOUND,)
    return ()


def secured(claim: Claim) -> bool:
    """Whether something secures a Premium replacement that is to leave: a hold, a deposit (R-EXP-6), or the default
    that was charged.

    Other services ship after they are paid for. What the warehouse can no longer stop is not refused.
    """
    if claim.tier is not Tier.PREMIUM or claim.leaving or charged(claim):
        return True
    hold = claim.hold
    if hold is None:
        return False
    taken = hold.state is HoldState.CAPTURED and hold.captured - hold.refunded == hold.amount
    return taken or hold.state is HoldState.AUTHORIZED


def hold_not_live() -> RuleError:
    """The refusal of a dispatch, or of another one, that nothing secures (R-EXP-6)."""
    message = (
        "The hold on the card has ended, so nothing secures the replacement: it must not ship before another card."
    )
    return RuleError(HOLD_NOT_LIVE, "R-EXP-6", message)


def require(claim: Claim, action: Action) -> None:
    """Raise RuleError with a reason when `action` may not be done now: `action_not_allowed`, or `hold_not_live` for the
    dispatch of a replacement that nothing secures, at first or again."""
    if action in allowed_actions(claim):
        return
    ships = action is Action.DISPATCH and claim.state in _BEFORE_DISPATCH
    if (ships or (action is Action.REPLACEMENT_RESEND and _new_unit_came(claim))) and not secured(claim):
        raise hold_not_live()
    raise RuleError("action_not_allowed", *_rejection(claim, action))


def needs_payment(
    claim: Claim, action: Action, *, choice: PartsChoice | RepairChoice | None = None, approves: bool = True
) -> bool:
    """Whether `action` makes the claim move money. `choice` and `approves` are the decision's own, where it has any."""
    match action:
        case Action.WAIVER | Action.CANCEL | Action.PAYMENT_METHOD | Action.REPAIR_STOP | Action.REPLACEMENT_UNDO:
            return True
        case Action.INSPECTION:
            return claim.tier is Tier.PREMIUM
        case Action.FOUND:
            return claim.state is not ClaimState.CLOSED
        case Action.DECISION:
            return claim.service is Service.CARE_EXPRESS or (approves and claim.service is Service.FLYAWAY)
        case Action.PARTS_CHOICE:
            return choice is PartsChoice.PAY
        case Action.REPAIR_CHOICE:
            return choice in (RepairChoice.PAID_REPAIR, RepairChoice.REPLACEMENT)
        case _:
            return False


def require_extension(claim: Claim, days: int, now: datetime, policy: Policy) -> Return:
    """The window to extend, or RuleError when R-RET-5 forbids it: once, before due, by 1 to 7 days."""
    require(claim, Action.EXTENSION)
    if claim.returning is None:
        raise RuleError("action_not_allowed", "R-RET-5", "There is no return window to extend.")
    if not 1 <= days <= policy.max_extension_days:
        raise RuleError("invalid_request", "R-RET-5", f"An extension is 1 to {policy.max_extension_days} days.")
    if whole_second(now) > claim.returning.due_at:
        raise RuleError("action_not_allowed", "R-RET-5", "The window has ended; an extension must come before it does.")
    return claim.returning


def require_hold_until(claim: Claim, due_at: datetime) -> None:
    """Raise RuleError when the hold does not last until `due_at` (R-RET-5): it is at risk and ends before."""
    at_risk = Attention.HOLD_AT_RISK in claim.attention
    if at_risk and claim.hold and claim.hold.expires_at and claim.hold.expires_at < due_at:
        message = f"The hold ends {utc_text(claim.hold.expires_at)}; the window cannot be extended beyond it."
        raise RuleError("action_not_allowed", "R-RET-5", message)


def _rejection(claim: Claim, action: Action) -> tuple[str, str]:
    name = action.replace("_", " ")
    if action is Action.CANCEL and claim.dispatched_on is not None and claim.state is not ClaimState.CLOSED:
        message = (
            f"The replacement left on {claim.dispatched_on}; the case can only be closed by returning your original."
        )
        return "R-EXP-9", message
    if action in (Action.CANCEL, Action.REPLACEMENT_UNDO) and claim.leaving:
        return TOO_LATE
    if action is Action.SHIP_TO and (claim.leaving or claim.dispatched_on is not None):
        return ADDRESS_TOO_LATE
    if action is Action.EXTENSION and claim.returning and claim.returning.extended_days:
        return "R-RET-5", f"The window was already extended by {claim.returning.extended_days} days; once is the limit."
    if claim.state is ClaimState.CLOSED:
        how = f" as {claim.outcome.replace('_', ' ')}" if claim.outcome else ""
        return "R-CLM-2", f"The case is closed{how}; {name} is no longer possible."
    return "R-CLM-2", f"A case in state {claim.state.replace('_', ' ')} does not take {name}."
