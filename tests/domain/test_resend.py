"""A replacement that came back: undone, or shipped again against a hold, a deposit or a charged default (R-EXP-10)."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain.claim import Claim, Hold
from domain.kinds import Action, Attention, ClaimState, Component, HoldState, Service, Tier
from domain.lifecycle import allowed_actions, needs_payment, require, ships_again
from domain.policy import Policy
from domain.reasons import RuleError
from domain.returns import reopened, window
from tests.domain.samples import LA, NOW, at, claim, usd

HELD = Hold(usd(88000), HoldState.AUTHORIZED, usd(0), usd(0), NOW + timedelta(days=7))
EXPIRED = replace(HELD, state=HoldState.EXPIRED)
PREMIUM = {"service": Service.CARE_EXPRESS, "tier": Tier.PREMIUM, "dispatched_on": date(2026, 6, 2)}
BEFORE_DISPATCH = (ClaimState.AWAITING_DISPATCH, ClaimState.AWAITING_PAYMENT)


def came_back(**changes: object) -> Claim:
    fields = {"state": ClaimState.AWAITING_CURE, "attention": (Attention.REPLACEMENT_RETURNED,), "hold": HELD}
    return claim(**PREMIUM | fields | changes)


@pytest.mark.parametrize("state", list(ClaimState))
def test_it_can_be_sent_out_again_until_the_claim_is_closed(state: ClaimState) -> None:
    waits = state in (ClaimState.AWAITING_CURE, ClaimState.DEFAULTED)
    assert (Action.REPLACEMENT_RESEND in allowed_actions(came_back(state=state))) is waits
    assert Action.REPLACEMENT_RESEND not in allowed_actions(came_back(state=state, attention=()))
    assert not needs_payment(came_back(), Action.REPLACEMENT_RESEND)


SECURITY = [
    pytest.param({"hold": HELD}, True, id="a live hold"),
    pytest.param({"hold": replace(HELD, state=HoldState.CAPTURED, captured=HELD.amount)}, True, id="a deposit"),
    pytest.param({"hold": EXPIRED}, False, id="nothing"),
    pytest.param({"hold": EXPIRED, "dispute_until": NOW}, True, id="a charged default"),
    pytest.param({"hold": EXPIRED, "dispute_until": NOW, "amount_owed": usd(88000)}, False, id="an owed default"),
]


@pytest.mark.parametrize(("fields", "secured"), SECURITY)
def test_nothing_leaves_again_that_nothing_secures(fields: dict[str, object], secured: bool) -> None:
    """R-EXP-6."""
    came, waits = came_back(**fields), came_back(state=ClaimState.AWAITING_DISPATCH, attention=(), **fields)
    for subject, action in ((came, Action.REPLACEMENT_RESEND), (waits, Action.DISPATCH)):
        assert (action in allowed_actions(subject)) is secured
        if not secured:
            with pytest.raises(RuleError) as refused:
                require(subject, action)
            assert refused.value.code == "hold_not_live"


@pytest.mark.parametrize("state", BEFORE_DISPATCH)
def test_until_it_has_left_again_it_can_be_undone_and_not_cancelled(state: ClaimState) -> None:
    waits = came_back(state=state, attention=())
    assert ships_again(waits)
    assert not ships_again(replace(waits, dispatched_on=None))
    actions = allowed_actions(waits)
    assert {Action.REPLACEMENT_UNDO, Action.SHIP_TO} < set(actions)
    assert Action.CANCEL not in actions
    leaving = replace(waits, leaving=True)
    assert Action.REPLACEMENT_UNDO not in allowed_actions(leaving)
    with pytest.raises(RuleError, match="can no longer be stopped"):
        require(leaving, Action.REPLACEMENT_UNDO)


EXPECTED = (Component.AIRCRAFT,)


def opened(day: str, extended: int = 0) -> object:
    return window(at(f"2026-{day}T12:00:00", LA), 14, LA, EXPECTED, Policy(), extended)


WINDOWS = [
    # dispatched, extended by, dispatched again: due then
    ("06-02", 0, "06-05", "06-19"),
    ("06-02", 0, "06-02", "06-16"),
    ("06-02", 7, "06-05", "06-23"),
    ("06-02", 7, "06-09", "06-23"),
    ("06-02", 7, "06-10", "06-24"),
]


@pytest.mark.parametrize(("first", "extended", "again", "due"), WINDOWS)
def test_the_window_is_fresh_and_never_ends_before_the_old_one(first: str, extended: int, again: str, due: str) -> None:
    old = window(at(f"2026-{first}T12:00:00", LA), 14, LA, EXPECTED, Policy(), extended)
    old = replace(old, scanned_at=NOW, arrived_at=NOW, delivered_at=NOW)
    found = reopened(old, window(at(f"2026-{again}T12:00:00", LA), 14, LA, EXPECTED, Policy()), charged=False)
    assert found.due_at == at(f"2026-{due}T23:59:59", LA)
    assert (found.scanned_at, found.arrived_at, found.delivered_at, found.parcel) == (None, None, None, None)


@pytest.mark.parametrize(("first", "extended", "again", "due"), WINDOWS)
def test_after_a_charge_the_last_day_for_a_refund_alone_moves(first: str, extended: int, again: str, due: str) -> None:
    """R-RET-10: the default was due."""
    old = window(at(f"2026-{first}T12:00:00", LA), 14, LA, EXPECTED, Policy(), extended)
    found = reopened(
        replace(old, arrived_at=NOW), window(at(f"2026-{again}T12:00:00", LA), 14, LA, EXPECTED, Policy()), charged=True
    )
    assert (found.due_at, found.carried_until, found.arrived_at) == (old.due_at, old.carried_until, None)
    assert found.late_until == at(f"2026-{due}T23:59:59", LA) + timedelta(days=10)
    assert found.late_text.startswith(f"{found.late_until:%Y}-")
