"""When a hold is renewed so that it lives as long as its claim."""

from datetime import timedelta

import pytest

from domain.claim import Hold
from domain.holds import HARD_MARGIN, RENEW_BEFORE, RETRY_EVERY, give_up_at, renew_at, retry_at
from domain.kinds import HoldPolicy, HoldState
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
