"""Nothing leaves again without a live hold, a deposit or the default that was charged (R-EXP-6, R-EXP-10)."""

from collections.abc import Callable
from datetime import timedelta

from domain.kinds import Action, Attention, ClaimState, HoldPolicy, HoldState, Outcome
from domain.lifecycle import allowed_actions
from domain.policy import Policy
from messages.claims import ChangePaymentMethod
from tests.workflows.case import WITHOUT_BATTERY, Case
from tests.workflows.test_replacement_resend import FEE, RESEND, UNDO, another_unit, sent_back, window
from tests.workflows.world import World

OTHER_CARD = ChangePaymentMethod(actor="customer", payment_method="pm_card_amex")
HOLD = 164_000
Worlds = Callable[..., World]


async def sent_back_late(world: World) -> Case:
    """After the default was charged."""
    case = await world.shipped()
    await case.pass_due()
    await case.arrive()
    await case.inspect(serial="SN2", components=WITHOUT_BATTERY)
    return case


async def test_nothing_leaves_again_without_a_live_hold(failing: World) -> None:
    """R-EXP-6."""
    async with failing.worker():
        case = await sent_back(failing)
        claim = await case.pass_time(days=8)
        assert claim.hold
        assert claim.hold.state is HoldState.EXPIRED
        assert Action.REPLACEMENT_RESEND not in allowed_actions(claim)
        error = await case.refused("replacement_resend", RESEND)
        assert (error.type, error.details[0]["rule"]) == ("hold_not_live", "R-EXP-6")
        assert failing.warehouse.requested[case.id].number == 0
        await case.decide("payment_method", OTHER_CARD)
        await case.decide("replacement_resend", RESEND)
        assert (await case.dispatch()).state is ClaimState.AWAITING_RETURN


async def loses_its_hold(world: World) -> Case:
    """While the unit waits to be shipped again."""
    case = await sent_back(world)
    await case.decide("replacement_resend", RESEND)
    claim = await case.pass_time(days=8)
    assert claim.state is ClaimState.AWAITING_PAYMENT
    assert allowed_actions(claim) == (Action.PAYMENT_METHOD, Action.SHIP_TO, Action.REPLACEMENT_UNDO)
    assert (await case.refused("dispatch", another_unit("SN2"))).type == "hold_not_live"
    assert world.warehouse.withdrawn == {case.id}
    return case


async def test_a_hold_that_ends_before_it_leaves_asks_for_another_card(failing: World) -> None:
    async with failing.worker():
        case = await loses_its_hold(failing)
        claim = await case.decide("payment_method", OTHER_CARD)
        assert (claim.state, claim.attention) == (ClaimState.AWAITING_DISPATCH, ())
        assert failing.warehouse.withdrawn == set(), "it was asked again"
        asked = failing.warehouse.requested[case.id]
        assert (asked.number, asked.serial_number) == (1, "SN2")
        assert (await case.dispatch()).state is ClaimState.AWAITING_RETURN


async def test_without_another_card_the_unit_stays_here_and_staff_decide(failing: World) -> None:
    """The claim is neither cancelled nor charged by a machine."""
    async with failing.worker():
        case = await loses_its_hold(failing)
        asked = await case.claim()
        assert asked.deadline
        claim = await case.pass_until(asked.deadline + timedelta(seconds=3))
        assert claim.state is ClaimState.AWAITING_CURE
        assert {Attention.REPLACEMENT_RETURNED, Attention.DEFAULT_HELD_BACK} <= set(claim.attention)
        assert failing.payments.net_paid() == FEE
        claim = await case.decide("payment_method", OTHER_CARD)
        assert Action.REPLACEMENT_RESEND in allowed_actions(claim)
        claim = await case.decide("replacement_undo", UNDO)
        assert (claim.outcome, failing.payments.net_paid()) == (Outcome.CANCELLED, FEE)


async def test_a_deposit_secures_it_as_a_hold_does(make_world: Worlds) -> None:
    """Decision 13."""
    world = make_world(policy=Policy(hold_policy=HoldPolicy.CAPTURE_AND_REFUND))
    world.payments.hold_life = timedelta(days=7)
    world.payments.declines.add(("renewal", "pm_card_visa"))
    async with world.worker():
        case = await sent_back(world)
        await case.pass_time(days=8)
        await case.decide("replacement_resend", RESEND)
        claim = await case.pass_time(days=40)
        assert claim.state is ClaimState.AWAITING_DISPATCH, "it is kept until staff decide otherwise"
        await case.dispatch()
        await case.arrive()
        assert (await case.inspect()).outcome is Outcome.HOLD_RELEASED
        assert world.payments.net_paid() == FEE


# -- after the default was charged ------------------------------------------------------------------------------------


async def test_after_the_charge_it_leaves_against_what_was_paid_and_the_original_is_refunded(world: World) -> None:
    """R-RET-10: the due date stays, and the last day for a refund is counted anew."""
    case = await sent_back_late(world)
    before = await case.claim()
    assert (before.state, world.payments.net_paid()) == (ClaimState.DEFAULTED, FEE + HOLD)
    claim = await case.decide("replacement_resend", RESEND)
    assert (claim.state, claim.deadline) == (ClaimState.AWAITING_DISPATCH, None)
    claim = await case.pass_time(days=35)  # longer than the last day for a refund, and than a charge can be disputed
    assert claim.state is ClaimState.AWAITING_DISPATCH
    claim = await case.dispatch()
    assert claim.state is ClaimState.DEFAULTED
    assert window(claim).due_at == window(before).due_at
    assert window(claim).late_until - await case.now() > timedelta(days=22)
    assert claim.deadline == window(claim).late_until
    await case.pass_time(days=15)
    await case.arrive()
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert (claim.outcome, world.payments.net_paid()) == (Outcome.LATE_RETURN_REFUNDED, FEE)
    assert len(world.payments.holds) == 1, "no hold was placed beside the charge"


async def test_after_the_charge_of_a_saved_card_no_hold_is_placed_beside_it(failing: World) -> None:
    """The hold had lapsed, and the card bears the charge."""
    async with failing.worker():
        case = await sent_back_late(failing)
        claim = await case.claim()
        assert claim.hold
        assert (claim.hold.state, failing.payments.net_paid()) == (HoldState.EXPIRED, FEE + HOLD)
        await case.decide("replacement_resend", RESEND)
        claim = await case.pass_time(days=5)
        assert (claim.state, Action.DISPATCH in allowed_actions(claim)) == (ClaimState.AWAITING_DISPATCH, True)
        assert (await case.dispatch()).state is ClaimState.DEFAULTED
        assert (failing.payments.live_holds(), failing.payments.net_paid()) == (0, FEE + HOLD)


async def test_after_a_default_that_is_owed_nothing_leaves_until_it_is_paid(failing: World) -> None:
    """R-RET-9."""
    failing.payments.declines.add(("default_charges", "pm_card_visa"))
    async with failing.worker():
        case = await sent_back_late(failing)
        claim = await case.claim()
        assert claim.amount_owed.amount == HOLD
        assert Action.REPLACEMENT_RESEND not in allowed_actions(claim)
        assert (await case.refused("replacement_resend", RESEND)).type == "hold_not_live"
        await case.decide("payment_method", OTHER_CARD)
        await case.decide("replacement_resend", RESEND)
        assert (await case.dispatch()).state is ClaimState.DEFAULTED
