"""Claims due in one second act over minutes (R-CLM-13): what the customer was told stays, the machine comes later."""

from datetime import UTC, datetime, timedelta
from itertools import count

from domain import returns
from domain.claim import Return
from domain.kinds import ClaimState
from domain.spreading import acts_at
from messages.mail import MailKind
from tests.workflows.case import Case
from tests.workflows.world import World

FEE, HOLD, MINUTES = 15900, 164000, 50
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
ANY = datetime(2026, 12, 7, tzinfo=UTC)


async def shipped_and_spread(world: World) -> tuple[Case, Return, timedelta]:
    """A Premium claim that waits for its original, the original's return, and by how much the claim is spread."""
    world.record.spread_minutes = MINUTES
    ids = (f"clm_{world.task_queue[-12:]}{number:04d}" for number in count())
    claim_id = next(each for each in ids if acts_at(ANY, each, MINUTES) >= ANY + 10 * MINUTE)
    case = await world.shipped(claim_id=claim_id)
    returning = (await case.claim()).returning
    assert returning is not None
    return case, returning, acts_at(ANY, claim_id, MINUTES) - ANY


async def test_a_default_is_charged_some_minutes_after_it_is_due_and_not_before(world: World) -> None:
    """R-CLM-13."""
    case, returning, later = await shipped_and_spread(world)
    claim = await case.pass_until(returning.due_at + later - SECOND)
    assert (claim.state, claim.deadline) == (ClaimState.AWAITING_RETURN, returning.due_at)
    assert world.payments.net_paid() == FEE
    claim = await case.pass_until(returning.due_at + later + 2 * SECOND)
    assert claim.state is ClaimState.DEFAULTED
    assert world.payments.net_paid() == FEE + HOLD


async def test_a_parcel_told_in_those_minutes_that_was_here_in_time_is_in_time(world: World) -> None:
    """R-CLM-13, R-RET-3."""
    case, returning, _ = await shipped_and_spread(world)
    await case.pass_until(returning.due_at + 5 * MINUTE)
    assert (await case.arrive(at=returning.due_at)).state is ClaimState.INSPECTING
    assert world.payments.net_paid() == FEE


async def test_a_parcel_of_those_minutes_is_late(world: World) -> None:
    """R-CLM-13, R-RET-3."""
    case, returning, later = await shipped_and_spread(world)
    await case.pass_until(returning.due_at + 5 * MINUTE)
    await case.signal_arrival()
    claim = await case.pass_until(returning.due_at + later + 2 * SECOND)
    assert claim.state is ClaimState.INSPECTING
    assert world.payments.net_paid() == FEE + HOLD


async def test_a_reminder_goes_out_within_the_hour_of_its_morning(world: World) -> None:
    """R-CLM-13, R-NOT-1."""
    case, returning, later = await shipped_and_spread(world)
    nine = returns.reminders(returning.due_at, returning.time_zone or "UTC")["due_minus_3"]
    await case.pass_until(nine + later - SECOND)
    assert MailKind.DUE_MINUS_3 not in world.mail.kinds()
    await case.pass_until(nine + later + 2 * SECOND)
    assert MailKind.DUE_MINUS_3 in world.mail.kinds()
    assert later < timedelta(hours=1)
