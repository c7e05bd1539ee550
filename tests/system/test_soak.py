"""A short soak: what `make soak` does with a thousand claims, with a few."""

import pytest

from domain.kinds import HoldPolicy
from tests.soak.installation import soak


@pytest.mark.soak
async def test_every_invariant_holds_with_lost_responses_bad_cards_and_crashing_workers() -> None:
    tallies = await soak(claims=12, kills=1, seed=7, lost=0.2, at_once=6, troubles=1)
    assert set(tallies) == set(HoldPolicy)
    assert {policy: tally.wrong for policy, tally in tallies.items()} == {policy: {} for policy in HoldPolicy}
    for tally in tallies.values():
        assert tally.turned_away == []
        assert tally.counts["claims"] == 4
        assert tally.counts["worker kills"] == 1
    assert sum(tally.counts["lost answers"] for tally in tallies.values()) > 0
    assert sum(tally.counts["renewals"] for tally in tallies.values()) > 0
