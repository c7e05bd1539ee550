"""Domain: what a reconciliation can find, and what staff do about it.

Staff decide which side is right; a reconciliation corrects nothing (payments.md section 3).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FindingCode(StrEnum):
    """Stable codes: reports, alerts and the attention list use them."""

    HOLD_WITHOUT_WORKFLOW = "hold_without_workflow"
    HOLD_NOT_IN_LEDGER = "hold_not_in_ledger"
    LEDGER_HOLD_NOT_AT_GATEWAY = "ledger_hold_not_at_gateway"
    CAPTURED_DIFFERS = "captured_differs"
    REFUNDED_DIFFERS = "refunded_differs"
    CHARGE_NOT_IN_LEDGER = "charge_not_in_ledger"
    CLAIM_DISAGREES = "claim_disagrees"
    HOLD_EXPIRED_UNNOTICED = "hold_expired_unnoticed"
    EXPIRED_WHILE_CLAIM_OPEN = "expired_while_claim_open"
    TWO_LIVE_HOLDS = "two_live_holds"
    LEDGER_UNBALANCED = "ledger_unbalanced"
    PARKED_WEBHOOK = "parked_webhook"


class AttemptFindingCode(StrEnum):
    """Codes for differences between payment attempts and ledger. They are not part of the HTTP contract."""

    ATTEMPT_UNANSWERED = "attempt_unanswered"
    LEDGER_WITHOUT_ATTEMPT = "ledger_without_attempt"
    ATTEMPT_NOT_BOOKED = "attempt_not_booked"


Code = FindingCode | AttemptFindingCode
CODES: Final[tuple[Code, ...]] = (*FindingCode, *AttemptFindingCode)

ADVICE: Final[dict[Code, str]] = {
    FindingCode.HOLD_WITHOUT_WORKFLOW: (
        "Nobody will release, renew or capture it. Read the claim and its history; release the hold at the gateway, or "
        "capture it before it ends when the unit is owed."
    ),
    FindingCode.HOLD_NOT_IN_LEDGER: (
        "A request that was answered and not booked books itself when its claim tries again. Open the claim in the "
        "Temporal UI: let a waiting activity go on; when none waits, tell engineering."
    ),
    FindingCode.LEDGER_HOLD_NOT_AT_GATEWAY: (
        "The hold has ended at the gateway and its claim was not notified. Look at it there: who ended it? An open "
        "claim finds out when it next reads the hold; a closed one needs an entry by engineering."
    ),
    FindingCode.CAPTURED_DIFFERS: (
        "Compare the subject's payments at the gateway with its ledger. Taken by hand at the gateway: give it back "
        "there, or have it booked. Booked and not taken: tell engineering."
    ),
    FindingCode.REFUNDED_DIFFERS: (
        "Compare the subject's refunds at the gateway with its ledger. Refunded by hand at the gateway: have it "
        "booked, and see that the claim does not refund it again."
    ),
    FindingCode.CHARGE_NOT_IN_LEDGER: (
        "The customer has paid and the ledger does not have it. A waiting activity books it when it continues; without "
        "one, find out what it was for, and refund it or have it booked."
    ),
    FindingCode.CLAIM_DISAGREES: (
        "What the customer and staff see of the hold is wrong. The gateway's state is authoritative: compare, and see "
        "in the Temporal UI what the claim waits for."
    ),
    FindingCode.HOLD_EXPIRED_UNNOTICED: (
        "The hold was not renewed in time and nothing covers the claim. See in the Temporal UI why its workflow "
        "does not continue, and that a worker runs."
    ),
    FindingCode.EXPIRED_WHILE_CLAIM_OPEN: (
        "The replacement has left, the verdict is open, nothing covers it and no reason is recorded. Ask the customer "
        "for another card."
    ),
    FindingCode.TWO_LIVE_HOLDS: (
        "The customer's card holds the amount twice. See in the Temporal UI whether a release waits to be tried again; "
        "else release the older one at the gateway."
    ),
    FindingCode.LEDGER_UNBALANCED: (
        "Somebody wrote to the ledger past the programme. Find who has access to the database; have the missing line "
        "booked."
    ),
    FindingCode.PARKED_WEBHOOK: (
        "A signed event names a claim that nobody works on. Look the claim and the payment up: a terminated claim is "
        "reset, another installation's event means that its gateway account or address is ours."
    ),
    AttemptFindingCode.ATTEMPT_UNANSWERED: (
        "It may have been carried out: look its key up at the gateway. A waiting activity sends it again under that "
        "key; when none waits, compare gateway and ledger and tell engineering."
    ),
    AttemptFindingCode.LEDGER_WITHOUT_ATTEMPT: (
        "The programme books nothing without an attempt. Find who wrote the lines; whoever books a correction by hand "
        "writes an answered attempt under the same key with it."
    ),
    AttemptFindingCode.ATTEMPT_NOT_BOOKED: (
        "Answer and lines are written in one transaction, so lines are missing or the answer was written by hand. "
        "Compare the key with the gateway; tell engineering, who has the missing lines booked."
    ),
}
"""What staff do about each code."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference. `payment_id` is empty when it concerns the whole subject; `message` describes it."""

    code: Code
    subject: str
    message: str
    payment_id: str = ""


def code_of(value: str) -> Code:
    """The code for a stored value. Raises ValueError for an unknown one."""
    return AttemptFindingCode(value) if value in set(AttemptFindingCode) else FindingCode(value)
