"""Workflows, a part: a message that waits for its turn, and the refusal of one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from temporalio.exceptions import ApplicationError

from domain import lifecycle
from domain.claim import Claim
from domain.reasons import RuleError
from messages.claims import Decision, Event

PAYMENT_IN_PROGRESS: Final = "payment_in_progress"


@dataclass(frozen=True)
class Refusal:
    """An update's refusal, as its caller gets it again in a later run."""

    type: str
    message: str
    details: dict[str, Any]

    def error(self) -> ApplicationError:
        return ApplicationError(self.message, self.details, type=self.type, non_retryable=True)


@dataclass(eq=False)
class PendingMessage:
    """`message` is None for an update of an earlier run whose step goes on in this one. `reapplied`: it came again with
    a reset of the workflow, so it must not be lost."""

    message: Event | Decision | None
    received_at: datetime
    update_id: str = ""
    reapplied: bool = False
    answered: bool = False
    refusal: Refusal | None = None


def refusal_of(error: RuleError, claim: Claim | None) -> Refusal:
    """The answer to a decision that a rule forbids; `details` say which rule and what is possible instead."""
    allowed = [str(action) for action in lifecycle.allowed_actions(claim)] if claim else []
    return Refusal(
        error.code, error.message, {"rule": error.rule, "message": error.message, "allowed_actions": allowed}
    )


def payment_in_progress() -> RuleError:
    """A decision that needs money came while the gateway's answer to another request is missing."""
    message = "A payment of this case waits for the gateway's answer. Try again in a moment."
    return RuleError(PAYMENT_IN_PROGRESS, "R-RET-8", message)
