"""Domain: what must agree between gateway, ledger, attempts, claim and workflow, and the findings when it does not.

Pure functions of what was read from them; nothing is corrected (payments.md section 3, invariants 7, 8, 13 and 14).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from domain.claim import Claim
from domain.kinds import Attention, ClaimState, HoldState, Tier
from domain.money import Money, total
from domain.reconciliation import AttemptFindingCode, Finding, FindingCode

RENEWAL_OVERLAP_LIMIT: Final = timedelta(hours=1)
"""How long two holds may be live: a renewal places the new hold before it releases the old one."""
RESPONSE_OVERDUE_AFTER: Final = timedelta(days=1)
"""How long a request may be without a response before it is a finding."""


class WorkflowStatus(StrEnum):
    """The status in Temporal of the workflow that should manage a hold."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"
    TIMED_OUT = "timed out"
    NOT_FOUND = "not found"


_SHIPPED_AND_OPEN: Final = frozenset(
    {ClaimState.AWAITING_RETURN, ClaimState.INSPECTING, ClaimState.AWAITING_CURE, ClaimState.AWAITING_PARTS}
)


@dataclass(frozen=True, slots=True)
class GatewayPayment:
    """A payment at the gateway. `booked_at` is when it was booked as placed or charged, None when it was not."""

    id: str
    kind: Literal["hold", "charge"]
    status: Literal["authorized", "captured", "released", "expired"]
    amount: Money
    captured: Money
    refunded: Money
    capture_before: datetime | None
    booked_at: datetime | None

    def live(self, at: datetime) -> bool:
        """A hold that can still be captured at `at`."""
        return self._open and not self.lapsed(at)

    def lapsed(self, at: datetime) -> bool:
        """A hold that has expired by `at`, although it was not read from the gateway since."""
        return self._open and self.capture_before is not None and self.capture_before <= at

    @property
    def _open(self) -> bool:
        return self.kind == "hold" and self.status == "authorized"

    def __str__(self) -> str:
        return f"{self.id} ({self.amount}, {self.status})"


@dataclass(frozen=True, slots=True)
class LedgerSums:
    """The ledger's sums for a subject in one currency: held, captured and refunded."""

    held: Money
    captured: Money
    refunded: Money


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """A payment attempt without a response (`answered` false), or with a response that was not booked."""

    key: str
    purpose: str
    first_sent_at: datetime
    answered: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """A claim or purchase at gateway, ledger, database and Temporal. `booked` has one entry a currency. `attempts` are
    the open ones, `unattempted` the ledger's keys without an attempt.

    `workflow_status` is read only where `has_live_hold`, else it is None. `claim` is None for a purchase, and for an
    unknown subject.
    """

    id: str
    payments: tuple[GatewayPayment, ...]
    booked: tuple[LedgerSums, ...]
    claim: Claim | None = None
    workflow_status: WorkflowStatus | None = None
    attempts: tuple[OpenAttempt, ...] = ()
    unattempted: tuple[str, ...] = ()


def has_live_hold(subject: Subject, at: datetime) -> bool:
    """Whether a live hold of the subject needs a running workflow."""
    return any(payment.live(at) for payment in subject.payments)


def findings(subject: Subject, at: datetime) -> tuple[Finding, ...]:
    """Every difference about `subject` at `at`, each once."""
    return (
        *_without_workflow(subject, at),
        *_not_booked(subject),
        *_sums(subject, at),
        *_two_holds(subject, at),
        *_claim(subject, at),
        *_attempts(subject, at),
    )


def unbalanced(subject: str, key: str, off_by: Money) -> Finding:
    """The lines of `key` do not sum to zero."""
    message = f"The ledger's lines of {key} sum to {off_by} instead of zero."
    return Finding(FindingCode.LEDGER_UNBALANCED, subject, message, key)


def parked(source: str, event_id: str, kind: str, subject: str | None, payment_id: str | None) -> Finding:
    """A webhook event whose claim was not found."""
    message = f"The event {event_id} ({kind}) of {source} found nobody to tell."
    return Finding(FindingCode.PARKED_WEBHOOK, subject or source, message, payment_id or event_id)


