"""What may be done with a claim: every state against every action, for each service."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from domain.claim import Hold
from domain.kinds import Action, Attention, ClaimState, HoldState, Outcome, RepairChoice, Service, Tier
from domain.lifecycle import allowed_actions, needs_payment, require
from domain.reasons import RuleError
from domain.repair import RepairQuote
from tests.domain.samples import NOW, claim, usd

QUOTE = RepairQuote("The gimbal is broken.", usd(21000), False, usd(12400), NOW, NOW + timedelta(days=30))
HELD = Hold(usd(88000), HoldState.AUTHORIZED, usd(0), usd(0), NOW + timedelta(days=7))
SERVICES: dict[str, dict[str, Any]] = {
    "premium": {"service": Service.CARE_EXPRESS, "tier": Tier.PREMIUM, "hold": HELD},
    "standard": {"service": Service.CARE_EXPRESS, "tier": Tier.STANDARD},
    "flyaway": {"service": Service.FLYAWAY, "tier": None},
    "repair": {"service": Service.ONLINE_REPAIR, "tier": None},
    "maintenance": {"service": Service.MAINTENANCE, "tier": None},
}
TABLES = {
    "premium": """
        submitted
        awaiting_decision
        awaiting_payment    payment_method cancel ship_to
        awaiting_dispatch   dispatch cancel ship_to
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
        awaiting_dispatch   dispatch cancel ship_to
        awaiting_item       return_scan arrival cancel ship_to
        awaiting_return
        inspecting          inspection cancel ship_to
        awaiting_cure       return_scan arrival cancel ship_to
        awaiting_parts      parts_choice return_scan arrival cancel ship_to
        awaiting_choice
        in_service
        defaulted
        closed
    """,
    "flyaway": """
        submitted
        awaiting_decision   decision found cancel ship_to
        awaiting_payment    payment_method found cancel ship_to
        awaiting_dispatch   dispatch found cancel ship_to
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
        awaiting_dispatch   dispatch cancel ship_to
        awaiting_item       return_scan arrival cancel ship_to
        awaiting_return
        inspecting          inspection repair_quote ship_to
        awaiting_cure
        awaiting_parts      parts_choice return_scan arrival cancel ship_to
        awaiting_choice     repair_choice repair_quote repair_quote_withdrawal ship_to
        in_service          repair_stop completion ship_to
        defaulted
        closed
    """,
    "maintenance": """
        submitted
        awaiting_decision
        awaiting_payment
        awaiting_dispatch   dispatch cancel ship_to
        awaiting_item       return_scan arrival cancel ship_to
        awaiting_return
        inspecting          inspection repair_quote ship_to
        awaiting_cure
        awaiting_parts      parts_choice return_scan arrival cancel ship_to
        awaiting_choice     repair_choice repair_quote repair_quote_withdrawal ship_to
        in_service          repair_quote repair_stop completion ship_to
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
    snapshot = claim(state=state, **SERVICES[service])

    assert allowed_actions(snapshot) == actions
    for action in Action:
        if action in actions:
            require(snapshot, action)
        else:
            with pytest.raises(RuleError) as refused:
                require(snapshot, action)
            assert (refused.value.code, refused.value.rule) == ("action_not_allowed", "R-CLM-2")
            assert refused.value.message.startswith(("A case in state ", "The case is closed"))


@pytest.mark.parametrize(
    ("hold", "ships"),
    [
        (None, False),
        (HELD, True),
        (replace(HELD, state=HoldState.CAPTURED, captured=HELD.amount), True),
        (replace(HELD, state=HoldState.CAPTURED, captured=usd(1)), False),
        (replace(HELD, state=HoldState.CAPTURED, captured=HELD.amount, refunded=usd(1)), False),
        (replace(HELD, state=HoldState.EXPIRED), False),
        (replace(HELD, state=HoldState.RELEASED), False),
    ],
)
def test_a_premium_replacement_ships_against_a_hold_or_a_deposit_alone(hold: Hold | None, ships: bool) -> None:
    """R-EXP-6."""
    waiting = claim(state=ClaimState.AWAITING_DISPATCH, tier=Tier.PREMIUM, hold=hold)
    assert (Action.DISPATCH in allowed_actions(waiting)) is ships
    for state in (ClaimState.AWAITING_DISPATCH, ClaimState.AWAITING_PAYMENT):
        if ships:
            continue
        with pytest.raises(RuleError) as refused:
            require(replace(waiting, state=state), Action.DISPATCH)
        assert (refused.value.code, refused.value.rule) == ("hold_not_live", "R-EXP-6")
    require(replace(waiting, leaving=True), Action.DISPATCH)


