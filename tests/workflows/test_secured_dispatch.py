"""Nothing ships without a live hold or a deposit (R-EXP-6): another card is asked for, and without one it ends."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from domain.claim import Claim
from domain.kinds import Action, Attention, ClaimState, HoldPolicy, HoldState, Outcome, Tier, UseKind
from domain.lifecycle import allowed_actions
from domain.policy import Policy
from messages.claims import CancelClaim, ChangePaymentMethod, Dispatch, PaymentChanged
from messages.mail import MailKind
from tests.workflows.case import Case
from tests.workflows.world import World

FEE, HOLD = 15900, 164000
DISPATCH = Dispatch(actor="warehouse", replacement_serial_number="SN2")
OTHER_CARD = ChangePaymentMethod(actor="customer", payment_method="pm_card_amex")
Worlds = Callable[..., World]


async def waiting(world: World) -> Case:
    """A claim whose warehouse has no unit in stock."""
    return await world.open(world.care_express(Tier.PREMIUM))


async def without_hold(world: World) -> Case:
    """The same, eight days on: the hold has expired."""
    case = await waiting(world)
    claim = await case.pass_time(days=8)
    assert claim.hold
    assert (claim.state, claim.hold.state) == (ClaimState.AWAITING_PAYMENT, HoldState.EXPIRED)
    return case


async def test_nothing_ships_once_the_hold_has_expired(failing: World) -> None:
    """R-EXP-6, R-CLM-8: a wait for stock outlasts the hold."""
    async with failing.worker():
        case = await without_hold(failing)
        error = await case.refused("dispatch", DISPATCH)
        assert (error.type, error.details[0]["rule"]) == ("hold_not_live", "R-EXP-6")
        assert error.details[0]["allowed_actions"] == ["payment_method", "cancel", "ship_to"]
        claim = await case.claim()
        assert (claim.dispatched_on, claim.attention) == (None, (Attention.HOLD_AT_RISK,))
        assert failing.warehouse.withdrawn == {case.id}, "the warehouse does not ship what it may not"
        assert failing.mail.kinds().count(MailKind.CARD_NEEDED) == 1


async def test_another_card_lets_the_replacement_ship(failing: World) -> None:
    async with failing.worker():
        case = await without_hold(failing)
        same = ChangePaymentMethod(actor="customer", payment_method="pm_card_visa")
        assert (await case.refused("payment_method", same)).type == "payment_declined"
        assert (await case.claim()).state is ClaimState.AWAITING_PAYMENT
        claim = await case.decide("payment_method", OTHER_CARD)
        assert (claim.state, claim.attention) == (ClaimState.AWAITING_DISPATCH, ())
        assert failing.warehouse.withdrawn == set(), "it was asked again"
        claim = await case.dispatch()
        assert claim.state is ClaimState.AWAITING_RETURN
        claim = await case.pass_due()
        assert (claim.state, failing.payments.net_paid()) == (ClaimState.DEFAULTED, FEE + HOLD)


async def test_without_another_card_the_claim_is_cancelled_and_the_fee_refunded(failing: World) -> None:
    """The customer is asked, reminded three times, and pays nothing."""
    async with failing.worker():
        case = await without_hold(failing)
        asked = await case.claim()
        assert asked.deadline
        claim = await case.pass_until(asked.deadline - timedelta(seconds=5))
        assert claim.state is ClaimState.AWAITING_PAYMENT
        assert failing.mail.kinds().count(MailKind.CARD_NEEDED) == 4
        claim = await case.pass_time(seconds=8)
        assert (claim.outcome, failing.payments.net_paid()) == (Outcome.CANCELLED, 0)
        assert asked.deadline - claim.opened_at > timedelta(days=21)
        assert failing.record.uses == [UseKind.RESERVED, UseKind.GIVEN_BACK]
        assert failing.payments.live_holds() == 0
        assert failing.mail.kinds()[-1] is MailKind.CANCELLED


async def test_the_customer_may_cancel_instead(failing: World) -> None:
    """R-EXP-9."""
    async with failing.worker():
        case = await without_hold(failing)
        claim = await case.decide("cancel", CancelClaim(actor="customer"))
        assert (claim.outcome, failing.payments.net_paid()) == (Outcome.CANCELLED, 0)


async def test_a_hold_that_the_gateway_has_ended_stops_the_dispatch_until_there_is_another(make_world: Worlds) -> None:
    """While the report is being checked nothing ships; the hold is replaced at once where the card allows it."""
    world = make_world()
    async with world.worker():
        case = await waiting(world)
        await end_hold(case, world)
        world.payments.unresponsive.add("look")
        await report(case, world)
        await case.until_in_step()
        assert (await case.refused("dispatch", DISPATCH)).type == "payment_in_progress"
        world.payments.unresponsive.clear()
        await case.pass_time(minutes=10)
        claim = await case.dispatch()
        assert claim.hold
        assert (claim.state, claim.hold.state) == (ClaimState.AWAITING_RETURN, HoldState.AUTHORIZED)
        assert world.payments.live_holds() == 1


async def test_an_ended_hold_and_a_declining_card_ask_for_another(failing: World) -> None:
    async with failing.worker():
        case = await waiting(failing)
        await end_hold(case, failing)
        await report(case, failing)
        claim = await until(case, ClaimState.AWAITING_PAYMENT)
        assert claim.hold
        assert claim.hold.state is HoldState.RELEASED
        assert (await case.refused("dispatch", DISPATCH)).type == "hold_not_live"


async def test_a_deposit_secures_the_replacement_as_a_hold_does(make_world: Worlds) -> None:
    """Decision 13."""
    world = make_world(policy=Policy(hold_policy=HoldPolicy.CAPTURE_AND_REFUND))
    world.payments.hold_life = timedelta(days=7)
    world.payments.declines.add(("renewal", "pm_card_visa"))
    async with world.worker():
        case = await waiting(world)
        claim = await case.pass_time(days=8)
        assert Action.DISPATCH in allowed_actions(claim)
        assert (await case.dispatch()).state is ClaimState.AWAITING_RETURN


async def test_what_the_warehouse_cannot_stop_is_reported_although_the_hold_has_ended(failing: World) -> None:
    """It left before anybody knew; the claim goes on as dispatched, and staff see the hold."""
    failing.warehouse.too_late = True
    async with failing.worker():
        case = await waiting(failing)
        claim = await case.pass_time(days=8)
        assert claim.state is ClaimState.AWAITING_DISPATCH
        assert set(claim.attention) == {Attention.HOLD_AT_RISK, Attention.DISPATCH_OVERDUE}
        assert allowed_actions(claim) == (Action.DISPATCH, Action.PAYMENT_METHOD)
        assert (await case.dispatch()).state is ClaimState.AWAITING_RETURN


async def end_hold(case: Case, world: World) -> None:
    """Somebody releases the hold in the gateway."""
    (hold_id,) = world.payments.holds
    world.payments.holds[hold_id] = replace(world.payments.holds[hold_id], state=HoldState.RELEASED)


async def report(case: Case, world: World) -> None:
    """The gateway's webhook about the hold."""
    event = PaymentChanged(event_id="evt_1", actor="simulated", payment_id=next(iter(world.payments.holds)))
    await case.handle.signal("payment_changed", event)


async def until(case: Case, state: ClaimState) -> Claim:
    async with asyncio.timeout(10):
        while (claim := await case.claim()).state is not state:
            await asyncio.sleep(0.05)
    return claim