def _without_workflow(subject: Subject, at: datetime) -> Iterator[Finding]:
    if subject.workflow_status in (None, WorkflowStatus.RUNNING):
        return
    for hold in subject.payments:
        if hold.live(at):
            ends = f" until {hold.capture_before:%Y-%m-%d %H:%M} UTC" if hold.capture_before else ""
            message = (
                f"A hold of {hold.amount} is live{ends}; the process of {subject.id} is {subject.workflow_status}."
            )
            yield Finding(FindingCode.HOLD_WITHOUT_WORKFLOW, subject.id, message, hold.id)


def _not_booked(subject: Subject) -> Iterator[Finding]:
    for payment in subject.payments:
        if payment.booked_at is None and payment.kind == "charge":
            message = f"The gateway charged {payment.amount}; the ledger has no such charge."
            yield Finding(FindingCode.CHARGE_NOT_IN_LEDGER, subject.id, message, payment.id)
        elif payment.booked_at is None:
            message = f"The gateway has a hold of {payment.amount}, {payment.status}; the ledger never had it placed."
            yield Finding(FindingCode.HOLD_NOT_IN_LEDGER, subject.id, message, payment.id)


def _sums(subject: Subject, at: datetime) -> Iterator[Finding]:
    currencies = {payment.amount.currency for payment in subject.payments}
    booked = {sums.held.currency: sums for sums in subject.booked}
    for currency in sorted(currencies | set(booked)):
        payments = [payment for payment in subject.payments if payment.amount.currency == currency]
        nothing = Money(0, currency)
        sums = booked.get(currency, LedgerSums(nothing, nothing, nothing))
        # A hold that lapsed unnoticed is open for claim and ledger alike; it is a finding of its own.
        held = [
            hold for hold in payments if hold.live(at) or (hold.lapsed(at) and _claim_hold_authorized(subject.claim))
        ]
        yield from _held_differs(subject.id, payments, held, sums.held)
        yield from _moved_differs(subject.id, payments, sums)


def _held_differs(
    subject: str, payments: list[GatewayPayment], holds: list[GatewayPayment], booked: Money
) -> Iterator[Finding]:
    """Compare the amounts held; a payment that was not booked is a finding of its own and is left out."""
    held = total([hold.amount for hold in holds if hold.booked_at is not None], booked.currency)
    there = _listed(payments)
    if booked.amount > held.amount:
        message = f"The ledger has {booked} held, the gateway {held}: {there}."
        yield Finding(FindingCode.LEDGER_HOLD_NOT_AT_GATEWAY, subject, message)
    elif booked.amount < held.amount:
        message = f"The gateway holds {held}, the ledger has only {booked} as held: {there}."
        yield Finding(FindingCode.HOLD_NOT_IN_LEDGER, subject, message)


def _moved_differs(subject: str, payments: list[GatewayPayment], booked: LedgerSums) -> Iterator[Finding]:
    """Compare the amounts captured and refunded."""
    currency = booked.held.currency
    there = _listed(payments)
    known = [each for each in payments if each.kind == "hold" or each.booked_at is not None]
    captured = total([payment.captured for payment in known], currency)
    if captured != booked.captured:
        message = f"The gateway took {captured}, the ledger says {booked.captured}: {there}."
        yield Finding(FindingCode.CAPTURED_DIFFERS, subject, message)
    refunded = total([payment.refunded for payment in payments], currency)
    if refunded != booked.refunded:
        message = f"The gateway gave back {refunded}, the ledger says {booked.refunded}: {there}."
        yield Finding(FindingCode.REFUNDED_DIFFERS, subject, message)


def _listed(payments: list[GatewayPayment]) -> str:
    return ", ".join(map(str, payments)) or "nothing"


def _claim_hold_authorized(claim: Claim | None) -> bool:
    """Whether the claim shows its hold as authorized."""
    return claim is not None and claim.hold is not None and claim.hold.state is HoldState.AUTHORIZED


