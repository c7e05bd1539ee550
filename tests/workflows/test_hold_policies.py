"""A hold that cannot be renewed (decision 13), and one whose change the gateway reports."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.claim import Claim
from domain.kinds import Attention, ClaimState, Component, HoldPolicy, HoldState, Outcome, PartsChoice, Tier
from domain.policy import Policy
from messages.claims import CancelClaim, ChooseParts, Decide, PaymentChanged, Waive
from messages.mail import MailKind
from tests.workflows.case import WITHOUT_BATTERY, Case
from tests.workflows.world import World

FEE, HOLD = 15900, 164000
Worlds = Callable[..., World]


def failing(make_world: Worlds, policy: HoldPolicy) -> World:
    """A programme with that policy, and a card that accepts the first hold only."""
    world = make_world(policy=Policy(hold_policy=policy))
    world.payments.hold_life = timedelta(days=7)
    world.payments.declines.add(("renewal", "pm_card_visa"))
    return world


@pytest.fixture
def depositing(make_world: Worlds) -> World:
    return failing(make_world, HoldPolicy.CAPTURE_AND_REFUND)


@pytest.fixture
def manual(make_world: Worlds) -> World:
    return failing(make_world, HoldPolicy.MANUAL)


async def report_payment_changed(case: Case, payment_id: str, event_id: str = "evt_1") -> Claim:
    """Signal a change of a payment; returns the claim after it."""
    await case.handle.signal(
        "payment_changed", PaymentChanged(event_id=event_id, actor="simulated", payment_id=payment_id)
    )
    return await case.claim()


async def test_a_deposit_is_taken_a_day_before_the_hold_lapses_and_goes_back_with_a_good_return(
    depositing: World,
) -> None:
    world = depositing
    async with world.worker():
        case = await world.shipped()
        claim = await case.pass_time(days=5, hours=20)
        assert claim.attention == (Attention.HOLD_AT_RISK,)
        assert world.payments.net_paid() == FEE
        claim = await case.pass_time(hours=8)
        assert (claim.state, claim.attention) == (ClaimState.AWAITING_RETURN, ())
        assert claim.hold
        assert claim.hold.state is HoldState.CAPTURED
        assert world.payments.net_paid() == FEE + HOLD
        assert world.mail.kinds().count(MailKind.DEPOSIT_TAKEN) == 1
        await case.arrive()
        claim = await case.inspect(components=WITHOUT_BATTERY)
        assert claim.outcome is Outcome.HOLD_RELEASED
        assert claim.hold
        assert claim.hold.refunded.amount == HOLD
        assert world.payments.net_paid() == FEE
        await case.claim()  # with its mails
        assert world.mail.sent[-1].kind is MailKind.REFUND


async def test_a_deposit_is_kept_when_the_default_falls_due_and_goes_back_with_a_late_return(
    depositing: World,
) -> None:
    world = depositing
    async with world.worker():
        case = await world.shipped()
        claim = await case.pass_due()
        assert (claim.state, world.payments.net_paid()) == (ClaimState.DEFAULTED, FEE + HOLD)
        assert [amount.amount for amount in world.payments.kept.values()] == [HOLD]
        assert not [key for key in world.payments.calls if key.endswith(":default")]
        await case.arrive()
        claim = await case.inspect(components=WITHOUT_BATTERY)
        assert (claim.outcome, world.payments.net_paid()) == (Outcome.LATE_RETURN_REFUNDED, FEE)


async def test_of_a_deposit_the_missing_parts_are_kept_and_the_rest_goes_back(depositing: World) -> None:
    """R-CMP-2."""
    world = depositing
    async with world.worker():
        case = await world.shipped()
        await case.pass_time(days=8)
        await case.arrive()
        claim = await case.inspect(components=(Component.AIRCRAFT, Component.GIMBAL_CAMERA))
        assert claim.state is ClaimState.AWAITING_PARTS
        differences = sum(part.difference.amount for part in claim.missing)
        claim = await case.decide("parts_choice", ChooseParts(actor="customer", choice=PartsChoice.PAY))
        assert (claim.outcome, world.payments.net_paid()) == (Outcome.PARTS_CHARGED, FEE + differences)


async def test_a_deposit_goes_back_when_staff_waive(depositing: World) -> None:
    world = depositing
    async with world.worker():
        case = await world.shipped()
        await case.pass_time(days=8)
        await case.decide("waiver", Waive(actor="staff", reason="lost by the carrier"))
        claim = await case.claim()  # with its mails
        assert (claim.outcome, world.payments.net_paid()) == (Outcome.WAIVED, FEE)
        assert (world.mail.sent[-1].kind, world.mail.sent[-1].amount) == (
            MailKind.REFUND,
            claim.hold and claim.hold.amount,
        )


async def test_a_deposit_goes_back_with_the_fee_when_nothing_was_shipped(depositing: World) -> None:
    """R-EXP-9."""
    world = depositing
    async with world.worker():
        case = await world.open(world.care_express(tier=Tier.PREMIUM))
        await case.pass_time(days=8)
        assert world.payments.net_paid() == FEE + HOLD
        claim = await case.decide("cancel", CancelClaim(actor="customer"))
        assert (claim.outcome, world.payments.net_paid()) == (Outcome.CANCELLED, 0)


async def test_a_lost_response_captures_a_deposit_once(depositing: World) -> None:
    world = depositing
    world.payments.lost_responses["deposit"] = 2
    world.payments.lost_responses["refund-deposit"] = 2
    async with world.worker():
        case = await world.shipped()
        await case.pass_time(days=8)
        assert world.payments.net_paid() == FEE + HOLD
        await case.arrive()
        await case.inspect(components=WITHOUT_BATTERY)
        assert world.payments.net_paid() == FEE


async def test_without_a_live_hold_staff_decide_on_a_default(manual: World) -> None:
    world = manual
    async with world.worker():
        case = await world.shipped()
        claim = await case.pass_due()
        assert (claim.state, claim.deadline) == (ClaimState.AWAITING_RETURN, None)
        assert Attention.DEFAULT_HELD_BACK in claim.attention
        assert world.payments.net_paid() == FEE
        claim = await case.decide("decision", Decide(actor="staff", approve=True, reason="agreed by phone"))
        assert (claim.state, world.payments.net_paid()) == (ClaimState.DEFAULTED, FEE + HOLD)
        assert Attention.DEFAULT_HELD_BACK not in claim.attention


async def test_staff_may_waive_a_default_without_a_hold(manual: World) -> None:
    world = manual
    async with world.worker():
        case = await world.shipped()
        await case.pass_due()
        claim = await case.decide("decision", Decide(actor="staff", approve=False, reason="not worth it"))
        assert (claim.outcome, world.payments.net_paid()) == (Outcome.WAIVED, FEE)


async def test_a_parcel_ends_the_wait_for_staff(manual: World) -> None:
    world = manual
    async with world.worker():
        case = await world.shipped()
        await case.pass_due()
        await case.arrive()
        claim = await case.inspect(components=WITHOUT_BATTERY)
        assert (claim.outcome, world.payments.net_paid()) == (Outcome.HOLD_RELEASED, FEE)


async def test_without_a_live_hold_staff_decide_on_missing_parts_without_a_choice(manual: World) -> None:
    world = manual
    async with world.worker():
        case = await world.shipped()
        await case.pass_time(days=8)
        await case.arrive()
        claim = await case.inspect(components=(Component.AIRCRAFT, Component.GIMBAL_CAMERA))
        assert claim.deadline
        differences = sum(part.difference.amount for part in claim.missing)
        claim = await case.pass_until(claim.deadline + timedelta(seconds=2))
        assert (claim.state, world.payments.net_paid()) == (ClaimState.AWAITING_PARTS, FEE)
        claim = await case.decide("decision", Decide(actor="staff", approve=True))
        assert (claim.outcome, world.payments.net_paid()) == (Outcome.PARTS_CHARGED, FEE + differences)


async def test_a_hold_that_the_gateway_ended_early_is_replaced_at_once(make_world: Worlds) -> None:
    """payments.md section 3: the claim reads the hold itself."""
    world = make_world()
    async with world.worker():
        case = await world.shipped()
        (hold_id,) = world.payments.holds
        world.payments.holds[hold_id] = replace(world.payments.holds[hold_id], state=HoldState.RELEASED)
        claim = await report_payment_changed(case, hold_id)
        for _ in range(100):
            if len(world.payments.holds) == 2:
                break
            await asyncio.sleep(0.05)
        claim = await case.claim()
        assert claim.hold
        assert (claim.hold.state, claim.attention) == (HoldState.AUTHORIZED, (Attention.PAYMENT_DIFFERS,))
        assert world.payments.live_holds() == 1


async def test_a_report_changes_nothing_when_nothing_has_changed(make_world: Worlds) -> None:
    """Any order and repetition ends in the same state (invariant 15)."""
    world = make_world()
    async with world.worker():
        case = await world.shipped()
        before = await case.claim()
        (hold_id,) = world.payments.holds
        for event_id in ("evt_1", "evt_1", "evt_2"):
            await report_payment_changed(case, hold_id, event_id)
        await report_payment_changed(case, "pay_of_somebody_else", "evt_3")
        assert await case.claim() == before
        looks = [key for key in world.payments.calls if ":look:" in key]
        assert len(looks) == 2


async def test_a_report_of_a_shorter_hold_brings_its_renewal_forward(make_world: Worlds) -> None:
    world = make_world()
    async with world.worker():
        case = await world.shipped()
        (hold_id,) = world.payments.holds
        now = await case.now()
        shorter = replace(world.payments.holds[hold_id], expires_at=now + timedelta(days=3))
        world.payments.holds[hold_id] = shorter
        await report_payment_changed(case, hold_id)
        assert len(world.payments.holds) == 1
        await case.pass_time(days=2)
        assert len(world.payments.holds) == 2


async def test_a_report_about_a_closed_claim_has_no_effect(make_world: Worlds) -> None:
    """R-RET-8: an ended hold never moves."""
    world = make_world()
    async with world.worker():
        case = await world.shipped()
        claim = await case.pass_due()
        (hold_id,) = world.payments.holds
        assert await report_payment_changed(case, hold_id) == claim
