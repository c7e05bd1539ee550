"""The new unit came back instead of the original, and staff send it out again (R-EXP-10, edge case 30)."""

import contextlib
from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError

from domain.claim import Claim, Return
from domain.kinds import Action, Attention, ClaimState, Component, Outcome, UseKind
from domain.lifecycle import allowed_actions
from messages.claims import (
    CorrectAddress,
    Decide,
    Dispatch,
    ExtendReturn,
    ResendReplacement,
    UndoReplacement,
)
from messages.mail import MailKind
from tests.workflows.case import ALL_COMPONENTS, WITHOUT_BATTERY, Case
from tests.workflows.world import SHIP_TO, World

RESEND = ResendReplacement(actor="staff", reason="sends the original after all")
UNDO = UndoReplacement(actor="staff", reason="keeps the original")
FEE, HOLD = 15_900, 164_000


async def sent_back(world: World, *, components: tuple[Component, ...] = WITHOUT_BATTERY) -> Case:
    case = await world.shipped()
    await case.arrive()
    claim = await case.inspect(serial="SN2", components=components)
    assert Attention.REPLACEMENT_RETURNED in claim.attention
    return case


def window(claim: Claim) -> Return:
    assert claim.returning is not None
    return claim.returning


@pytest.mark.parametrize("days", [0, 20])
async def test_the_new_unit_leaves_again_and_the_original_has_a_fresh_window(world: World, days: int) -> None:
    case = await sent_back(world)
    before = await case.pass_time(days=days)  # after 20 the default is held back for staff
    assert Action.REPLACEMENT_RESEND in allowed_actions(before)
    claim = await case.decide("replacement_resend", RESEND)
    assert (claim.state, claim.attention, claim.deadline) == (ClaimState.AWAITING_DISPATCH, (), None)
    assert allowed_actions(claim) == (Action.DISPATCH, Action.SHIP_TO, Action.REPLACEMENT_UNDO)
    asked = world.warehouse.requested[case.id]
    assert (asked.number, asked.serial_number, asked.with_battery) == (1, "SN2", False)
    assert world.mail.sent[-1].kind is MailKind.SHIPS_AGAIN
    await case.pass_time(days=3)
    claim = await case.dispatch()
    assert claim.state is ClaimState.AWAITING_RETURN
    assert window(claim).due_at - await case.now() > timedelta(days=13)
    assert (window(claim).arrived_at, window(claim).expected) == (None, window(before).expected)
    assert world.mail.kinds().count(MailKind.SHIPPED) == 2
    assert world.mail.kinds().count(MailKind.REBIND) == 1
    assert world.record.uses == [UseKind.RESERVED, UseKind.CONSUMED]
    await case.arrive()
    claim = await case.inspect()
    assert (claim.outcome, world.payments.net_paid()) == (Outcome.HOLD_RELEASED, FEE)


async def test_nothing_is_charged_while_it_waits_to_be_shipped_and_the_warehouse_is_overdue(world: World) -> None:
    case = await sent_back(world)
    await case.decide("replacement_resend", RESEND)
    claim = await case.pass_time(days=25)
    assert (claim.state, claim.attention) == (ClaimState.AWAITING_DISPATCH, (Attention.DISPATCH_OVERDUE,))
    assert world.payments.net_paid() == FEE
    assert world.mail.kinds().count(MailKind.DISPATCH_DELAYED) == 1
    claim = await case.dispatch()
    assert claim.attention == ()
    claim = await case.pass_due()
    assert (claim.state, world.payments.net_paid()) == (ClaimState.DEFAULTED, FEE + HOLD)


async def test_the_new_due_date_never_lies_before_the_old_one(world: World) -> None:
    """R-RET-5: the window was extended by a week before the new unit came."""
    case = await world.shipped()
    extended = await case.decide("extension", ExtendReturn(actor="staff", days=7, reason="ill"))
    await case.arrive()
    await case.inspect(serial="SN2", components=WITHOUT_BATTERY)
    await case.decide("replacement_resend", RESEND)
    claim = await case.dispatch()
    assert window(claim).due_at == window(extended).due_at
    assert (claim.deadline, window(claim).arrived_at) == (window(extended).due_at, None)
    assert Action.EXTENSION not in allowed_actions(claim)


async def test_a_wrong_box_in_the_fresh_window_has_time_to_be_put_right(world: World) -> None:
    """R-INS-4: the cure of the window before is over."""
    case = await sent_back(world)
    await case.pass_time(days=20)
    await case.decide("replacement_resend", RESEND)
    await case.dispatch()
    await case.arrive()
    claim = await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    assert (claim.state, claim.deadline) == (ClaimState.AWAITING_CURE, window(claim).due_at)
    assert world.payments.net_paid() == FEE


async def test_only_the_unit_that_came_back_is_shipped_again(world: World) -> None:
    case = await sent_back(world, components=ALL_COMPONENTS)
    await case.decide("replacement_resend", RESEND)
    assert world.warehouse.requested[case.id].with_battery, "a battery came back with it"
    assert (await case.refused("dispatch", another_unit("SN3"))).type == "refused"
    assert (await case.claim()).state is ClaimState.AWAITING_DISPATCH
    assert (await case.dispatch()).state is ClaimState.AWAITING_RETURN


