"""What has left keeps its address."""

from datetime import date
from typing import Any

import pytest

from domain.kinds import Action, ClaimState
from domain.lifecycle import allowed_actions, require
from domain.reasons import RuleError
from tests.domain.samples import claim


@pytest.mark.parametrize("changes", [{"leaving": True}, {"dispatched_on": date(2026, 6, 2)}])
def test_the_address_of_what_has_left_cannot_be_corrected(changes: dict[str, Any]) -> None:
    """R-CLM-12."""
    state = ClaimState.AWAITING_DISPATCH if "leaving" in changes else ClaimState.AWAITING_RETURN
    left = claim(state=state, **changes)
    assert Action.SHIP_TO not in allowed_actions(left)
    with pytest.raises(RuleError) as refused:
        require(left, Action.SHIP_TO)
    assert (refused.value.code, refused.value.rule) == ("action_not_allowed", "R-CLM-12")
