"""What happens when everything happens at once, or when somebody is not there."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import CancelledError

from domain.kinds import Attention, ClaimState, HoldState, Outcome, Tier, UseKind
from messages.claims import CancelClaim, ClaimAccepted, Dispatch, ParcelArrived, Waive
from tests.workflows.case import WITHOUT_BATTERY, Case
from tests.workflows.world import World

FEE, HOLD = 15900, 164000
Worlds = Callable[..., World]


async def test_a_claim_started_with_no_worker_is_decided_once_one_runs(make_world: Worlds) -> None:
    world = make_world()
    ask = world.care_express(Tier.PREMIUM)
    with pytest.raises(WorkflowUpdateRPCTimeoutOrCancelledError):
        async with asyncio.timeout(1):
            await world.submit(ask)
    async with world.worker():
        answer = await world.submit(ask)
    assert isinstance(answer, ClaimAccepted)
    assert answer.claim.state is ClaimState.AWAITING_DISPATCH
    assert (world.payments.taken(), world.payments.live_holds()) == (FEE, 1)


@pytest.mark.parametrize(("late", "outcome"), [(timedelta(0), None), (timedelta(seconds=1), "default")])
async def test_with_the_worker_down_over_the_deadline_the_arrivals_own_time_decides(
    make_world: Worlds, late: timedelta, outcome: str | None
) -> None:
    """R-RET-2, R-RET-3, edge cases 3, 4: the signal is always seen before the timer, whichever came first."""
    world = make_world()
    async with world.worker():
        case = await world.shipped()
        returning = (await case.claim()).returning
        assert returning
        await case.pass_until(returning.due_at - timedelta(minutes=10))
    # Nobody works: the deadline passes, the parcel arrives, both wait for the next worker.
    with pytest.raises(TimeoutError):  # the timer has fired and its task waits; the clock stands until it is done
        async with asyncio.timeout(1):
            await world.skipper.fast_forward(case.handle, timedelta(hours=1))
    event = ParcelArrived(event_id="gate-1", actor="warehouse", arrived_at=returning.due_at + late)
    await case.handle.signal("arrival", event)
    async with world.worker():
        claim = await case.claim()
        assert claim.state is ClaimState.INSPECTING
        assert world.payments.taken() == FEE + (HOLD if outcome else 0)
        claim = await case.inspect(components=WITHOUT_BATTERY)
        assert claim.outcome is (Outcome.LATE_RETURN_REFUNDED if outcome else Outcome.HOLD_RELEASED)
        assert world.payments.taken() == FEE


async def test_cancel_and_dispatch_at_once_let_one_win(world: World) -> None:
    """Edge case 27."""
    case = await world.open(world.care_express(Tier.PREMIUM))
    results = await asyncio.gather(
        case.decide("cancel", CancelClaim(actor="customer")),
        case.decide("dispatch", Dispatch(actor="warehouse", replacement_serial_number="SN2")),
        return_exceptions=True,
    )
    losers = [r for r in results if isinstance(r, BaseException)]
    assert len(losers) == 1
    assert isinstance(losers[0], WorkflowUpdateFailedError)
    claim = await case.claim()
    if claim.outcome is Outcome.CANCELLED:
        assert (world.payments.taken(), world.payments.live_holds()) == (0, 0)
        assert UseKind.CONSUMED not in world.record.uses
    else:
        assert claim.state is ClaimState.AWAITING_RETURN
        assert (world.payments.taken(), world.payments.live_holds()) == (FEE, 1)


async def test_two_decisions_at_once_take_effect_once(world: World) -> None:
    case = await world.shipped()
    waive = Waive(actor="staff", reason="goodwill")
    results = await asyncio.gather(case.decide("waiver", waive), case.decide("waiver", waive), return_exceptions=True)
    assert sum(isinstance(r, BaseException) for r in results) == 1
    assert world.record.kinds().count("waived") == 1


async def test_the_same_decision_asked_again_answers_as_the_first_time(world: World) -> None:
    case = await world.shipped()
    waive = Waive(actor="staff", reason="goodwill")
    first = await case.decide("waiver", waive, update_id="key-1")
    assert await case.handle.result() == "waived"
    assert await case.decide("waiver", waive, update_id="key-1") == first


@pytest.mark.parametrize("purpose", ["authorize", "fee", "capture", "refund-late-return"])
async def test_a_lost_answer_is_asked_for_again_under_the_same_key(world: World, purpose: str) -> None:
    """Edge case 23."""
    world.payments.lost_answers[purpose] = 2
    case = await world.shipped()
    await case.pass_due()
    assert world.payments.taken() == FEE + HOLD
    await case.arrive()
    assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.LATE_RETURN_REFUNDED
    assert world.payments.taken() == FEE
    assert len([key for key in world.payments.calls if key.split(":")[1] == purpose]) == 3


async def test_a_gateway_without_an_answer_asks_for_attention_and_is_asked_until_it_answers(world: World) -> None:
    """Edge case 23: capture unknown."""
    case = await world.shipped()
    world.payments.silent.add("capture")
    returning = (await case.claim()).returning
    assert returning
    await world.skipper.fast_forward(case.handle, returning.due_at + timedelta(minutes=30) - await case.now())
    assert world.record.claims[case.id].attention == (Attention.CAPTURE_UNKNOWN,)
    world.payments.silent.clear()
    claim = await case.pass_time(hours=3)
    assert (claim.state, claim.attention) == (ClaimState.DEFAULTED, ())
    assert {"answer_unknown", "answer_known"} <= set(world.record.kinds())
    assert world.payments.taken() == FEE + HOLD


async def test_a_decision_that_comes_while_the_claim_ends_is_answered(world: World) -> None:
    case = await world.shipped()
    world.payments.silent.add("release")
    await case.arrive()
    inspected = asyncio.create_task(case.inspect(components=WITHOUT_BATTERY))
    await case.until_in_step()
    late = Waive(actor="staff", reason="too late")
    assert (await case.refused("waiver", late)).type == "payment_in_progress"
    world.payments.silent.clear()
    assert (await inspected).outcome is Outcome.HOLD_RELEASED
    assert await case.handle.result() == "hold_released"


async def cancelled_by_operations(case: Case) -> None:
    await case.handle.cancel()
    with pytest.raises(WorkflowFailureError) as caught:
        await case.handle.result()
    assert isinstance(caught.value.cause, CancelledError)


async def test_a_cancel_from_the_temporal_ui_before_dispatch_undoes_everything(world: World) -> None:
    case = await world.open(world.care_express(Tier.PREMIUM))
    await cancelled_by_operations(case)
    claim = world.record.claims[case.id]
    assert (claim.outcome, world.payments.taken(), world.payments.live_holds()) == (Outcome.CANCELLED, 0, 0)
    assert world.record.uses == [UseKind.RESERVED, UseKind.GIVEN_BACK]


async def test_a_cancel_from_the_temporal_ui_after_dispatch_releases_the_hold(world: World) -> None:
    case = await world.shipped()
    await cancelled_by_operations(case)
    claim = world.record.claims[case.id]
    assert claim.hold
    assert (claim.outcome, claim.hold.state) == (Outcome.CANCELLED, HoldState.RELEASED)
    assert world.payments.taken() == FEE
    assert world.record.uses == [UseKind.RESERVED, UseKind.CONSUMED]


async def test_a_cancel_that_meets_a_money_step_lets_it_finish_first(world: World) -> None:
    """A capture under way is finished; the claim then ends with what is true."""
    case = await world.shipped()
    world.payments.lost_answers["capture"] = 3
    returning = (await case.claim()).returning
    assert returning
    await case.pass_until(returning.due_at - timedelta(seconds=3))
    await world.skipper.fast_forward(case.handle, timedelta(seconds=5))
    await cancelled_by_operations(case)
    claim = world.record.claims[case.id]
    assert claim.hold
    assert claim.state is ClaimState.CLOSED
    captured = claim.hold.state is HoldState.CAPTURED
    assert claim.outcome is (Outcome.DEFAULT_CHARGED if captured else Outcome.CANCELLED)
    assert world.payments.live_holds() == 0
    assert world.payments.taken() == FEE + (HOLD if captured else 0)


async def test_a_reset_repeats_nothing_that_was_done(world: World) -> None:
    """Keys, uses and mails come from the claim, not from the run."""
    case = await world.shipped()
    await case.claim()
    before = (world.payments.taken(), list(world.record.uses), len(world.mail.sent))
    await case.reset()
    claim = await case.claim()
    assert claim.state is ClaimState.AWAITING_RETURN
    assert (world.payments.taken(), world.record.uses, len(world.mail.sent)) == before
    await case.arrive()
    assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.HOLD_RELEASED
    assert world.payments.taken() == FEE
