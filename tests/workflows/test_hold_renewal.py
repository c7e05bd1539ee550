"""A hold that is renewed as long as its claim lasts, and never captured because it is about to expire."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.kinds import Attention, ClaimState, HoldState, Outcome
from messages.claims import ChangePaymentMethod, ExtendReturn, Inspect
from messages.mail import MailKind
from tests.workflows.case import WITHOUT_BATTERY
from tests.workflows.world import World

FEE, HOLD = 15900, 164000
OTHER_CARD = ChangePaymentMethod(actor="customer", payment_method="pm_card_amex")
Worlds = Callable[..., World]


@pytest.fixture
def world_of_short_holds(make_world: Worlds) -> World:
    world = make_world()
    world.payments.hold_life = timedelta(days=7)
    return world


def placed(world: World) -> list[str]:
    return [key.split(":", 1)[1] for key in world.payments.calls if ":authorize:" in key]


async def test_a_claim_of_four_weeks_is_held_throughout_and_costs_the_fee_alone(world_of_short_holds: World) -> None:
    """R-RET-7: fourteen days, seven more, a slow parcel, and a cure."""
    world = world_of_short_holds
    async with world.worker():
        case = await world.shipped()
        await case.pass_time(days=10)
        await case.decide("extension", ExtendReturn(actor="staff", days=7, reason="in hospital"))
        await case.pass_time(days=10)
        await case.scan()
        claim = await case.pass_time(days=4)
        assert claim.state is ClaimState.AWAITING_RETURN
        await case.arrive()
        await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
        await case.pass_time(days=2)
        await case.arrive()
        claim = await case.inspect(components=WITHOUT_BATTERY)
        assert (claim.outcome, world.payments.net_paid()) == (Outcome.HOLD_RELEASED, FEE)
        assert world.payments.live_holds() == 0
        assert placed(world) == [f"authorize:{n}" for n in range(5)]
        assert Attention.HOLD_AT_RISK not in claim.attention


async def test_the_new_hold_comes_first_and_a_day_ahead(world_of_short_holds: World) -> None:
    """R-RET-7, edge case 22."""
    world = world_of_short_holds
    async with world.worker():
        case = await world.shipped()
        first = (await case.claim()).hold
        assert first
        assert first.expires_at
        await case.pass_until(first.expires_at - timedelta(hours=37))
        assert placed(world) == ["authorize:0"]
        claim = await case.pass_time(hours=2)
        assert placed(world) == ["authorize:0", "authorize:1"]
        order = [key.split(":", 1)[1] for key in world.payments.calls]
        assert order.index("authorize:1") < order.index("release:0")
        assert claim.hold
        assert claim.hold.expires_at
        assert claim.hold.expires_at > first.expires_at
        assert world.payments.live_holds() == 1


async def test_a_soft_decline_is_tried_again_in_time(world_of_short_holds: World) -> None:
    world = world_of_short_holds
    world.payments.soft_declines = 2
    async with world.worker():
        case = await world.shipped()
        claim = await case.pass_time(days=6)
        assert placed(world) == ["authorize:0", "authorize:1", "authorize:2", "authorize:3"]
        assert claim.attention == ()
        assert world.payments.live_holds() == 1


async def test_a_hard_decline_is_not_repeated_and_puts_the_hold_at_risk(world_of_short_holds: World) -> None:
    """Edge cases 20, 21: the customer gets a mail, nothing is charged before it is due."""
    world = world_of_short_holds
    world.payments.declines.add(("renewal", "pm_card_visa"))
    async with world.worker():
        case = await world.shipped()
        claim = await case.pass_time(days=6)
        assert claim.attention == (Attention.HOLD_AT_RISK,)
        assert MailKind.HOLD_AT_RISK in world.mail.kinds()
        claim = await case.pass_time(days=3)
        assert claim.hold
        assert (claim.state, claim.hold.state) == (ClaimState.AWAITING_RETURN, HoldState.EXPIRED)
        assert placed(world) == ["authorize:0", "authorize:1"]
        assert world.payments.net_paid() == FEE
        error = await case.refused("extension", ExtendReturn(actor="staff", days=7, reason="?"))
        assert error.details[0]["rule"] == "R-RET-5"
        claim = await case.pass_due()
        assert claim.state is ClaimState.DEFAULTED
        assert world.payments.net_paid() == FEE + HOLD


@pytest.mark.parametrize("days", [6, 9])
async def test_the_hold_moves_to_another_card_before_and_after_it_lapsed(
    world_of_short_holds: World, days: int
) -> None:
    """Edge case 21."""
    world = world_of_short_holds
    world.payments.declines.add(("renewal", "pm_card_visa"))
    async with world.worker():
        case = await world.shipped()
        await case.pass_time(days=days)
        same = ChangePaymentMethod(actor="customer", payment_method="pm_card_visa")
        assert (await case.refused("payment_method", same)).type == "payment_declined"
        claim = await case.decide("payment_method", OTHER_CARD)
        assert claim.hold
        assert (claim.attention, claim.hold.state) == ((), HoldState.AUTHORIZED)
        assert world.payments.live_holds() == 1
        claim = await case.pass_due()
        assert (claim.state, world.payments.net_paid()) == (ClaimState.DEFAULTED, FEE + HOLD)
        assert claim.hold
        assert claim.hold.state is HoldState.CAPTURED


@pytest.mark.parametrize("purpose", ["authorize", "release"])
async def test_a_lost_response_during_a_renewal_leaves_one_hold(world_of_short_holds: World, purpose: str) -> None:
    world = world_of_short_holds
    async with world.worker():
        case = await world.shipped()
        world.payments.lost_responses[purpose] = 2
        await case.pass_time(days=6)
        assert world.payments.live_holds() == 1
        await case.arrive()
        assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.HOLD_RELEASED
        assert (world.payments.net_paid(), world.payments.live_holds()) == (FEE, 0)


async def test_an_inspection_during_the_renewal_is_rejected_and_accepted_after_it(
    world_of_short_holds: World,
) -> None:
    """The parcel is recorded at once; at the end no hold is live."""
    world = world_of_short_holds
    async with world.worker():
        case = await world.shipped()
        first = (await case.claim()).hold
        assert first
        assert first.expires_at
        world.payments.unresponsive.add("authorize")
        await world.skipper.fast_forward(case.handle, first.expires_at - timedelta(hours=35) - await case.now())
        await case.until_in_step()
        await case.signal_arrival()
        verdict = Inspect(actor="warehouse", serial_number="SN1", genuine=True, components=WITHOUT_BATTERY)
        await case.payment_in_progress("inspection", verdict)
        world.payments.unresponsive.clear()
        assert (await case.pass_time(minutes=10)).state is ClaimState.INSPECTING
        assert (await case.decide("inspection", verdict)).outcome is Outcome.HOLD_RELEASED
        assert (world.payments.net_paid(), world.payments.live_holds()) == (FEE, 0)
