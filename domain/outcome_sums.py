"""Domain: what the customer has paid in all, by the outcome of a claim (R-RET-6, R-RET-10, R-CMP-2, R-EXP-9)."""

from domain import returns, settlement
from domain.claim import Claim
from domain.kinds import Outcome, Tier
from domain.money import Money
from domain.policy import Policy


def paid_by_outcome(claim: Claim, policy: Policy) -> Money | None:
    """What a closed Premium claim has cost the customer, fee included, without what is still owed.

    None for a claim without a hold: its fees alone decide.
    """
    if claim.tier is not Tier.PREMIUM or claim.hold is None:
        return None
    missing = settlement.differences(claim.missing, claim.fee.currency)
    match claim.outcome:
        case Outcome.HOLD_RELEASED | Outcome.WAIVED:
            return claim.fee
        case Outcome.CANCELLED:
            fee_back = claim.dispatched_on is None or (claim.replacement_undone and policy.refund_undone_fee)
            return claim.fee.zero() if fee_back else claim.fee
        case Outcome.PAYMENT_DECLINED:
            return claim.fee.zero()
        case Outcome.DEFAULT_CHARGED:
            return claim.fee + claim.hold.amount - claim.amount_owed
        case Outcome.PARTS_CHARGED:
            return claim.fee + missing - claim.amount_owed
        case Outcome.LATE_RETURN_REFUNDED:
            late_fee = Money(policy.late_fee, claim.fee.currency)
            refund = settlement.late_refund(
                claim.hold.amount, in_time=_in_time(claim), late_fee=late_fee, missing=claim.missing
            )
            return claim.fee + claim.hold.amount - refund - claim.amount_owed
        case _:
            return None


def _in_time(claim: Claim) -> bool:
    returning = claim.returning
    return (
        returning is not None and returning.arrived_at is not None and returns.in_time(returning, returning.arrived_at)
    )
