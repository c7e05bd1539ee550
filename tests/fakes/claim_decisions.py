"""A claim after a decision, without a workflow: what the fake of the claim commands saves."""

from dataclasses import replace
from datetime import datetime

from api.claim_commands import CommandRejected
from domain import lifecycle, repair
from domain.claim import Claim, Return
from domain.dates import end_of_day_after
from domain.inspection import SerialMatch, compare_serials
from domain.kinds import ClaimState, Outcome, RepairChoice
from domain.reasons import RuleError
from domain.repair import RepairQuote
from messages.claims import (
    CancelClaim,
    ChooseRepair,
    Complete,
    Decision,
    Dispatch,
    QuoteRepair,
    ResendReplacement,
    StopRepair,
    UndoReplacement,
    WithdrawQuote,
)

DECLINED = "pm_card_declined"
UNKNOWN = "pm_nonsense"
DECLINE_CODES = {DECLINED: "card_declined", UNKNOWN: "invalid_payment_method"}
"""The gateway's code by payment method; any other one works."""
ZONE = "America/Los_Angeles"


def claim_after(claim: Claim, decision: Decision, now: datetime) -> Claim:
    """`claim` after `decision` at `now`; CommandRejected when it is not possible."""
    match decision:
        case CancelClaim() | UndoReplacement():
            return replace(claim, state=ClaimState.CLOSED, outcome=Outcome.CANCELLED, closed_at=now)
        case ResendReplacement():
            return replace(claim, state=ClaimState.AWAITING_DISPATCH, attention=(), deadline=None)
        case Dispatch():
            return _dispatched(claim, decision.replacement_serial_number, now)
        case QuoteRepair():
            version = claim.repair_quote.version + 1 if claim.repair_quote else 1
            quote = replace(_quote(decision, now), version=version)
            return replace(claim, state=ClaimState.AWAITING_CHOICE, repair_quote=quote)
        case WithdrawQuote():
            return replace(claim, state=ClaimState.INSPECTING, repair_quote=None)
        case StopRepair():
            return replace(claim, state=ClaimState.CLOSED, outcome=Outcome.RETURNED_UNREPAIRED, closed_at=now)
        case ChooseRepair():
            return _chosen(claim, decision)
        case Complete():
            return replace(claim, state=ClaimState.CLOSED, outcome=Outcome.REPAIRED, closed_at=now)
        case _:
            return claim


def _dispatched(claim: Claim, serial: str, now: datetime) -> Claim:
    if compare_serials(serial, claim.serial_number) is SerialMatch.SAME:
        raise CommandRejected("refused", "The replacement cannot be this unit.", "R-CLM-9")
    due, later = (end_of_day_after(now, days, ZONE) for days in (14, 24))
    window = Return(14, due, ZONE, (), later, later)
    return replace(
        claim, state=ClaimState.AWAITING_RETURN, replacement_serial_number=serial, returning=window, deadline=due
    )


def _quote(decision: QuoteRepair, now: datetime) -> RepairQuote:
    if decision.warranty:
        raise CommandRejected("invalid_request", "The warranty ended on 2026-11-01.", "R-PLN-4")
    until, amount = end_of_day_after(now, 30, ZONE), decision.amount
    return RepairQuote(decision.findings, amount, False, amount.zero(), now, until)


def _chosen(claim: Claim, decision: ChooseRepair) -> Claim:
    assert claim.repair_quote is not None
    try:
        fee = repair.price(claim.repair_quote, decision.choice)
        repair.require_version(claim.repair_quote, decision.choice, decision.quote_version)
    except RuleError as error:
        raise CommandRejected(error.code, error.message, error.rule, lifecycle.allowed_actions(claim)) from error
    if code := DECLINE_CODES.get(decision.payment_method or ""):
        allowed = lifecycle.allowed_actions(claim)
        raise CommandRejected("payment_declined", f"The card declined {fee}.", "R-REP-2", allowed, decline_code=code)
    replaced = decision.choice is RepairChoice.REPLACEMENT
    return replace(claim, fee=fee, state=ClaimState.AWAITING_DISPATCH if replaced else ClaimState.IN_SERVICE)
