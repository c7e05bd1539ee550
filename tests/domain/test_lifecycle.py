"""What may be done with a claim: every state against every action, for each service."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from domain.claim import Claim, Hold
from domain.kinds import Action, Attention, ClaimState, HoldState, Outcome, Service, Tier
from domain.lifecycle import allowed_actions, require, require_extension, require_hold_until
from domain.policy import Policy
from domain.reasons import RuleError
from domain.repair import RepairQuote
from tests.domain.samples import LA, NOW, at, awaiting_return, claim, usd

SECOND = timedelta(seconds=1)
QUOTE = RepairQuote("The gimbal is broken.", usd(21000), False, usd(12400), NOW, NOW + timedelta(days=30))
SERVICES: dict[str, dict[str, Any]] = {
    "premium": {"service": Service.CARE_EXPRESS, "tier": Tier.PREMIUM},
    "standard": {"service": Service.CARE_EXPRESS, "tier": Tier.STANDARD},
    "flyaway": {"service": Service.FLYAWAY, "tier": None},
    "repair": {"service": Service.ONLINE_REPAIR, "tier": None},
    "maintenance": {"service": Service.MAINTENANCE, "tier": None},
}
TABLES = {
    "premium": """
        submitted
        awaiting_decision
        awaiting_payment
        awaiting_dispatch   dispatch cancel
        awaiting_item
        awaiting_return     return_scan arrival extension waiver
        inspecting          inspection waiver
        awaiting_cure       return_scan arrival waiver
        awaiting_parts      parts_choice return_scan arrival waiver
        awaiting_choice
        in_service
        defaulted           return_scan arrival waiver
        closed
    """,
    "standard": """
        submitted
        awaiting_decision
        awaiting_payment
        awaiting_dispatch   dispatch cancel
        awaiting_item       return_scan arrival cancel
        awaiting_return
        inspecting          inspection cancel
        awaiting_cure       return_scan arrival cancel
        awaiting_parts      parts_choice return_scan arrival cancel
        awaiting_choice
        in_service
        defaulted
        closed
    """,
    "flyaway": """
        submitted
        awaiting_decision   decision found cancel
        awaiting_payment    payment_method found cancel
        awaiting_dispatch   dispatch found cancel
        awaiting_item
        awaiting_return
        inspecting
        awaiting_cure
        awaiting_parts
        awaiting_choice
        in_service
        defaulted
        closed
    """,
    "repair": """
        submitted
        awaiting_decision
        awaiting_payment
        awaiting_dispatch   dispatch cancel
        awaiting_item       return_scan arrival cancel
        awaiting_return
        inspecting          inspection repair_quote
        awaiting_cure
        awaiting_parts      parts_choice return_scan arrival cancel
        awaiting_choice     repair_choice
        in_service          completion
        defaulted
        closed
    """,
    "maintenance": """
        submitted
        awaiting_decision
        awaiting_payment
        awaiting_dispatch   dispatch cancel
        awaiting_item       return_scan arrival cancel
        awaiting_return
        inspecting          inspection repair_quote
        awaiting_cure
        awaiting_parts      parts_choice return_scan arrival cancel
        awaiting_choice     repair_choice
        in_service          repair_quote completion
        defaulted
        closed
    """,
}
ROWS = [
    pytest.param(service, ClaimState(words[0]), tuple(Action(w) for w in words[1:]), id=f"{service} {words[0]}")
    for service, table in TABLES.items()
    for words in (line.split() for line in table.splitlines() if line.strip())
]


def test_the_tables_name_every_state_of_every_service() -> None:
    assert len(ROWS) == len(SERVICES) * len(ClaimState)


@pytest.mark.parametrize(("service", "state", "actions"), ROWS)
def test_each_state_takes_these_actions_and_refuses_the_others(
    service: str, state: ClaimState, actions: tuple[Action, ...]
) -> None:
    """R-EXP-9, R-CLM-8, R-RET-5, R-FLY-3, R-FLY-6, R-CMP-1, R-REP-1, R-MNT-2, R-AUD-1: one predicate."""
    standing = claim(state=state, **SERVICES[service])

    assert allowed_actions(standing) == actions
    for action in Action:
        if action in actions:
            require(standing, action)
        else:
            with pytest.raises(RuleError) as refused:
                require(standing, action)
            assert (refused.value.code, refused.value.rule) == ("action_not_allowed", "R-CLM-2")
            assert refused.value.message.startswith(("A case in state ", "The case is closed"))


@pytest.mark.parametrize("service", ["repair", "maintenance"])
@pytest.mark.parametrize("state", list(ClaimState))
def test_a_quote_is_given_once(service: str, state: ClaimState) -> None:
    """R-REP-1, R-MNT-2: what the inspector sees later (a part that was sent) changes no quote."""
    quoted = claim(state=state, repair_quote=QUOTE, **SERVICES[service])
    before = allowed_actions(replace(quoted, repair_quote=None))

    assert allowed_actions(quoted) == tuple(action for action in before if action is not Action.REPAIR_QUOTE)
    with pytest.raises(RuleError):
        require(quoted, Action.REPAIR_QUOTE)


@pytest.mark.parametrize("service", list(SERVICES))
def test_a_claim_can_be_cancelled_until_its_replacement_leaves(service: str) -> None:
    """R-EXP-9, R-CLM-8, edge cases 26 and 27."""
    require(claim(state=ClaimState.AWAITING_DISPATCH, **SERVICES[service]), Action.CANCEL)


@pytest.mark.parametrize(
    "state",
    [
        ClaimState.AWAITING_RETURN,
        ClaimState.INSPECTING,
        ClaimState.AWAITING_CURE,
        ClaimState.AWAITING_PARTS,
        ClaimState.DEFAULTED,
    ],
)
def test_after_dispatch_a_cancel_is_refused_with_the_day_it_left(state: ClaimState) -> None:
    """R-EXP-9."""
    with pytest.raises(RuleError) as refused:
        require(claim(state=state, dispatched_on=date(2026, 6, 2)), Action.CANCEL)
    assert (refused.value.code, refused.value.rule) == ("action_not_allowed", "R-EXP-9")
    assert refused.value.message == (
        "The replacement left on 2026-06-02; the case can only be closed by returning your original."
    )


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("service", list(SERVICES))
@pytest.mark.parametrize("watched", [True, False], ids=["watched", "done"])
def test_a_closed_claim_takes_only_a_waiver_of_a_charge_or_the_news_of_a_find(
    outcome: Outcome, service: str, watched: bool
) -> None:
    """R-AUD-1: a charge may be disputed. R-FLY-6: a lost drone may be found after its replacement left."""
    closed = claim(
        state=ClaimState.CLOSED,
        outcome=outcome,
        closed_at=NOW,
        dispatched_on=date(2026, 6, 2),
        dispute_until=NOW + timedelta(days=30) if watched else None,
        **SERVICES[service],
    )
    expected: tuple[Action, ...] = ()
    if watched and outcome in {Outcome.DEFAULT_CHARGED, Outcome.PARTS_CHARGED}:
        expected = (Action.WAIVER,)
    elif watched and outcome is Outcome.REPLACED and service == "flyaway":
        expected = (Action.FOUND,)

    assert allowed_actions(closed) == expected
    with pytest.raises(RuleError) as refused:
        require(closed, Action.CANCEL)
    words = outcome.replace("_", " ")
    assert refused.value.message == f"The case is closed as {words}; cancel is no longer possible."


def test_a_find_is_told_once() -> None:
    """R-FLY-6."""
    closed = claim(
        state=ClaimState.CLOSED,
        outcome=Outcome.REPLACED,
        dispute_until=NOW,
        attention=(Attention.FOUND_AFTER_DISPATCH,),
        **SERVICES["flyaway"],
    )
    assert allowed_actions(closed) == ()


@pytest.mark.parametrize("state", [ClaimState.AWAITING_RETURN, ClaimState.AWAITING_CURE])
def test_a_default_held_back_waits_for_a_decision(state: ClaimState) -> None:
    """Edge case 11."""
    held = claim(state=state, attention=(Attention.DEFAULT_HELD_BACK,))
    assert allowed_actions(held) == (*allowed_actions(replace(held, attention=())), Action.DECISION)


def extend(standing: Claim, days: int, now: datetime = NOW, policy: Policy | None = None) -> RuleError | None:
    """The refusal, or None when the window may be extended."""
    try:
        assert require_extension(standing, days, now, policy or Policy()) == standing.returning
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
    standing = awaiting_return()
    assert standing.returning
    standing = replace(standing, returning=replace(standing.returning, extended_days=2))

    assert Action.EXTENSION not in allowed_actions(standing)
    refused = extend(standing, 1)
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
    require_hold_until(awaiting_return(hold=hold), at("2027-06-23T23:59:59", LA))  # it is kept alive
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
