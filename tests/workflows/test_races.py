"""Messages at the same time, and workers or a gateway that are away."""

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
    submission = world.care_express(Tier.PREMIUM)
    with pytest.raises(WorkflowUpdateRPCTimeoutOrCancelledError):
        async with asyncio.timeout(1):
            await world.submit(submission)
    async with world.worker():
        result = await world.submit(submission)
    assert isinstance(result, ClaimAccepted)
    assert result.claim.state is ClaimState.AWAITING_DISPATCH
    assert (world.payments.net_paid(), world.payments.live_holds()) == (FEE, 1)


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
    # No worker runs: the deadline passes, the parcel arrives, both wait for the next worker.
    with pytest.raises(TimeoutError):  # the timer has fired and its task waits; the clock stands until it is done
        async with asyncio.timeout(1):
            await world.skipper.fast_forward(case.handle, timedelta(hours=1))
    event = ParcelArrived(event_id="gate-1", actor="warehouse", arrived_at=returning.due_at + late)
    await case.handle.signal("arrival", event)
    async with world.worker():
        claim = await case.claim()
        assert claim.state is ClaimState.INSPECTING
        assert world.payments.net_paid() == FEE + (HOLD if outcome else 0)
        claim = await case.inspect(components=WITHOUT_BATTERY)
        assert claim.outcome is (Outcome.LATE_RETURN_REFUNDED if outcome else Outcome.HOLD_RELEASED)
        assert world.payments.net_paid() == FEE


async def test_of_cancel_and_dispatch_at_once_one_is_executed(world: World) -> None:
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
        assert (world.payments.net_paid(), world.payments.live_holds()) == (0, 0)
        assert UseKind.CONSUMED not in world.record.uses
    else:
        assert claim.state is ClaimState.AWAITING_RETURN
        assert (world.payments.net_paid(), world.payments.live_holds()) == (FEE, 1)


async def test_two_decisions_at_once_take_effect_once(world: World) -> None:
    case = await world.shipped()
    waive = Waive(actor="staff", reason="goodwill")
    results = await asyncio.gather(case.decide("waiver", waive), case.decide("waiver", waive), return_exceptions=True)
    assert sum(isinstance(r, BaseException) for r in results) == 1
    assert world.record.kinds().count("waived") == 1


async def test_a_repeated_decision_gets_the_first_result(world: World) -> None:
    case = await world.shipped()
    waive = Waive(actor="staff", reason="goodwill")
    first = await case.decide("waiver", waive, update_id="key-1")
    assert await case.handle.result() == "waived"
    assert await case.decide("waiver", waive, update_id="key-1") == first


@pytest.mark.parametrize("purpose", ["authorize", "fee", "capture", "refund-late-return"])
async def test_a_lost_response_is_retried_under_the_same_key(world: World, purpose: str) -> None:
    """Edge case 23."""
    world.payments.lost_responses[purpose] = 2
    case = await world.shipped()
    await case.pass_due()
    assert world.payments.net_paid() == FEE + HOLD
    await case.arrive()
    assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.LATE_RETURN_REFUNDED
    assert world.payments.net_paid() == FEE
    assert len([key for key in world.payments.calls if key.split(":")[1] == purpose]) == 3


async def test_a_gateway_without_a_response_flags_the_claim_and_is_retried(world: World) -> None:
    """Edge case 23: capture unknown."""
    case = await world.shipped()
    world.payments.unresponsive.add("capture")
    returning = (await case.claim()).returning
    assert returning
    await world.skipper.fast_forward(case.handle, returning.due_at + timedelta(minutes=30) - await case.now())
    assert world.record.claims[case.id].attention == (Attention.CAPTURE_UNKNOWN,)
    world.payments.unresponsive.clear()
    claim = await case.pass_time(hours=3)
    assert (claim.state, claim.attention) == (ClaimState.DEFAULTED, ())
    assert {"answer_unknown", "answer_known"} <= set(world.record.kinds())
    assert world.payments.net_paid() == FEE + HOLD


async def test_a_decision_while_the_claim_ends_completes(world: World) -> None:
    case = await world.shipped()
    world.payments.unresponsive.add("release")
    await case.arrive()
    inspected = asyncio.create_task(case.inspect(components=WITHOUT_BATTERY))
    await case.until_in_step()
    late = Waive(actor="staff", reason="too late")
    assert (await case.refused("waiver", late)).type == "payment_in_progress"
    world.payments.unresponsive.clear()
    assert (await inspected).outcome is Outcome.HOLD_RELEASED
    assert await case.handle.result() == "hold_released"


async def cancelled_by_operations(case: Case) -> None:
    await case.handle.cancel()
    with pytest.raises(WorkflowFailureError) as caught:
        await case.handle.result()
    assert isinstance(caught.value.cause, CancelledError)


async def test_a_cancel_from_the_temporal_ui_before_dispatch_reverses_everything(world: World) -> None:
    case = await world.open(world.care_express(Tier.PREMIUM))
    await cancelled_by_operations(case)
    claim = world.record.claims[case.id]
    assert (claim.outcome, world.payments.net_paid(), world.payments.live_holds()) == (Outcome.CANCELLED, 0, 0)
    assert world.record.uses == [UseKind.RESERVED, UseKind.GIVEN_BACK]


async def test_a_cancel_from_the_temporal_ui_after_dispatch_releases_the_hold(world: World) -> None:
    case = await world.shipped()
    await cancelled_by_operations(case)
    claim = world.record.claims[case.id]
    assert claim.hold
    assert (claim.outcome, claim.hold.state) == (Outcome.CANCELLED, HoldState.RELEASED)
    assert world.payments.net_paid() == FEE
    assert world.record.uses == [UseKind.RESERVED, UseKind.CONSUMED]


async def test_a_cancel_during_a_payment_step_waits_for_its_end(world: World) -> None:
    """A capture in flight completes; the claim then ends with its result."""
    case = await world.shipped()
    world.payments.lost_responses["capture"] = 3
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
    assert world.payments.net_paid() == FEE + (HOLD if captured else 0)


async def test_a_reset_repeats_nothing_that_was_done(world: World) -> None:
    """Keys, uses and mails depend on the claim, not from the run."""
    case = await world.shipped()
    await case.claim()
    before = (world.payments.net_paid(), list(world.record.uses), len(world.mail.sent))
    await case.reset()
    claim = await case.claim()
    assert claim.state is ClaimState.AWAITING_RETURN
    assert (world.payments.net_paid(), world.record.uses, len(world.mail.sent)) == before
    await case.arrive()
    assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.HOLD_RELEASED
    assert world.payments.net_paid() == FEE
