"""What a claim has cost the customer, by its outcome."""

from dataclasses import replace
from datetime import date, timedelta
from typing import cast

import pytest

from domain.claim import Claim, Hold, MissingPart, Return
from domain.kinds import Component, HoldState, Outcome, Tier
from domain.outcome_sums import paid_by_outcome
from domain.policy import Policy
from tests.domain.samples import NOW, awaiting_return, claim, usd

POLICY = Policy(late_fee=4_900)
HOLD = Hold(usd(164_000), HoldState.CAPTURED, usd(164_000), usd(0), None)
RETURNING = cast(Return, awaiting_return().returning)
PROPELLERS = (MissingPart(Component.PROPELLERS, usd(1_200)),)


def closed(outcome: Outcome, **changes: object) -> Claim:
    premium = replace(claim(), tier=Tier.PREMIUM, fee=usd(15_900), hold=HOLD, dispatched_on=date(2026, 6, 1))
    return replace(premium, outcome=outcome, **changes)  # type: ignore[arg-type]


CASES: list[tuple[Claim, int]] = [
    (closed(Outcome.HOLD_RELEASED), 15_900),
    (closed(Outcome.WAIVED), 15_900),
    (closed(Outcome.CANCELLED), 15_900),
    (closed(Outcome.CANCELLED, dispatched_on=None), 0),
    (closed(Outcome.CANCELLED, replacement_undone=True), 15_900),
    (closed(Outcome.PAYMENT_DECLINED), 0),
    (closed(Outcome.DEFAULT_CHARGED), 179_900),
    (closed(Outcome.DEFAULT_CHARGED, amount_owed=usd(164_000)), 15_900),
    (closed(Outcome.PARTS_CHARGED, missing=PROPELLERS), 17_100),
    (closed(Outcome.PARTS_CHARGED, missing=PROPELLERS, amount_owed=usd(200)), 16_900),
    (closed(Outcome.LATE_RETURN_REFUNDED), 20_800),
    (closed(Outcome.LATE_RETURN_REFUNDED, missing=PROPELLERS), 22_000),
    (closed(Outcome.LATE_RETURN_REFUNDED, amount_owed=usd(4_900)), 15_900),
]


@pytest.mark.parametrize(("ended", "cents"), CASES, ids=lambda value: getattr(value, "outcome", value))
def test_the_outcome_says_what_was_paid(ended: Claim, cents: int) -> None:
    late = replace(RETURNING, arrived_at=RETURNING.due_at + timedelta(days=3))
    assert paid_by_outcome(replace(ended, returning=late), POLICY) == usd(cents)


def test_a_return_that_was_in_time_after_all_costs_no_late_fee() -> None:
    in_time = replace(RETURNING, arrived_at=NOW)
    ended = closed(Outcome.LATE_RETURN_REFUNDED, returning=in_time)
    assert paid_by_outcome(ended, POLICY) == usd(15_900)


@pytest.mark.parametrize("other", [{"tier": Tier.STANDARD}, {"hold": None}, {"outcome": Outcome.REPLACED}])
def test_a_claim_without_a_hold_is_not_judged_by_its_outcome(other: dict[str, object]) -> None:
    assert paid_by_outcome(replace(closed(Outcome.HOLD_RELEASED), **other), POLICY) is None  # type: ignore[arg-type]


def test_the_policy_may_give_the_fee_of_an_undone_replacement_back() -> None:
    """R-EXP-10."""
    generous = Policy(refund_undone_fee=True)
    assert paid_by_outcome(closed(Outcome.CANCELLED, replacement_undone=True), generous) == usd(0)
    assert paid_by_outcome(closed(Outcome.CANCELLED), generous) == usd(15_900)
