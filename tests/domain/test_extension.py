"""Which extension of a return window is allowed (R-RET-5)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.claim import Claim, Hold
from domain.kinds import Action, Attention, ClaimState, HoldState
from domain.lifecycle import allowed_actions, require_extension, require_hold_until
from domain.policy import Policy
from domain.reasons import RuleError
from tests.domain.samples import LA, NOW, at, awaiting_return, usd

SECOND = timedelta(seconds=1)


def extend(snapshot: Claim, days: int, now: datetime = NOW, policy: Policy | None = None) -> RuleError | None:
    """The refusal, or None when the window may be extended."""
    try:
        assert require_extension(snapshot, days, now, policy or Policy()) == snapshot.returning
    except RuleError as refused:
        return refused
    return None


@pytest.mark.parametrize(
    ("days", "allowed"), [(-1, False), (0, False), (1, True), (2, True), (6, True), (7, True), (8, False)]
)
def test_an_extension_is_one_to_seven_days(days: int, allowed: bool) -> None:
    """R-RET-5."""
    refused = extend(awaiting_return(), days)
    assert (refused is None) is allowed
    if refused:
        assert (refused.code, refused.rule) == ("invalid_request", "R-RET-5")
        assert refused.message == "An extension is 1 to 7 days."


def test_the_longest_extension_is_configuration() -> None:
    """R-RET-5."""
    assert extend(awaiting_return(), 3, policy=Policy(max_extension_days=3)) is None
    assert extend(awaiting_return(), 4, policy=Policy(max_extension_days=3))


DUE = at("2026-06-16T23:59:59", LA)


@pytest.mark.parametrize(
    ("now", "allowed"),
    [
        pytest.param(DUE - SECOND, True, id="the second before due"),
        pytest.param(DUE, True, id="the last second"),
        pytest.param(DUE + SECOND * 0.999, True, id="within the last second"),
        pytest.param(DUE + SECOND, False, id="the second after"),
    ],
)
def test_an_extension_comes_before_the_window_ends(now: datetime, allowed: bool) -> None:
    """R-RET-5."""
    refused = extend(awaiting_return(), 1, now)
    assert (refused is None) is allowed
    if refused:
        assert (refused.code, refused.rule) == ("action_not_allowed", "R-RET-5")
        assert refused.message == "The window has ended; an extension must come before it does."


def test_a_window_is_extended_once() -> None:
    """R-RET-5."""
    snapshot = awaiting_return()
    assert snapshot.returning
    snapshot = replace(snapshot, returning=replace(snapshot.returning, extended_days=2))

    assert Action.EXTENSION not in allowed_actions(snapshot)
    refused = extend(snapshot, 1)
    assert refused
    assert (refused.code, refused.rule) == ("action_not_allowed", "R-RET-5")
    assert refused.message == "The window was already extended by 2 days; once is the limit."


@pytest.mark.parametrize(
    ("expires_at", "allowed"),
    [
        pytest.param(at("2026-06-23T23:59:58", LA), False, id="the second before the new due"),
        pytest.param(at("2026-06-23T23:59:59", LA), True, id="at the new due"),
        pytest.param(at("2026-06-24T00:00:00", LA), True, id="the second after"),
        pytest.param(None, True, id="no end known"),
    ],
)
def test_an_extension_is_refused_when_the_hold_does_not_live_that_long(
    expires_at: datetime | None, allowed: bool
) -> None:
    """R-RET-5."""
    hold = Hold(usd(88000), HoldState.AUTHORIZED, usd(0), usd(0), expires_at)
    require_hold_until(awaiting_return(hold=hold), at("2027-06-23T23:59:59", LA))  # it is renewed
    claim = awaiting_return(hold=hold, attention=(Attention.HOLD_AT_RISK,))
    if allowed:
        require_hold_until(claim, at("2026-06-23T23:59:59", LA))
        return
    with pytest.raises(RuleError, match="The hold ends 2026-06-24") as refused:
        require_hold_until(claim, at("2026-06-23T23:59:59", LA))
    assert (refused.value.code, refused.value.rule) == ("action_not_allowed", "R-RET-5")


@pytest.mark.parametrize("state", [s for s in ClaimState if s is not ClaimState.AWAITING_RETURN])
def test_only_a_claim_that_awaits_its_return_is_extended(state: ClaimState) -> None:
    """R-RET-5."""
    refused = extend(awaiting_return(state=state), 1)
    assert refused
    assert refused.code == "action_not_allowed"


def test_there_must_be_a_window_to_extend() -> None:
    """R-RET-5."""
    refused = extend(awaiting_return(returning=None), 1)
    assert refused
    assert refused.message == "There is no return window to extend."
