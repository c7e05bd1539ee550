"""A gateway that does not respond: the claim still takes messages, and its sums are right at the end."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowUpdateFailedError

from domain.kinds import Attention, ClaimState, HoldState, Outcome, PartsChoice, Tier
from messages.claims import (
    CancelClaim,
    ChangePaymentMethod,
    ChooseParts,
    Decide,
    Decision,
    Dispatch,
    ExtendReturn,
    Inspect,
    PaymentChanged,
    Waive,
)
from tests.workflows.case import WITHOUT_BATTERY, Case
from tests.workflows.world import World

FEE, HOLD = 15900, 164000
Worlds = Callable[..., World]
A_SECOND = 1.0
EVERY_DECISION: dict[str, Decision] = {
    "waiver": Waive(actor="staff", reason="goodwill"),
    "cancel": CancelClaim(actor="customer"),
    "decision": Decide(actor="staff", approve=True, reason="checked"),
    "payment_method": ChangePaymentMethod(actor="customer", payment_method="pm_card_amex"),
    "inspection": Inspect(actor="warehouse", serial_number="SN1", genuine=True, components=WITHOUT_BATTERY),
    "extension": ExtendReturn(actor="staff", days=3, reason="ill"),
    "dispatch": Dispatch(actor="warehouse", replacement_serial_number="SN3"),
    "parts_choice": ChooseParts(actor="customer", choice=PartsChoice.PAY),
}


async def update_results(case: Case) -> dict[str, str]:
    """The result of each decision, which takes at most a second: "accepted", or the type of the rejection."""
    found = {}
    for name, decision in EVERY_DECISION.items():
        began = time.monotonic()
        try:
            await case.decide(name, decision)
            found[name] = "accepted"
        except WorkflowUpdateFailedError as rejected:
            found[name] = str(getattr(rejected.cause, "type", ""))
        assert time.monotonic() - began < A_SECOND, name
    return found


async def events(case: Case) -> Counter[str]:
    """The events of the history by type, without those of the test server's own clock."""
    history = await case.handle.fetch_history()
    types = Counter(EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events)
    return Counter({name: count for name, count in types.items() if "TIME_SKIPPING" not in name})


async def test_a_gateway_without_response_for_two_days_blocks_no_update_and_the_sums_are_right(world: World) -> None:
    case = await world.shipped()
    returning = (await case.claim()).returning
    assert returning
    world.payments.unresponsive.add("all")
    await world.skipper.fast_forward(case.handle, returning.due_at + timedelta(minutes=1) - await case.now())
    await case.until_in_step()
    before = await events(case)
    for days in (1, 2):
        for _ in range(2):
            results = await update_results(case)
            assert results.pop("waiver") == "payment_in_progress"
            assert set(results.values()) == {"action_not_allowed"}
            await world.skipper.fast_forward(case.handle, timedelta(hours=12))
        await case.signal_arrival()
        async with asyncio.timeout(A_SECOND):
            while world.record.kinds().count("parcel_arrived") < days:
                await asyncio.sleep(0.02)
        assert world.payments.net_paid() == FEE
    grown = await events(case) - before
    assert grown.total() < 2 * 100, grown
    assert world.record.claims[case.id].attention == (Attention.CAPTURE_UNKNOWN,)

    world.payments.unresponsive.clear()
    claim = await case.pass_time(minutes=10)
    assert (claim.state, claim.attention) == (ClaimState.INSPECTING, ())
    assert world.payments.net_paid() == FEE + HOLD
    assert world.record.kinds().count("parcel_arrived") == 2
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert claim.outcome is Outcome.LATE_RETURN_REFUNDED
    assert (world.payments.net_paid(), world.payments.live_holds()) == (FEE, 0)


async def test_a_webhook_in_an_outage_blocks_no_update(make_world: Worlds) -> None:
    """Reading the hold, which the webhook causes, has no response; what needs no payment continues."""
    world = make_world()
    async with world.worker():
        case = await world.shipped()
        world.payments.unresponsive.add("all")
        (hold_id,) = world.payments.holds
        event = PaymentChanged(event_id="evt_1", actor="simulated", payment_id=hold_id)
        await case.handle.signal("payment_changed", event)
        await case.until_in_step()
        results = await update_results(case)
        assert results.pop("extension") == "accepted"
        assert results.pop("waiver") == "payment_in_progress"
        assert set(results.values()) == {"action_not_allowed"}
        await case.signal_arrival()
        async with asyncio.timeout(A_SECOND):
            while world.record.claims[case.id].state is not ClaimState.INSPECTING:
                await asyncio.sleep(0.02)
        await case.payment_in_progress("inspection", EVERY_DECISION["inspection"])
        world.payments.unresponsive.clear()
        claim = await case.claim()
        assert claim.returning is not None
        assert (claim.state, claim.returning.extended_days) == (ClaimState.INSPECTING, 3)
        assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.HOLD_RELEASED
        assert (world.payments.net_paid(), world.payments.live_holds()) == (FEE, 0)


@pytest.mark.parametrize("purpose", ["authorize", "fee"])
async def test_a_submission_in_an_outage_completes_when_the_gateway_is_back(world: World, purpose: str) -> None:
    world.payments.unresponsive.add(purpose)
    submission = world.care_express(Tier.PREMIUM)
    opened = asyncio.create_task(world.open(submission))
    case = Case(world, submission.claim_id)
    async with asyncio.timeout(5):
        while case.id not in world.record.reserved:
            await asyncio.sleep(0.02)
    assert "accepted" not in (await update_results(case)).values()
    assert not opened.done()
    world.payments.unresponsive.clear()
    await opened
    claim = await case.claim()
    assert (claim.state, world.payments.net_paid()) == (ClaimState.AWAITING_DISPATCH, FEE)


async def test_a_decision_that_met_the_beginning_of_a_step_completes_within_two_seconds(world: World) -> None:
    """It was accepted before the payment began, and cannot wait for its end. The first of the two is executed."""
    case = await world.shipped()
    world.payments.unresponsive.add("all")
    waivers = [asyncio.create_task(case.decide("waiver", Waive(actor="staff", reason=why))) for why in ("one", "two")]
    (rejected,), (accepted,) = await asyncio.wait(
        waivers, timeout=2 * A_SECOND + 0.5, return_when=asyncio.FIRST_COMPLETED
    )
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await rejected
    assert getattr(caught.value.cause, "type", None) == "payment_in_progress"
    world.payments.unresponsive.clear()
    claim = await accepted
    assert claim.hold
    assert (claim.outcome, claim.hold.state) == (Outcome.WAIVED, HoldState.RELEASED)
    assert world.payments.net_paid() == FEE
