"""Messages: the action that a decision requests, and whether it moves money."""

from typing import Final

from domain import lifecycle
from domain.claim import Claim
from domain.kinds import Action
from messages.claims import DECISIONS, ChooseParts, ChooseRepair, Decide, Decision

_ACTIONS: Final = {decision: action for action, decision in DECISIONS.items()}


def action_of(decision: Decision) -> Action:
    """The action that the decision requests."""
    return _ACTIONS[type(decision)]


def needs_payment(claim: Claim, decision: Decision) -> bool:
    """Whether `decision` makes the claim move money, so that it has to wait for a payment in flight."""
    choice = decision.choice if isinstance(decision, ChooseParts | ChooseRepair) else None
    approves = decision.approve if isinstance(decision, Decide) else True
    return lifecycle.needs_payment(claim, action_of(decision), choice=choice, approves=approves)
