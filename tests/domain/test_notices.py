"""Which notices tell a customer of a deadline."""

import pytest

from domain.kinds import ClaimState
from domain.notices import informs
from messages.mail import MailKind

CASES = [
    (ClaimState.AWAITING_RETURN, {"shipped"}, True),
    (ClaimState.AWAITING_RETURN, {"due_day"}, True),
    (ClaimState.AWAITING_RETURN, {"settlement", "rebind"}, False),
    (ClaimState.AWAITING_RETURN, set(), False),
    (ClaimState.AWAITING_CURE, {"inspected_mismatch"}, True),
    (ClaimState.AWAITING_CURE, {"shipped", "arrived"}, False),
    (ClaimState.AWAITING_PARTS, {"inspected_parts"}, True),
    (ClaimState.AWAITING_PARTS, {"inspected_mismatch"}, False),
    (ClaimState.AWAITING_DISPATCH, {"settlement"}, True),
    (ClaimState.AWAITING_DISPATCH, set(), False),
]


@pytest.mark.parametrize(("state", "notices", "informed"), CASES)
def test_a_deadline_needs_a_notice_that_names_it(state: ClaimState, notices: set[str], informed: bool) -> None:
    """R-NOT-2."""
    assert informs(state, notices) is informed
    assert notices <= set(MailKind)