async def test_its_address_can_be_corrected_until_it_has_left(world: World) -> None:
    """R-CLM-12."""
    case = await sent_back(world)
    moved = SHIP_TO.model_copy(update={"line1": "2 New Road"})
    await case.decide("replacement_resend", RESEND)
    await case.decide("ship_to", CorrectAddress(actor="customer", ship_to=moved))
    assert world.warehouse.addresses[case.id] == moved
    await case.dispatch()
    assert (await case.refused("ship_to", CorrectAddress(actor="customer", ship_to=SHIP_TO))).type == (
        "action_not_allowed"
    )


async def test_a_parcel_that_comes_before_it_has_left_is_inspected_afterwards(world: World) -> None:
    case = await sent_back(world)
    await case.decide("replacement_resend", RESEND)
    await case.arrive()
    assert (await case.claim()).state is ClaimState.AWAITING_DISPATCH
    await case.dispatch()
    await case.until(ClaimState.INSPECTING)
    assert (await case.inspect()).outcome is Outcome.HOLD_RELEASED


async def test_staff_may_still_undo_it_unless_the_warehouse_cannot_stop_it(world: World) -> None:
    case = await sent_back(world)
    await case.decide("replacement_resend", RESEND)
    world.warehouse.too_late = True
    assert (await case.refused("replacement_undo", UNDO)).details[0]["rule"] == "R-EXP-9"
    claim = await case.claim()
    assert (claim.state, claim.leaving) == (ClaimState.AWAITING_DISPATCH, True)
    assert allowed_actions(claim) == (Action.DISPATCH,)
    await case.dispatch()
    await case.arrive()
    await case.inspect(serial="SN2", components=WITHOUT_BATTERY)
    world.warehouse.too_late = False
    await case.decide("replacement_resend", RESEND)
    claim = await case.decide("replacement_undo", UNDO)
    assert (claim.outcome, claim.replacement_undone) == (Outcome.CANCELLED, True)
    assert world.warehouse.withdrawn == {case.id}
    assert world.payments.net_paid() == FEE


async def test_an_undo_that_is_not_possible_leaves_it_to_be_shipped(world: World) -> None:
    case = await sent_back(world)
    await case.decide("replacement_resend", RESEND)
    world.record.lineage_moved_on = True
    assert (await case.refused("replacement_undo", UNDO)).type == "refused"
    assert world.warehouse.withdrawn == set(), "it was asked again"
    assert (await case.dispatch()).state is ClaimState.AWAITING_RETURN


async def test_it_may_come_back_and_leave_any_number_of_times(world: World) -> None:
    case = await sent_back(world)
    for number in (1, 2, 3):
        await case.decide("replacement_resend", RESEND)
        assert world.warehouse.requested[case.id].number == number
        await case.dispatch()
        await case.pass_time(days=1)
        await case.arrive()
        await case.inspect(serial="SN2", components=WITHOUT_BATTERY)
    assert world.record.uses == [UseKind.RESERVED, UseKind.CONSUMED]
    assert world.mail.kinds().count(MailKind.SHIPS_AGAIN) == 3
    assert len(world.record.unclaimed) == 4


async def test_a_claim_that_operations_cancel_stops_it_first(world: World) -> None:
    case = await sent_back(world)
    await case.decide("replacement_resend", RESEND)
    await case.claim()
    await case.handle.cancel()
    claim = await ended(case)
    assert claim.outcome is Outcome.CANCELLED
    assert world.warehouse.withdrawn == {case.id}
    assert (world.payments.net_paid(), world.payments.live_holds()) == (FEE, 0)


async def test_a_reset_ships_it_once_and_keeps_its_due_date(world: World) -> None:
    case = await sent_back(world)
    await case.decide("replacement_resend", RESEND)
    before = await case.dispatch()
    await case.reset()
    claim = await case.until(ClaimState.AWAITING_RETURN)
    assert window(claim).due_at == window(before).due_at
    assert world.mail.kinds().count(MailKind.SHIPPED) == 2


async def test_another_wrong_unit_is_not_sent_out(world: World) -> None:
    case = await world.shipped()
    await case.arrive()
    claim = await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    assert Action.REPLACEMENT_RESEND not in allowed_actions(claim)
    assert (await case.refused("replacement_resend", RESEND)).type == "action_not_allowed"


def another_unit(serial: str) -> Dispatch:
    return Dispatch(actor="warehouse", replacement_serial_number=serial)


async def ended(case: Case) -> Claim:
    """The claim once its workflow has ended."""
    with contextlib.suppress(WorkflowFailureError):  # a cancelled one ends so
        await case.handle.result()
    return case.world.record.claims[case.id]


async def test_the_default_may_be_decided_on_after_the_fresh_window(world: World) -> None:
    """It came back twice: staff charge."""
    case = await sent_back(world)
    await case.decide("replacement_resend", RESEND)
    await case.dispatch()
    await case.arrive()
    await case.inspect(serial="SN2", components=WITHOUT_BATTERY)
    await case.decide("decision", Decide(actor="staff", approve=True, reason="twice"))
    assert world.payments.net_paid() == FEE + HOLD
