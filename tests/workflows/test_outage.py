"""A gateway that gives no answer at all: the claim goes on hearing, answers every decision, and ends exact."""

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


async def answers(case: Case) -> dict[str, str]:
    """The answer to each decision, every one of them within a second: "taken", or the type of the refusal."""
    found = {}
    for name, decision in EVERY_DECISION.items():
        began = time.monotonic()
        try:
            await case.decide(name, decision)
            found[name] = "taken"
        except WorkflowUpdateFailedError as refusal:
            found[name] = str(getattr(refusal.cause, "type", ""))
        assert time.monotonic() - began < A_SECOND, name
    return found


async def events(case: Case) -> Counter[str]:
    """The events of the history by type, but for those of the test server's own clock."""
    history = await case.handle.fetch_history()
    types = Counter(EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events)
    return Counter({name: count for name, count in types.items() if "TIME_SKIPPING" not in name})


async def test_a_gateway_silent_for_two_days_keeps_nobody_waiting_and_the_claim_ends_exact(world: World) -> None:
    case = await world.shipped()
    returning = (await case.claim()).returning
    assert returning
    world.payments.silent.add("all")
    await world.skipper.fast_forward(case.handle, returning.due_at + timedelta(minutes=1) - await case.now())
    await case.until_in_step()
    before = await events(case)
    for days in (1, 2):
        for _ in range(2):
            heard = await answers(case)
            assert heard.pop("waiver") == "payment_in_progress"
            assert set(heard.values()) == {"action_not_allowed"}
            await world.skipper.fast_forward(case.handle, timedelta(hours=12))
        await case.signal_arrival()
        async with asyncio.timeout(A_SECOND):
            while world.record.kinds().count("parcel_arrived") < days:
                await asyncio.sleep(0.02)
        assert world.payments.taken() == FEE
    grown = await events(case) - before
    assert grown.total() < 2 * 100, grown
    assert world.record.claims[case.id].attention == (Attention.CAPTURE_UNKNOWN,)

    world.payments.silent.clear()
    claim = await case.pass_time(minutes=10)
    assert (claim.state, claim.attention) == (ClaimState.INSPECTING, ())
    assert world.payments.taken() == FEE + HOLD
    assert world.record.kinds().count("parcel_arrived") == 2
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert claim.outcome is Outcome.LATE_RETURN_REFUNDED
    assert (world.payments.taken(), world.payments.live_holds()) == (FEE, 0)


async def test_a_webhook_in_an_outage_keeps_nobody_waiting(make_world: Worlds) -> None:
    """The look at the hold that it causes has no answer; whatever needs no money goes on."""
    world = make_world()
    async with world.worker():
        case = await world.shipped()
        world.payments.silent.add("all")
        (hold_id,) = world.payments.holds
        news = PaymentChanged(event_id="evt_1", actor="simulated", payment_id=hold_id)
        await case.handle.signal("payment_changed", news)
        await case.until_in_step()
        heard = await answers(case)
        assert heard.pop("extension") == "taken"
        assert heard.pop("waiver") == "payment_in_progress"
        assert set(heard.values()) == {"action_not_allowed"}
        await case.signal_arrival()
        async with asyncio.timeout(A_SECOND):
            while world.record.claims[case.id].state is not ClaimState.INSPECTING:
                await asyncio.sleep(0.02)
        await case.payment_in_progress("inspection", EVERY_DECISION["inspection"])
        world.payments.silent.clear()
        claim = await case.claim()
        assert claim.returning is not None
        assert (claim.state, claim.returning.extended_days) == (ClaimState.INSPECTING, 3)
        assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.HOLD_RELEASED
        assert (world.payments.taken(), world.payments.live_holds()) == (FEE, 0)


@pytest.mark.parametrize("purpose", ["authorize", "fee"])
async def test_a_submission_in_an_outage_is_answered_when_the_gateway_is_back(world: World, purpose: str) -> None:
    world.payments.silent.add(purpose)
    ask = world.care_express(Tier.PREMIUM)
    opened = asyncio.create_task(world.open(ask))
    case = Case(world, ask.claim_id)
    async with asyncio.timeout(5):
        while case.id not in world.record.reserved:
            await asyncio.sleep(0.02)
    assert "taken" not in (await answers(case)).values()
    assert not opened.done()
    world.payments.silent.clear()
    await opened
    claim = await case.claim()
    assert (claim.state, world.payments.taken()) == (ClaimState.AWAITING_DISPATCH, FEE)


async def test_a_decision_that_met_the_beginning_of_a_step_is_answered_within_two_seconds(world: World) -> None:
    """It was let in before the payment began, and cannot wait for its end. Whichever of the two came first is done."""
    case = await world.shipped()
    world.payments.silent.add("all")
    waivers = [asyncio.create_task(case.decide("waiver", Waive(actor="staff", reason=why))) for why in ("one", "two")]
    (refused,), (taken,) = await asyncio.wait(waivers, timeout=2 * A_SECOND + 0.5, return_when=asyncio.FIRST_COMPLETED)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await refused
    assert getattr(caught.value.cause, "type", None) == "payment_in_progress"
    world.payments.silent.clear()
    claim = await taken
    assert claim.hold
    assert (claim.outcome, claim.hold.state) == (Outcome.WAIVED, HoldState.RELEASED)
    assert world.payments.taken() == FEE
