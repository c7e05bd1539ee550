"""The gateway refuses what it should accept: nothing is charged twice or called done, and staff are notified."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.kinds import Attention, ClaimState, Component, Outcome, PartsChoice, Tier
from messages.claims import CancelClaim, ChooseParts, ClaimAccepted, Decide, Waive
from messages.mail import MailKind
from tests.workflows.case import WITHOUT_BATTERY
from tests.workflows.world import World

FEE, HOLD = 15900, 164000
Worlds = Callable[..., World]
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


async def test_our_mistake_on_the_first_payment_ends_the_claim_with_one_alert(world: World) -> None:
    """A restricted key, a currency that is not enabled: neither a decline of the card nor retried for ever."""
    world.payments.refuses["fee"] = "unfit"
    accepted = await world.submit(world.care_express(Tier.STANDARD))
    assert isinstance(accepted, ClaimAccepted)
    claim = accepted.claim
    assert (claim.outcome, claim.attention) == (Outcome.PAYMENT_DECLINED, (Attention.PAYMENT_MISCONFIGURED,))
    assert world.record.kinds().count("payment_misconfigured") == 1
    assert world.payments.net_paid() == 0


async def test_our_mistake_on_a_charge_of_the_saved_card_is_not_owed_and_staff_try_again(world: World) -> None:
    case = await world.shipped()
    world.payments.refuses |= {"capture": "expired", "default": "unfit"}
    claim = await case.pass_due()
    assert claim.attention == (Attention.PAYMENT_MISCONFIGURED, Attention.DEFAULT_HELD_BACK)
    assert (claim.amount_owed.amount, world.payments.net_paid()) == (0, FEE)
    del world.payments.refuses["default"]
    claim = await case.decide("decision", APPROVE)
    assert (claim.state, world.payments.net_paid()) == (ClaimState.DEFAULTED, FEE + HOLD)
    assert world.payments.calls[-1].endswith(":default:1")


async def test_our_mistake_at_a_renewal_is_tried_again_and_the_customer_is_not_asked(make_world: Worlds) -> None:
    world = make_world()
    world.payments.hold_life = timedelta(days=7)
    async with world.worker():
        case = await world.shipped()
        world.payments.refuses["authorize"] = "unfit"
        claim = await case.pass_time(days=5, hours=14)
        assert claim.attention == (Attention.PAYMENT_MISCONFIGURED,)
        del world.payments.refuses["authorize"]
        claim = await case.pass_time(hours=5)
        assert world.payments.live_holds() == 1
        assert len(world.payments.holds) == 2
        assert MailKind.HOLD_AT_RISK not in world.mail.kinds()
