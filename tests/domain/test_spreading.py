"""Claims that are due in one second act over minutes: never early, within the hour, each always at its own time."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.spreading import MOST_MINUTES, acts_at

quick = settings(max_examples=200, deadline=None, database=None)
MIDNIGHT = datetime(2026, 12, 7, 7, 59, 59, tzinfo=UTC)
ids = st.text(min_size=1, max_size=40)
minutes = st.integers(min_value=-5, max_value=10_000)
lives = st.timedeltas(min_value=timedelta(days=-2), max_value=timedelta(days=2))


@quick
@given(ids, minutes)
def test_a_claim_acts_never_early_and_within_the_hour(claim_id: str, spread: int) -> None:
    """R-CLM-13."""
    at = acts_at(MIDNIGHT, claim_id, spread)
    assert timedelta(0) <= at - MIDNIGHT < timedelta(minutes=max(1, min(spread, MOST_MINUTES)))
    assert at.microsecond == 0
    assert at == acts_at(MIDNIGHT, claim_id, spread)


@quick
@given(ids, minutes, lives)
def test_a_live_hold_is_taken_before_it_ends(claim_id: str, spread: int, life: timedelta) -> None:
    """R-CLM-13: what was due before the hold's last minutes is done before them."""
    ends = MIDNIGHT + life
    at = acts_at(MIDNIGHT, claim_id, spread, ends)
    assert MIDNIGHT <= at <= acts_at(MIDNIGHT, claim_id, spread)
    assert at == MIDNIGHT or at <= ends - timedelta(minutes=5)


@quick
@given(ids, ids, st.integers(min_value=0, max_value=59))
def test_the_order_of_a_claims_own_instants_stays(claim_id: str, other: str, spread: int) -> None:
    """R-CLM-13: a claim's reminders and its deadline are all moved by the same."""
    later = MIDNIGHT + timedelta(hours=15)
    assert acts_at(later, claim_id, spread) - acts_at(MIDNIGHT, claim_id, spread) == timedelta(hours=15)


def test_a_hundred_thousand_deadlines_of_one_midnight_take_their_minutes() -> None:
    """R-CLM-13: a hundred thousand claims over 50 minutes are 33 a second, no second has three times as many."""
    seconds = Counter(acts_at(MIDNIGHT, f"clm_{number:016x}", 50) for number in range(100_000))
    assert len(seconds) == 50 * 60
    assert max(seconds.values()) <= 100


def test_without_minutes_a_claim_acts_when_it_is_due() -> None:
    assert acts_at(MIDNIGHT, "clm_1", 0) == MIDNIGHT