def _two_holds(subject: Subject, at: datetime) -> Iterator[Finding]:
    live = [hold for hold in subject.payments if hold.live(at)]
    placed = [hold.booked_at for hold in live if hold.booked_at is not None]
    # A hold that is not booked has no age; it is a finding of its own.
    if len(live) < 2 or len(placed) < len(live):
        return
    if max(placed) <= at - RENEWAL_OVERLAP_LIMIT:
        message = f"{len(live)} holds are live, the newest since {max(placed):%Y-%m-%d %H:%M} UTC: "
        yield Finding(FindingCode.TWO_LIVE_HOLDS, subject.id, message + f"{', '.join(map(str, live))}.")


def _claim(subject: Subject, at: datetime) -> Iterator[Finding]:
    claim = subject.claim
    if claim is None:
        return
    live = [payment for payment in subject.payments if payment.live(at)]
    ended = [payment for payment in subject.payments if payment.kind == "hold" and payment not in live]
    there = ", ".join(map(str, live or ended)) or "no hold at all"
    if not live and _claim_hold_authorized(claim):
        yield _claim_hold_not_live(subject.id, [hold for hold in ended if hold.lapsed(at)], there)
    elif live and not _claim_hold_authorized(claim) and subject.workflow_status is WorkflowStatus.RUNNING:
        # Without a running workflow the live hold itself is the finding.
        shown = f"The claim's hold is {claim.hold.state}" if claim.hold else "The claim has no hold"
        message = f"{shown}; at the gateway it is live: {there}."
        yield Finding(FindingCode.CLAIM_DISAGREES, subject.id, message, live[0].id)
    elif claim.hold is not None and claim.hold.captured and claim.hold.captured not in _captures(subject):
        message = f"The claim says {claim.hold.captured} of its hold was taken; the gateway has {there}."
        yield Finding(FindingCode.CLAIM_DISAGREES, subject.id, message)
    elif not live and _uncovered(claim):
        message = f"The claim is {claim.state.replace('_', ' ')} and nothing is held: the gateway has {there}."
        yield Finding(FindingCode.EXPIRED_WHILE_CLAIM_OPEN, subject.id, message)


def _claim_hold_not_live(subject: str, lapsed: list[GatewayPayment], there: str) -> Finding:
    if not lapsed:
        message = f"The claim's hold is authorized; the gateway has {there}."
        return Finding(FindingCode.CLAIM_DISAGREES, subject, message)
    over = lapsed[-1]
    message = f"The claim's hold is authorized; its time was over {over.capture_before:%Y-%m-%d %H:%M} UTC."
    return Finding(FindingCode.HOLD_EXPIRED_UNNOTICED, subject, message, over.id)


def _captures(subject: Subject) -> set[Money]:
    return {payment.captured for payment in subject.payments if payment.kind == "hold" and payment.captured}


def _uncovered(claim: Claim) -> bool:
    """Whether the claim shipped on a hold, is undecided, and its hold has ended without a flag (invariant 8)."""
    if claim.tier is not Tier.PREMIUM or claim.state not in _SHIPPED_AND_OPEN:
        return False
    captured = claim.hold is not None and claim.hold.state is HoldState.CAPTURED
    return not captured and Attention.HOLD_AT_RISK not in claim.attention


def _attempts(subject: Subject, at: datetime) -> Iterator[Finding]:
    for attempt in subject.attempts:
        if attempt.answered:
            message = f"The {attempt.purpose} {attempt.key} was answered as done; the ledger has no line of it."
            yield Finding(AttemptFindingCode.ATTEMPT_NOT_BOOKED, subject.id, message, attempt.key)
        elif attempt.first_sent_at <= at - RESPONSE_OVERDUE_AFTER:
            since = f"{attempt.first_sent_at:%Y-%m-%d %H:%M} UTC"
            message = f"The {attempt.purpose} {attempt.key} was sent {since} and has no answer."
            yield Finding(AttemptFindingCode.ATTEMPT_UNANSWERED, subject.id, message, attempt.key)
    for key in subject.unattempted:
        message = f"The ledger has lines of {key}; no attempt of {subject.id} explains them."
        yield Finding(AttemptFindingCode.LEDGER_WITHOUT_ATTEMPT, subject.id, message, key)
