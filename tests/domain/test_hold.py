"""A hold as a sum type: what becomes of each case, and how a claim shows it."""

from dataclasses import replace
from datetime import timedelta
from typing import get_args

import pytest

from domain.claim import Hold
from domain.hold import (
    CapturedElsewhere,
    CapturedHold,
    CardHoldState,
    DepositHold,
    EndableHold,
    LapsedHold,
    LiveHold,
    NoHold,
    UnknownHold,
    after_refusal,
    as_reported,
    captured,
    lapsed,
    refunded,
    secures_dispatch,
    summary,
)
from domain.kinds import HoldState
from tests.domain.samples import NOW, usd

END = NOW + timedelta(days=7)
LIVE = LiveHold(2, "pay_1", usd(164000), END)
UNKNOWN = UnknownHold(2, "pay_1", usd(164000), END)


def reported(state: HoldState, taken: int = 0, back: int = 0) -> Hold:
    return Hold(usd(164000), state, usd(taken), usd(back), END + timedelta(days=1))


SHOWN: list[tuple[CardHoldState, tuple[HoldState, int, int] | None]] = [
    (NoHold(), None),
    (LIVE, (HoldState.AUTHORIZED, 0, 0)),
    (UNKNOWN, (HoldState.AUTHORIZED, 0, 0)),
    (DepositHold(2, "pay_1", usd(164000), END), (HoldState.CAPTURED, 164000, 0)),
    (CapturedHold(2, "pay_1", usd(164000), usd(500), usd(200), END), (HoldState.CAPTURED, 500, 200)),
    (CapturedElsewhere(2, "pay_1", usd(164000), usd(500), usd(200), END), (HoldState.CAPTURED, 500, 200)),
    (LapsedHold(2, "pay_1", usd(164000), HoldState.EXPIRED, END), (HoldState.EXPIRED, 0, 0)),
    (LapsedHold(2, "pay_1", usd(164000), HoldState.RELEASED, END), (HoldState.RELEASED, 0, 0)),
]


@pytest.mark.parametrize(("state", "shown"), SHOWN, ids=lambda value: getattr(value, "kind", ""))
def test_a_claim_shows_what_is_held_and_taken(state: CardHoldState, shown: tuple[HoldState, int, int] | None) -> None:
    """R-RET-8."""
    hold = summary(state)
    if shown is None:
        assert hold is None
    else:
        assert hold is not None
        assert (hold.state, hold.captured.amount, hold.refunded.amount) == shown
        assert (hold.amount, hold.expires_at) == (usd(164000), END)
        assert 0 <= hold.refunded.amount <= hold.captured.amount <= hold.amount.amount
        assert hold.captured.amount == 0 or hold.state is HoldState.CAPTURED


SECURES: list[tuple[CardHoldState, bool]] = [
    (NoHold(), False),
    (LIVE, True),
    (replace(LIVE, expires_at=None), True),
    (replace(LIVE, expires_at=NOW - timedelta(seconds=1)), False),
    (UNKNOWN, False),
    (DepositHold(2, "pay_1", usd(164000), NOW - timedelta(days=1)), True),
    (CapturedHold(2, "pay_1", usd(164000), usd(164000), usd(0), END), False),
    (CapturedElsewhere(2, "pay_1", usd(164000), usd(164000), usd(0), END), True),
    (CapturedElsewhere(2, "pay_1", usd(164000), usd(500), usd(0), END), False),
    (LapsedHold(2, "pay_1", usd(164000), HoldState.EXPIRED, END), False),
    (LapsedHold(2, "pay_1", usd(164000), HoldState.RELEASED, END), False),
]


@pytest.mark.parametrize(("state", "secures"), SECURES)
def test_a_replacement_ships_against_what_is_held_or_taken_in_full(state: CardHoldState, secures: bool) -> None:
    """R-EXP-6."""
    assert secures_dispatch(state, NOW) is secures


def test_every_case_is_shown_in_the_table() -> None:
    assert {type(state) for state, _ in SHOWN} == set(get_args(CardHoldState))
    assert len({state.kind for state, _ in SHOWN}) == len(get_args(CardHoldState))


@pytest.mark.parametrize("before", [LIVE, UNKNOWN], ids=lambda hold: hold.kind)
def test_what_the_gateway_reports_becomes_of_the_hold(before: EndableHold) -> None:
    again = as_reported(before, reported(HoldState.AUTHORIZED))
    assert again == LiveHold(2, "pay_1", usd(164000), END + timedelta(days=1))
    for state in (HoldState.EXPIRED, HoldState.RELEASED):
        assert as_reported(before, reported(state)) == LapsedHold(2, "pay_1", usd(164000), state, END)


def test_a_capture_that_the_gateway_reports_is_not_ours() -> None:
    assert isinstance(as_reported(LIVE, reported(HoldState.CAPTURED, 164000)), CapturedElsewhere)


@pytest.mark.parametrize("state", ["released", "expired"])
def test_a_refusal_because_it_is_over_ends_the_hold(state: str) -> None:
    assert after_refusal(LIVE, state) == lapsed(LIVE, HoldState(state))


@pytest.mark.parametrize("state", ["captured", "authorized", "unknown", "unfit", "KeyReused"])
def test_any_other_refusal_leaves_the_hold_unknown(state: str) -> None:
    """Money may be held or taken, so nothing is charged beside it without a person."""
    assert after_refusal(LIVE, state) == UNKNOWN


def test_a_capture_and_its_refund_are_counted() -> None:
    taken = captured(LIVE, usd(1200))
    assert (taken.captured, taken.refunded, taken.ordinal) == (usd(1200), usd(0), 2)
    assert refunded(taken, usd(700)).refunded == usd(700)
