"""When a hold is renewed so that it lives as long as its claim."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.claim import Hold
from domain.holds import (
    HARD_MARGIN,
    MIN_BETWEEN,
    MOST_A_DAY,
    RENEW_BEFORE,
    RETRY_EVERY,
    give_up_at,
    kept_until,
    paced,
    renew_at,
    retry_at,
    too_many,
)
from domain.kinds import HoldPolicy, HoldState
from domain.policy import Policy
from tests.domain.samples import NOW, usd

HOLD = Hold(usd(164000), HoldState.AUTHORIZED, usd(0), usd(0), NOW + timedelta(days=7))


def test_a_renewal_begins_more_than_a_day_ahead() -> None:
    """R-RET-7."""
    assert renew_at(HOLD) == NOW + timedelta(days=7) - RENEW_BEFORE
    assert RENEW_BEFORE > HARD_MARGIN >= timedelta(hours=24)


@pytest.mark.parametrize("state", [HoldState.CAPTURED, HoldState.RELEASED, HoldState.EXPIRED])
def test_a_hold_that_has_ended_is_not_renewed(state: HoldState) -> None:
    """R-RET-8."""
    assert renew_at(Hold(usd(1), state, usd(0), usd(0), NOW)) is None


@pytest.mark.parametrize(
    ("before_the_end", "retryable", "again"),
    [
        (RENEW_BEFORE, True, True),
        (HARD_MARGIN + RETRY_EVERY, True, True),
        (HARD_MARGIN + RETRY_EVERY - timedelta(seconds=1), True, False),
        (RENEW_BEFORE, False, False),
    ],
)
def test_a_declined_renewal_is_tried_again_only_where_it_helps(
    before_the_end: timedelta, retryable: bool, again: bool
) -> None:
    """R-RET-7, edge case 21."""
    assert HOLD.expires_at
    now = HOLD.expires_at - before_the_end
    assert retry_at(HOLD, now, retryable=retryable) == (now + RETRY_EVERY if again else None)


def test_the_tries_of_one_hold_stay_few() -> None:
    """R-RET-7: well under fifteen in thirty days, a week's hold being tried at most four times."""
    assert HOLD.expires_at
    tries, now = 1, HOLD.expires_at - RENEW_BEFORE
    while again := retry_at(HOLD, now, retryable=True):
        tries, now = tries + 1, again
    assert tries == 4


@pytest.mark.parametrize(
    ("policy", "before_the_end"),
    [
        (HoldPolicy.SAVED_CARD, timedelta()),
        (HoldPolicy.CAPTURE_AND_REFUND, HARD_MARGIN),
        (HoldPolicy.MANUAL, timedelta()),
    ],
)
def test_another_card_is_waited_for_as_long_as_the_hold_is_of_use(
    policy: HoldPolicy, before_the_end: timedelta
) -> None:
    """Decision 13: a deposit has to be taken while the hold can still be captured."""
    assert HOLD.expires_at
    assert give_up_at(HOLD, policy) == HOLD.expires_at - before_the_end


@pytest.mark.parametrize(
    ("life_hours", "after_hours"),
    [(30 * 24, 30 * 24 - 36), (7 * 24, 7 * 24 - 36), (72, 36), (48, 24), (36, 18), (24, 12), (1, 0.5), (0, 0), (-5, 0)],
)
def test_a_short_hold_is_renewed_in_the_second_half_of_its_life(life_hours: int, after_hours: float) -> None:
    """R-RET-7: 36 hours before the end of a short hold lie before its beginning."""
    hold = replace(HOLD, expires_at=NOW + timedelta(hours=life_hours))
    at = renew_at(hold)
    assert at is not None
    expected = NOW + timedelta(hours=after_hours if life_hours >= 0 else life_hours / 2)
    assert paced(at, hold, NOW, ()) == expected


def test_two_tries_to_place_a_hold_lie_hours_apart() -> None:
    """R-RET-7: also when the gateway ends each new hold at once."""
    ended = replace(HOLD, state=HoldState.RELEASED)
    assert paced(NOW, ended, NOW, ()) == NOW
    assert paced(NOW, ended, NOW, (NOW - timedelta(days=2), NOW)) == NOW + MIN_BETWEEN
    assert paced(NOW, ended, NOW, (NOW - MIN_BETWEEN,)) == NOW


def test_a_claim_tries_a_few_times_a_day_alone() -> None:
    """R-RET-7."""
    tries = [NOW + n * MIN_BETWEEN for n in range(MOST_A_DAY)]
    assert not too_many(tries[:-1], tries[-1])
    assert too_many(tries, tries[-1])
    assert too_many(tries, tries[0] + timedelta(hours=24) - timedelta(seconds=1))
    assert not too_many(tries, tries[0] + timedelta(hours=24))


def test_a_hold_is_kept_for_a_replacement_that_does_not_ship_for_so_many_days() -> None:
    """R-CLM-8."""
    assert kept_until(NOW, Policy(hold_wait_days=30)) == NOW + timedelta(days=30)
