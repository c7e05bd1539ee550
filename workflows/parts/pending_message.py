"""Workflow part: a message that waits for its turn, and the rejection of an update."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from temporalio.exceptions import ApplicationError

from domain import lifecycle
from domain.claim import Claim
from domain.reasons import RuleError
from messages.claims import Decision, Event

PAYMENT_DECLINED: Final = "payment_declined"
PAYMENT_IN_PROGRESS: Final = "payment_in_progress"


@dataclass(frozen=True)
class Rejection:
    """Why an update was rejected; a repeated update id gets the same in a later run."""

    type: str
    message: str
    details: dict[str, Any]

    def error(self) -> ApplicationError:
        return ApplicationError(self.message, self.details, type=self.type, non_retryable=True)


@dataclass(eq=False)
class PendingMessage:
    """`message` is None for an update of an earlier run whose step continues in this one. `reapplied`: a reset of the
    workflow delivered it again, so it must not be lost."""

    message: Event | Decision | None
    received_at: datetime
    update_id: str = ""
    reapplied: bool = False
    completed: bool = False
    rejection: Rejection | None = None


def rejection_of(error: RuleError, claim: Claim | None) -> Rejection:
    """The rejection for `error`; `details` has the rule, the actions allowed instead and, after a decline, its code."""
    allowed = [str(action) for action in lifecycle.allowed_actions(claim)] if claim else []
    details = {"rule": error.rule, "message": error.message, "allowed_actions": allowed}
    if claim and claim.decline_code and error.code == PAYMENT_DECLINED:
        details["decline_code"] = claim.decline_code
    return Rejection(error.code, error.message, details)


def payment_in_progress() -> RuleError:
    """A decision that needs a payment was received while another payment has no response."""
    message = "A payment of this case waits for the gateway's answer. Try again in a moment."
    return RuleError(PAYMENT_IN_PROGRESS, "R-RET-8", message)
