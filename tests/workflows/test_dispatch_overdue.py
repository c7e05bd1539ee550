"""A replacement that does not ship: staff see it, the customer is told and may leave, and nothing is held for ever."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.kinds import Attention, ClaimState, HoldPolicy, Outcome
from domain.policy import Policy
from messages.claims import CancelClaim
from messages.mail import MailKind
from tests.workflows.test_secured_dispatch import until, waiting
from tests.workflows.test_withdrawal import SERVICES
from tests.workflows.world import World

FEE, HOLD = 15900, 164000
Worlds = Callable[..., World]


@pytest.mark.parametrize("service", SERVICES)
async def test_a_dispatch_is_overdue_after_the_policys_days_and_the_customer_may_leave(
    world: World, service: str
) -> None:
    """R-CLM-8, R-EXP-9."""
    case = await SERVICES[service](world)
    claim = await case.pass_time(days=6, hours=23)
    assert claim.attention == ()
    claim = await case.pass_time(hours=2)
    assert (claim.state, claim.attention) == (ClaimState.AWAITING_DISPATCH, (Attention.DISPATCH_OVERDUE,))
    assert world.mail.kinds().count(MailKind.DISPATCH_DELAYED) == 1
    await case.pass_time(days=7)
    assert world.mail.kinds().count(MailKind.DISPATCH_DELAYED) == 1
    claim = await case.decide("cancel", CancelClaim(actor="customer"))
    assert (claim.outcome, world.payments.net_paid(), world.payments.live_holds()) == (Outcome.CANCELLED, 0, 0)


async def test_the_dispatch_takes_the_flag_off(world: World) -> None:
    case = await waiting(world)
    await case.pass_time(days=8)
    assert (await case.dispatch()).attention == ()


async def test_no_hold_is_kept_without_end(make_world: Worlds) -> None:
    """R-CLM-8: sixty days without a unit in stock."""
    world = make_world()
    world.payments.hold_life = timedelta(days=7)
    async with world.worker():
        case = await waiting(world)
        for _ in range(4):
            claim = await case.pass_time(days=10)
        assert claim.state is ClaimState.AWAITING_PAYMENT
        assert (world.payments.live_holds(), world.payments.net_paid()) == (0, FEE)
        await case.pass_time(days=20)
        claim = world.record.claims[case.id]
        assert (claim.outcome, world.payments.net_paid()) == (Outcome.CANCELLED, 0)
        assert {MailKind.DISPATCH_DELAYED, MailKind.CARD_NEEDED, MailKind.CANCELLED} <= set(world.mail.kinds())
        assert MailKind.HOLD_AT_RISK not in world.mail.kinds(), "the card has declined nothing"


async def test_no_deposit_is_kept_without_end(make_world: Worlds) -> None:
    """Decision 13, R-CLM-8."""
    world = make_world(policy=Policy(hold_policy=HoldPolicy.CAPTURE_AND_REFUND))
    world.payments.hold_life = timedelta(days=7)
    world.payments.declines.add(("renewal", "pm_card_visa"))
    async with world.worker():
        case = await waiting(world)
        await case.pass_time(days=20)
        assert world.payments.net_paid() == FEE + HOLD
        await world.skipper.fast_forward(case.handle, timedelta(days=11))
        claim = await until(case, ClaimState.CLOSED)
        assert (claim.outcome, world.payments.net_paid()) == (Outcome.CANCELLED, 0)
