"""The gateway refuses what it should accept: nothing is charged twice or called done, and staff are notified."""

import pytest

from domain.kinds import Attention, ClaimState, Component, Outcome, PartsChoice, Tier
from messages.claims import CancelClaim, ChooseParts, Decide, Waive
from messages.mail import MailKind
from tests.workflows.case import WITHOUT_BATTERY
from tests.workflows.world import World

FEE, HOLD = 15900, 164000
REFUSED = (Attention.PAYMENT_REFUSED,)
APPROVE = Decide(actor="staff", approve=True, reason="not captured, by the gateway's page")
NO_PROPELLERS = (Component.AIRCRAFT, Component.GIMBAL_CAMERA)


@pytest.mark.parametrize("state", ["captured", "authorized", "unknown"])
async def test_a_hold_that_cannot_be_captured_is_not_charged_to_the_card_before_staff_approve(
    world: World, state: str
) -> None:
    """R-RET-9 is for a hold that has ended; this money may be held, or captured, already."""
    case = await world.shipped()
    world.payments.refuses["capture"] = state
    claim = await case.pass_due()
    assert claim.attention == (Attention.PAYMENT_REFUSED, Attention.DEFAULT_HELD_BACK)
    assert (claim.state, world.payments.net_paid()) == (ClaimState.AWAITING_RETURN, FEE)
    assert "payment_refused" in world.record.kinds()
    claim = await case.decide("decision", APPROVE)
    assert claim.state is ClaimState.DEFAULTED
    assert claim.attention == REFUSED
    assert world.payments.net_paid() == FEE + HOLD


async def test_staff_waive_what_the_gateway_refused(world: World) -> None:
    case = await world.shipped()
    world.payments.refuses["capture"] = "authorized"
    await case.pass_due()
    claim = await case.decide("waiver", Waive(actor="staff", reason="our gateway's fault"))
    assert (claim.outcome, claim.attention) == (Outcome.WAIVED, REFUSED)
    assert (world.payments.net_paid(), world.payments.live_holds()) == (FEE, 0)


@pytest.mark.parametrize("state", ["expired", "released"])
async def test_a_hold_that_has_ended_is_charged_to_the_card(world: World, state: str) -> None:
    case = await world.shipped()
    world.payments.refuses["capture"] = state
    claim = await case.pass_due()
    assert (claim.state, claim.attention) == (ClaimState.DEFAULTED, ())
    assert world.payments.net_paid() == FEE + HOLD


async def test_a_customer_who_pays_for_parts_is_not_charged_beside_a_hold_that_may_be_captured(world: World) -> None:
    case = await world.shipped()
    await case.arrive()
    await case.inspect(components=NO_PROPELLERS)
    world.payments.refuses["capture"] = "captured"
    claim = await case.decide("parts_choice", ChooseParts(actor="customer", choice=PartsChoice.PAY))
    assert Attention.DEFAULT_HELD_BACK in claim.attention
    assert world.payments.net_paid() == FEE
    claim = await case.decide("decision", APPROVE)
    assert (claim.outcome, world.payments.net_paid()) == (Outcome.PARTS_CHARGED, FEE + 1200)


@pytest.mark.parametrize("state", ["captured", "authorized", "unknown"])
async def test_a_hold_that_cannot_be_released_is_not_called_released(world: World, state: str) -> None:
    case = await world.shipped()
    await case.arrive()
    world.payments.refuses["release"] = state
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert (claim.state, claim.attention) == (ClaimState.CLOSED, REFUSED)
    assert {"payment_refused", "mail_withheld"} <= set(world.record.kinds())
    assert "hold_released" not in world.record.kinds()
    await case.handle.result()
    assert MailKind.RELEASED not in world.mail.kinds()


async def test_a_refund_that_is_refused_is_not_called_refunded(world: World) -> None:
    case = await world.shipped()
    await case.pass_due()
    await case.arrive()
    world.payments.refuses["refund"] = "captured"
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert (claim.outcome, claim.attention) == (Outcome.LATE_RETURN_REFUNDED, REFUSED)
    assert world.payments.net_paid() == FEE + HOLD
    assert "refunded" not in world.record.kinds()
    await case.handle.result()
    assert MailKind.REFUND not in world.mail.kinds()


@pytest.mark.parametrize("tier", Tier)
async def test_the_mail_of_a_cancelled_claim_names_no_refund_that_was_refused(world: World, tier: Tier) -> None:
    case = await world.open(world.care_express(tier))
    world.payments.refuses["refund"] = "captured"
    claim = await case.decide("cancel", CancelClaim(actor="customer"))
    assert (claim.outcome, claim.attention) == (Outcome.CANCELLED, REFUSED)
    assert world.payments.net_paid() == FEE
    await case.handle.result()
    (mail,) = [mail for mail in world.mail.sent if mail.kind is MailKind.CANCELLED]
    assert mail.amount is None