@pytest.mark.parametrize("service", ["standard", "flyaway", "repair", "maintenance"])
@pytest.mark.parametrize("state", list(ClaimState))
def test_other_services_ship_in_one_state_alone_which_follows_their_payment(service: str, state: ClaimState) -> None:
    """R-EXP-2, R-FLY-4, R-REP-2: nothing else gives a unit away."""
    given_away = {Action.DISPATCH, Action.COMPLETION} & set(allowed_actions(claim(state=state, **SERVICES[service])))
    places = {ClaimState.AWAITING_DISPATCH: {Action.DISPATCH}, ClaimState.IN_SERVICE: {Action.COMPLETION}}
    workshop = service in ("repair", "maintenance")
    assert given_away == (places.get(state, set()) if workshop or state is not ClaimState.IN_SERVICE else set())


@pytest.mark.parametrize("service", list(SERVICES))
def test_what_the_warehouse_cannot_stop_cannot_be_cancelled(service: str) -> None:
    """R-EXP-9, edge case 27."""
    leaving = claim(state=ClaimState.AWAITING_DISPATCH, leaving=True, **SERVICES[service])
    assert Action.CANCEL not in allowed_actions(leaving)
    with pytest.raises(RuleError, match="can no longer be stopped") as refused:
        require(leaving, Action.CANCEL)
    assert (refused.value.code, refused.value.rule) == ("action_not_allowed", "R-EXP-9")


@pytest.mark.parametrize("service", ["repair", "maintenance"])
@pytest.mark.parametrize("state", list(ClaimState))
def test_a_quote_is_revised_until_an_option_is_chosen(service: str, state: ClaimState) -> None:
    """R-REP-5, R-MNT-2: what the inspector sees later (a part that was sent) changes no quote."""
    quoted = claim(state=state, repair_quote=QUOTE, **SERVICES[service])
    before = allowed_actions(replace(quoted, repair_quote=None))
    if state is ClaimState.AWAITING_CHOICE:
        assert allowed_actions(quoted) == before
        require(quoted, Action.REPAIR_QUOTE)
        require(quoted, Action.REPAIR_QUOTE_WITHDRAWAL)
        return
    assert allowed_actions(quoted) == tuple(action for action in before if action is not Action.REPAIR_QUOTE)
    for action in (Action.REPAIR_QUOTE, Action.REPAIR_QUOTE_WITHDRAWAL):
        with pytest.raises(RuleError):
            require(quoted, action)


@pytest.mark.parametrize("service", ["repair", "maintenance"])
def test_work_in_service_can_be_stopped_unless_the_unit_goes_back_already(service: str) -> None:
    """R-REP-7."""
    working = claim(state=ClaimState.IN_SERVICE, **SERVICES[service])
    require(working, Action.REPAIR_STOP)
    for choice in RepairChoice:
        chosen = replace(working, repair_quote=replace(QUOTE, chosen=choice))
        assert (Action.REPAIR_STOP in allowed_actions(chosen)) is (choice is not RepairChoice.RETURN)


@pytest.mark.parametrize("state", [ClaimState.INSPECTING, ClaimState.IN_SERVICE])
def test_a_large_quote_waits_for_a_decision(state: ClaimState) -> None:
    """R-REP-6."""
    waiting = claim(state=state, attention=(Attention.QUOTE_UNAPPROVED,), **SERVICES["maintenance"])
    require(waiting, Action.DECISION)
    assert not needs_payment(waiting, Action.DECISION)


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


@pytest.mark.parametrize("service", ["standard", "repair", "maintenance"])
def test_a_unit_that_goes_back_after_the_end_is_reported_as_shipped(service: str) -> None:
    """R-EXP-2, R-REP-2."""
    closed = claim(state=ClaimState.CLOSED, outcome=Outcome.CANCELLED, goes_back=True, **SERVICES[service])
    assert allowed_actions(closed) == (Action.COMPLETION, Action.SHIP_TO)
    assert allowed_actions(replace(closed, goes_back=False)) == ()


def test_a_find_is_reported_once() -> None:
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


@pytest.mark.parametrize("service", list(SERVICES))
@pytest.mark.parametrize("state", list(ClaimState))
def test_a_replacement_that_came_back_can_be_undone_until_the_claim_is_closed(service: str, state: ClaimState) -> None:
    """R-EXP-10, edge case 30."""
    came = claim(state=state, attention=(Attention.REPLACEMENT_RETURNED,), **SERVICES[service])
    waits = service == "premium" and state in (ClaimState.AWAITING_CURE, ClaimState.DEFAULTED)
    assert (Action.REPLACEMENT_UNDO in allowed_actions(came)) is waits
    assert Action.REPLACEMENT_UNDO not in allowed_actions(replace(came, attention=()))
    assert needs_payment(came, Action.REPLACEMENT_UNDO)
