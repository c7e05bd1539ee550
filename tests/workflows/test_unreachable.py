"""A customer whom no notice reached is charged by no machine (R-NOT-2)."""

import uuid

import pytest

from domain.kinds import Attention, ClaimState, Component, Outcome, Service, Tier
from messages.claims import CancelClaim, Decide, OwnerCorrected
from messages.mail import MailKind
from tests.workflows.case import WITHOUT_BATTERY, Case
from tests.workflows.world import World

FEE, HOLD, PROPELLERS = 15900, 164000, 1200
HELD_BACK = (Attention.UNREACHABLE, Attention.DEFAULT_HELD_BACK)
NOTICES = ("shipped", "due_minus_3", "due_minus_1", "due_day")


async def corrected(case: Case) -> None:
    event = OwnerCorrected(event_id=str(uuid.uuid4()), actor="customer_service", mail_address=True)
    await case.handle.signal("owner_corrected", event)


async def test_a_customer_nobody_could_reach_is_not_charged_before_staff_have_looked(world: World) -> None:
    case = await world.open(world.care_express(Tier.PREMIUM))
    claim = await case.mail_failed("settlement")
    assert claim.attention == (Attention.UNREACHABLE,)
    await case.dispatch()
    await case.mail_failed("shipped")
    claim = await case.pass_due()
    assert (claim.state, claim.attention) == (ClaimState.AWAITING_RETURN, HELD_BACK)
    assert world.payments.net_paid() == FEE
    assert "no notice of it could be delivered" in world.record.events[-1].title
    claim = await case.decide("decision", Decide(actor="staff", approve=True, reason="reached by telephone"))
    assert (claim.state, claim.attention) == (ClaimState.DEFAULTED, ())
    assert world.payments.net_paid() == FEE + HOLD


async def test_staff_let_a_default_go_of_which_nobody_was_told(world: World) -> None:
    case = await world.shipped()
    await case.mail_failed("shipped")
    await case.pass_due()
    claim = await case.decide("decision", Decide(actor="staff", approve=False, reason="our own mistake"))
    assert (claim.outcome, world.payments.net_paid()) == (Outcome.WAIVED, FEE)


async def test_a_mail_that_still_waits_at_the_due_date_has_told_nobody(world: World) -> None:
    """Only the first was given up; the reminders wait for a mail server that does not answer."""
    case = await world.shipped()
    await case.mail_failed("shipped")
    claim = await case.pass_due()
    assert Attention.DEFAULT_HELD_BACK in claim.attention


@pytest.mark.parametrize("kind", NOTICES)
async def test_one_delivered_notice_of_the_due_date_is_enough(world: World, kind: str) -> None:
    case = await world.shipped()
    await case.mail_failed("shipped")
    world.record.delivered.add(kind)
    claim = await case.pass_due()
    assert (claim.state, claim.attention) == (ClaimState.DEFAULTED, ())


async def test_the_settlement_mail_alone_tells_no_due_date(world: World) -> None:
    case = await world.shipped()
    world.record.delivered.add("settlement")
    claim = await case.mail_failed("shipped")
    assert claim.attention == (Attention.UNREACHABLE,)
    assert Attention.DEFAULT_HELD_BACK in (await case.pass_due()).attention


async def test_a_wrong_box_of_which_the_customer_was_not_told_is_not_charged(world: World) -> None:
    case = await world.shipped()
    world.record.delivered.add("shipped")
    await case.arrive()
    await case.inspect(genuine=False)
    await case.mail_failed("inspected_mismatch")
    claim = await case.pass_time(days=20)
    assert (claim.state, claim.attention) == (ClaimState.AWAITING_CURE, HELD_BACK)


async def test_missing_parts_of_which_the_customer_was_not_told_are_not_charged(world: World) -> None:
    case = await world.shipped()
    world.record.delivered.add("shipped")
    await case.arrive()
    await case.inspect(components=(Component.AIRCRAFT, Component.GIMBAL_CAMERA))
    await case.mail_failed("inspected_parts")
    claim = await case.pass_time(days=30)
    assert (claim.state, claim.attention) == (ClaimState.AWAITING_PARTS, HELD_BACK)
    claim = await case.decide("decision", Decide(actor="staff", approve=True, reason="reached by telephone"))
    assert (claim.outcome, world.payments.net_paid()) == (Outcome.PARTS_CHARGED, FEE + PROPELLERS)


async def test_the_corrected_address_is_reached_and_the_default_is_charged(world: World) -> None:
    case = await world.shipped()
    assert (await case.mail_failed("shipped")).attention == (Attention.UNREACHABLE,)
    await corrected(case)
    assert (await case.claim()).attention == ()
    world.record.delivered.add("shipped")
    assert (await case.pass_due()).state is ClaimState.DEFAULTED


async def test_a_corrected_address_that_fails_too_holds_the_default_back(world: World) -> None:
    case = await world.shipped()
    await case.mail_failed("shipped")
    await corrected(case)
    await case.mail_failed("shipped")
    assert Attention.DEFAULT_HELD_BACK in (await case.pass_due()).attention


async def test_a_good_return_needs_no_notice(world: World) -> None:
    case = await world.shipped()
    await case.mail_failed("shipped")
    await case.pass_due()
    await case.arrive()
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert (claim.outcome, claim.attention, world.payments.net_paid()) == (Outcome.HOLD_RELEASED, (), FEE)


@pytest.mark.parametrize("service", [Service.CARE_EXPRESS, Service.FLYAWAY, Service.ONLINE_REPAIR])
async def test_every_service_says_that_its_customer_is_unreachable(world: World, service: Service) -> None:
    match service:
        case Service.CARE_EXPRESS:
            case = await world.open(world.care_express(Tier.STANDARD))
        case Service.FLYAWAY:
            case = await world.open(world.flyaway())
        case _:
            case = await world.open(world.online_repair())
    assert (await case.claim()).attention == ()
    for kind in world.mail.kinds() or [MailKind.SETTLEMENT]:
        claim = await case.mail_failed(kind)
    assert claim.attention == (Attention.UNREACHABLE,)
    assert (await case.decide("cancel", CancelClaim(actor="staff"))).outcome is Outcome.CANCELLED
