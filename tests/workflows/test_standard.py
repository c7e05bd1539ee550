"""Care Express Standard on the real server."""

from datetime import timedelta

import pytest

from domain.kinds import ClaimState, Component, Outcome, PartsChoice, Tier, UseKind
from messages.claims import CancelClaim, ChooseParts, ClaimAccepted
from messages.mail import MailKind
from tests.workflows.case import WITHOUT_BATTERY, Case
from tests.workflows.world import World

FEE, PROPELLERS = 15900, 1200
NO_PROPELLERS = (Component.AIRCRAFT, Component.GIMBAL_CAMERA)


async def opened(world: World) -> Case:
    return await world.open(world.care_express(Tier.STANDARD))


async def test_the_replacement_ships_when_the_unit_has_passed(world: World) -> None:
    """R-EXP-2."""
    case = await opened(world)
    assert (await case.claim()).state is ClaimState.AWAITING_ITEM
    assert not world.warehouse.requested
    await case.arrive()
    assert (await case.inspect(components=WITHOUT_BATTERY)).state is ClaimState.AWAITING_DISPATCH
    claim = await case.dispatch()
    assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.REPLACED)
    assert world.payments.net_paid() == FEE
    assert world.record.uses == [UseKind.RESERVED, UseKind.CONSUMED]
    assert await case.handle.result() == "replaced"
    assert MailKind.REPLACED in world.mail.kinds()


async def test_nothing_sent_in_thirty_days_returns_fee_and_use(world: World) -> None:
    """R-EXP-2."""
    case = await opened(world)
    claim = await case.claim()
    assert claim.returning
    claim = await case.pass_until(claim.returning.due_at - timedelta(seconds=5))
    assert claim.state is ClaimState.AWAITING_ITEM
    claim = await case.pass_time(seconds=8)
    assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.LAPSED)
    assert world.payments.net_paid() == 0
    assert world.record.uses == [UseKind.RESERVED, UseKind.GIVEN_BACK]


async def test_a_wrong_unit_never_corrected_lapses(world: World) -> None:
    """R-INS-4 without a hold: nothing to charge, nothing to ship."""
    case = await opened(world)
    await case.arrive()
    claim = await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    assert claim.state is ClaimState.AWAITING_CURE
    assert claim.deadline
    claim = await case.pass_until(claim.deadline + timedelta(seconds=2))
    assert claim.outcome is Outcome.LAPSED
    assert world.payments.net_paid() == 0


@pytest.mark.parametrize("choice", list(PartsChoice))
async def test_missing_parts_are_paid_or_sent_before_anything_ships(world: World, choice: PartsChoice) -> None:
    """R-CMP-1."""
    case = await opened(world)
    await case.arrive()
    assert (await case.inspect(components=NO_PROPELLERS)).state is ClaimState.AWAITING_PARTS
    assert not world.warehouse.requested
    claim = await case.decide("parts_choice", ChooseParts(actor="customer", choice=choice))
    if choice is PartsChoice.SEND:
        await case.arrive()
        claim = await case.inspect(serial="", components=(Component.PROPELLERS,))
    assert claim.state is ClaimState.AWAITING_DISPATCH
    assert world.payments.net_paid() == FEE + (PROPELLERS if choice is PartsChoice.PAY else 0)


async def test_a_card_that_declines_the_parts_may_be_tried_again(world: World) -> None:
    """R-CMP-1."""
    case = await opened(world)
    await case.arrive()
    await case.inspect(components=NO_PROPELLERS)
    world.payments.declines.add(("parts_charges", "pm_card_visa"))
    pay = ChooseParts(actor="customer", choice=PartsChoice.PAY)
    assert (await case.refused("parts_choice", pay)).type == "payment_declined"
    world.payments.declines.clear()
    assert (await case.decide("parts_choice", pay)).state is ClaimState.AWAITING_DISPATCH
    assert world.payments.net_paid() == FEE + PROPELLERS


async def test_a_cancel_returns_fee_parts_and_use(world: World) -> None:
    """R-EXP-9."""
    case = await opened(world)
    await case.arrive()
    await case.inspect(components=NO_PROPELLERS)
    await case.decide("parts_choice", ChooseParts(actor="customer", choice=PartsChoice.PAY))
    claim = await case.decide("cancel", CancelClaim(actor="customer"))
    assert claim.outcome is Outcome.CANCELLED
    assert world.payments.net_paid() == 0
    assert claim.goes_back
    assert world.record.uses == [UseKind.RESERVED, UseKind.GIVEN_BACK]


async def test_a_declined_fee_closes_the_claim(world: World) -> None:
    """R-EXP-6."""
    world.payments.declines.add(("service_fees", "pm_card_visa"))
    result = await world.submit(world.care_express(Tier.STANDARD))
    assert isinstance(result, ClaimAccepted)
    assert result.claim.outcome is Outcome.PAYMENT_DECLINED
    assert world.record.uses == [UseKind.RESERVED, UseKind.GIVEN_BACK]
