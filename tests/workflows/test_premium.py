"""Premium claims: the return, in time, late or never, complete or not."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.kinds import Attention, ClaimState, Component, HoldState, Outcome, PartsChoice, ReasonCode, UseKind
from domain.policy import Policy
from messages.claims import (
    ChooseParts,
)
from messages.mail import MailKind
from tests.workflows.case import WITHOUT_BATTERY
from tests.workflows.world import World

FEE, HOLD, PROPELLERS = 15900, 164000, 1200
NO_PROPELLERS = (Component.AIRCRAFT, Component.GIMBAL_CAMERA)
Worlds = Callable[..., World]


async def test_a_good_return_releases_the_hold_and_costs_the_fee_alone(world: World) -> None:
    """R-INS-2, R-EXP-6."""
    case = await world.shipped()
    await case.pass_time(days=5)
    await case.scan()
    await case.pass_time(days=3)
    await case.arrive()
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.HOLD_RELEASED)
    assert claim.hold
    assert claim.hold.state is HoldState.RELEASED
    assert world.payments.net_paid() == FEE
    assert world.record.uses == [UseKind.RESERVED, UseKind.CONSUMED]
    assert await case.handle.result() == "hold_released"
    assert world.mail.kinds()[-1] is MailKind.RELEASED


async def test_nothing_returned_charges_the_hold_once_the_second_after_due(world: World) -> None:
    """R-RET-2, R-RET-6, R-NOT-1."""
    case = await world.shipped()
    claim = await case.claim()
    assert claim.returning
    claim = await case.pass_until(claim.returning.due_at - timedelta(seconds=5))
    assert claim.state is ClaimState.AWAITING_RETURN
    claim = await case.pass_time(seconds=8)
    assert claim.state is ClaimState.DEFAULTED
    assert claim.hold
    assert claim.hold.captured.amount == HOLD
    assert claim.reasons[0].code is ReasonCode.NOT_RECEIVED
    assert world.payments.net_paid() == FEE + HOLD
    kinds = world.mail.kinds()
    assert [k for k in kinds if k.startswith("due")] == [MailKind.DUE_MINUS_3, MailKind.DUE_MINUS_1, MailKind.DUE_DAY]
    claim = await case.pass_time(days=11)
    assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.DEFAULT_CHARGED)
    await case.pass_time(days=30)
    assert await case.handle.result() == "default_charged"
    assert world.payments.net_paid() == FEE + HOLD


async def test_a_wrong_serial_may_be_put_right_and_is_charged_when_it_is_not(world: World) -> None:
    """R-INS-3, R-INS-4."""
    case = await world.shipped()
    await case.pass_time(days=13)
    await case.arrive()
    claim = await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    assert claim.state is ClaimState.AWAITING_CURE
    assert claim.reasons[0].code is ReasonCode.SERIAL_MISMATCH
    assert claim.returning
    assert claim.deadline
    assert claim.deadline >= claim.returning.due_at
    claim = await case.pass_until(claim.deadline + timedelta(seconds=2))
    assert claim.state is ClaimState.DEFAULTED
    assert world.payments.net_paid() == FEE + HOLD


async def test_the_right_unit_in_the_cure_window_counts_as_in_time(world: World) -> None:
    """R-INS-4, edge case 10."""
    case = await world.shipped()
    await case.pass_time(days=14)
    await case.arrive()
    claim = await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    assert claim.deadline
    await case.pass_until(claim.deadline - timedelta(hours=1))
    await case.arrive()
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert claim.outcome is Outcome.HOLD_RELEASED
    assert world.payments.net_paid() == FEE


async def test_a_second_wrong_box_does_not_move_the_cure_window(world: World) -> None:
    """R-INS-4."""
    case = await world.shipped()
    await case.pass_time(days=14)
    await case.arrive()
    first = (await case.inspect(serial="SN9", components=WITHOUT_BATTERY)).deadline
    await case.pass_time(days=1)
    await case.arrive()
    second = (await case.inspect(serial="SN8", components=WITHOUT_BATTERY)).deadline
    assert second == first


async def test_without_a_cure_window_a_wrong_box_is_charged_at_once(make_world: Worlds) -> None:
    """R-INS-4: the literal setting."""
    world = make_world(policy=Policy(cure_days=0))
    async with world.worker():
        case = await world.shipped()
        await case.arrive()
        claim = await case.inspect(genuine=False)
        assert claim.state is ClaimState.DEFAULTED
        assert world.payments.net_paid() == FEE + HOLD


async def test_a_missing_battery_after_a_battery_replacement_is_charged_in_full(world: World) -> None:
    """R-INS-3, edge case 15."""
    case = await world.shipped(replace_battery=True)
    await case.arrive()
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert claim.state is ClaimState.AWAITING_CURE
    assert [r.code for r in claim.reasons] == [ReasonCode.BATTERY_MISSING]
    assert claim.deadline
    claim = await case.pass_until(claim.deadline + timedelta(seconds=2))
    assert claim.state is ClaimState.DEFAULTED
    assert world.payments.net_paid() == FEE + HOLD


async def test_the_missing_battery_may_follow_in_its_own_parcel(world: World) -> None:
    """R-INS-4, edge case 15."""
    case = await world.shipped(replace_battery=True)
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    await case.arrive()
    claim = await case.inspect(serial="", components=(Component.BATTERY,))
    assert claim.outcome is Outcome.HOLD_RELEASED
    assert world.payments.net_paid() == FEE


async def test_missing_propellers_cost_their_difference_alone(world: World) -> None:
    """R-CMP-1, R-CMP-2, edge case 16."""
    case = await world.shipped()
    await case.arrive()
    claim = await case.inspect(components=NO_PROPELLERS)
    assert claim.state is ClaimState.AWAITING_PARTS
    assert [(p.component, p.difference.amount) for p in claim.missing] == [(Component.PROPELLERS, PROPELLERS)]
    assert claim.deadline
    claim = await case.pass_until(claim.deadline + timedelta(seconds=2))
    assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.PARTS_CHARGED)
    assert claim.hold
    assert claim.hold.captured.amount == PROPELLERS
    assert world.payments.net_paid() == FEE + PROPELLERS


async def test_wrong_parts_cost_their_difference_when_the_device_was_accepted(world: World) -> None:
    """R-CMP-1, R-CMP-2, R-INS-3: what was accepted stays accepted, and a wrong part is a missing part."""
    case = await world.shipped()
    await case.arrive()
    await case.inspect(components=NO_PROPELLERS)
    await case.arrive()
    claim = await case.inspect(serial="", components=(Component.PROPELLERS,), genuine=False)
    assert claim.state is ClaimState.AWAITING_PARTS
    assert claim.deadline
    claim = await case.pass_until(claim.deadline + timedelta(seconds=2))
    assert claim.outcome is Outcome.PARTS_CHARGED
    assert world.payments.net_paid() == FEE + PROPELLERS


async def test_a_wrong_part_in_the_first_box_is_a_missing_part(world: World) -> None:
    """R-CMP-1."""
    case = await world.shipped()
    await case.arrive()
    claim = await case.inspect(components=WITHOUT_BATTERY, genuine=False, not_genuine=(Component.PROPELLERS,))
    assert claim.state is ClaimState.AWAITING_PARTS
    assert [part.component for part in claim.missing] == [Component.PROPELLERS]
    await case.arrive()
    claim = await case.inspect(serial="", components=(Component.PROPELLERS,))
    assert claim.outcome is Outcome.HOLD_RELEASED
    assert world.payments.net_paid() == FEE


@pytest.mark.parametrize("choice", list(PartsChoice))
async def test_the_customer_pays_for_parts_or_sends_them(world: World, choice: PartsChoice) -> None:
    """R-CMP-1."""
    case = await world.shipped()
    await case.arrive()
    await case.inspect(components=NO_PROPELLERS)
    claim = await case.decide("parts_choice", ChooseParts(actor="customer", choice=choice))
    if choice is PartsChoice.PAY:
        assert claim.outcome is Outcome.PARTS_CHARGED
        assert world.payments.net_paid() == FEE + PROPELLERS
        return
    assert claim.state is ClaimState.AWAITING_PARTS
    await case.arrive()
    claim = await case.inspect(serial="", components=(Component.PROPELLERS,))
    assert claim.outcome is Outcome.HOLD_RELEASED
    assert world.payments.net_paid() == FEE


@pytest.mark.parametrize(
    ("components", "late_fee", "kept"),
    [(WITHOUT_BATTERY, 0, 0), (WITHOUT_BATTERY, 2500, 2500), (NO_PROPELLERS, 0, PROPELLERS)],
)
async def test_a_late_return_is_refunded_less_what_is_kept(
    make_world: Worlds, components: tuple[Component, ...], late_fee: int, kept: int
) -> None:
    """R-RET-10, edge cases 8, 9."""
    world = make_world(policy=Policy(late_fee=late_fee))
    async with world.worker():
        case = await world.shipped()
        await case.pass_due()
        await case.pass_time(days=4)
        await case.arrive()
        claim = await case.inspect(components=components)
        assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.LATE_RETURN_REFUNDED)
        assert claim.hold
        assert (claim.hold.captured.amount, claim.hold.refunded.amount) == (HOLD, HOLD - kept)
        assert world.payments.net_paid() == FEE + kept


@pytest.mark.parametrize(("late", "refunded"), [(timedelta(0), True), (timedelta(seconds=1), False)])
async def test_the_last_second_for_a_refund_is_the_end_of_the_tenth_day(
    world: World, late: timedelta, refunded: bool
) -> None:
    """R-RET-10."""
    case = await world.shipped()
    returning = (await case.pass_due()).returning
    assert returning
    await case.pass_until(returning.late_until - timedelta(seconds=30))
    claim = await case.arrive(at=returning.late_until + late)
    assert claim.state is ClaimState.INSPECTING
    assert claim.attention == (() if refunded else (Attention.REFUND_DUE,))
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert claim.state is (ClaimState.CLOSED if refunded else ClaimState.DEFAULTED)
    assert world.payments.net_paid() == FEE + (0 if refunded else HOLD)


async def test_a_late_return_of_the_wrong_unit_is_not_refunded(world: World) -> None:
    """Edge case 9."""
    case = await world.shipped()
    await case.pass_due()
    await case.arrive()
    claim = await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    assert claim.state is ClaimState.DEFAULTED
    assert world.payments.net_paid() == FEE + HOLD
    await case.arrive()
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert claim.outcome is Outcome.LATE_RETURN_REFUNDED
    assert world.payments.net_paid() == FEE


async def test_an_arrival_keyed_in_late_but_in_time_costs_no_late_fee(make_world: Worlds) -> None:
    """Edge cases 4, 5."""
    world = make_world(policy=Policy(late_fee=2500))
    async with world.worker():
        case = await world.shipped()
        due = (await case.pass_due()).returning
        assert due
        await case.arrive(at=due.due_at, reason="found at the gate")
        claim = await case.inspect(components=WITHOUT_BATTERY)
        assert claim.outcome is Outcome.LATE_RETURN_REFUNDED
        assert world.payments.net_paid() == FEE


async def test_a_parcel_the_carrier_took_in_time_is_waited_for(world: World) -> None:
    """R-RET-4, edge cases 6, 60."""
    case = await world.shipped()
    await case.pass_time(days=9)
    claim = await case.scan()
    assert claim.returning
    assert claim.deadline == claim.returning.carried_until
    claim = await case.pass_due()
    assert claim.state is ClaimState.AWAITING_RETURN
    assert "charge_postponed" in world.record.kinds()
    await case.pass_time(days=4)
    await case.arrive()
    assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.HOLD_RELEASED
    assert world.payments.net_paid() == FEE
    assert not [kind for kind in world.mail.kinds() if kind.startswith("due")]


async def test_a_parcel_that_never_comes_out_of_transit_is_charged_after_the_grace(world: World) -> None:
    """R-RET-4."""
    case = await world.shipped()
    claim = await case.scan()
    assert claim.returning
    claim = await case.pass_until(claim.returning.carried_until - timedelta(seconds=5))
    assert claim.state is ClaimState.AWAITING_RETURN
    claim = await case.pass_time(seconds=8)
    assert claim.state is ClaimState.DEFAULTED
