"""The stories of Care Express Premium, on the real server, weeks in milliseconds."""

from datetime import timedelta

from domain.kinds import ClaimState, HoldState, Outcome, UseKind
from messages.mail import MailKind
from tests.workflows.conftest import WITHOUT_BATTERY, World

FEE, HOLD = 15900, 164000


async def test_a_good_return_releases_the_hold_and_costs_the_fee_alone(world: World) -> None:
    """R-INS-2, R-EXP-6."""
    case = await world.shipped()
    await case.pass_time(days=5)
    await case.scan()
    await case.pass_time(days=3)
    await case.arrive()
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.HOLD_RELEASED)
    assert claim.hold and claim.hold.state is HoldState.RELEASED
    assert world.payments.taken() == FEE
    assert world.record.uses == [UseKind.RESERVED, UseKind.CONSUMED]
    assert await case.handle.result() == "hold_released"
    assert world.mail.kinds()[-1] is MailKind.RELEASED


async def test_nothing_returned_charges_the_hold_once_the_second_after_due(world: World) -> None:
    """R-RET-2, R-RET-6."""
    case = await world.shipped()
    claim = await case.claim()
    assert claim.returning
    claim = await case.pass_until(claim.returning.due_at - timedelta(seconds=5))
    assert claim.state is ClaimState.AWAITING_RETURN
    claim = await case.pass_time(seconds=8)
    assert claim.state is ClaimState.DEFAULTED
    assert claim.hold and claim.hold.captured.amount == HOLD
    assert world.payments.taken() == FEE + HOLD
    kinds = world.mail.kinds()
    assert [k for k in kinds if k.startswith("due")] == [MailKind.DUE_MINUS_3, MailKind.DUE_MINUS_1, MailKind.DUE_DAY]
    claim = await case.pass_time(days=11)
    assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.DEFAULT_CHARGED)
    await case.pass_time(days=30)
    assert await case.handle.result() == "default_charged"
