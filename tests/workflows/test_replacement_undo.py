"""The new unit came back instead of the original, and staff undo the replacement (R-EXP-10, edge case 30)."""

from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.claim import Claim
from domain.kinds import Action, Attention, ClaimState, HoldState, Outcome, UseKind
from domain.lifecycle import allowed_actions
from domain.policy import Policy
from messages.claims import UndoReplacement
from messages.mail import MailKind
from tests.workflows.case import WITHOUT_BATTERY, Case
from tests.workflows.world import World

UNDO = UndoReplacement(actor="staff", reason="keeps the original")
USED = [UseKind.RESERVED, UseKind.CONSUMED]
DEFAULT = 164_000


async def sent_back(world: World, *, late: bool = False) -> Case:
    case = await world.shipped()
    if late:
        await case.pass_due()
    await case.arrive()
    claim = await case.inspect(serial="SN2", components=WITHOUT_BATTERY)
    assert Attention.REPLACEMENT_RETURNED in claim.attention
    assert Action.REPLACEMENT_UNDO in allowed_actions(claim)
    return case


def ended(claim: Claim) -> bool:
    return (claim.state, claim.outcome, claim.replacement_undone) == (ClaimState.CLOSED, Outcome.CANCELLED, True)


@pytest.mark.parametrize("days", [0, 20])
async def test_whoever_keeps_the_original_pays_the_fee_alone_and_has_the_use_again(world: World, days: int) -> None:
    case = await sent_back(world)
    await case.pass_time(days=days)  # after 20 the default is held back for staff
    claim = await case.decide("replacement_undo", UNDO)
    assert ended(claim)
    assert claim.hold
    assert claim.hold.state is HoldState.RELEASED
    assert (claim.attention, claim.replacement_serial_number) == ((), "SN2")
    assert world.payments.net_paid() == claim.fee.amount
    assert world.record.uses == [*USED, UseKind.UNDONE]
    assert world.record.kinds().count("replacement_undone") == 1
    assert world.mail.sent[-1].kind is MailKind.CANCELLED


async def test_a_default_that_was_charged_is_refunded_in_full(world: World) -> None:
    case = await sent_back(world, late=True)
    fee = (await case.claim()).fee.amount
    assert world.payments.net_paid() == fee + DEFAULT
    claim = await case.decide("replacement_undo", UNDO)
    assert ended(claim)
    assert world.payments.net_paid() == fee
    refund = world.mail.sent[-1].amount
    assert refund is not None
    assert refund.amount == DEFAULT


@pytest.mark.parametrize("cure_days", [0, 3])
async def test_no_machine_charges_for_the_new_unit_when_no_time_is_left_to_put_it_right(
    temporal: WorkflowEnvironment, cure_days: int
) -> None:
    """R-INS-4: at once under the policy 0, and in a box that is inspected after the cure window."""
    world = World(temporal.client, Policy(cure_days=cure_days))
    async with world.worker():
        case = await world.shipped()
        await case.arrive()
        if cure_days:
            claim = await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
            await case.arrive()
            assert claim.deadline
            await case.pass_until(claim.deadline + timedelta(days=2))
        claim = await case.inspect(serial="SN2", components=WITHOUT_BATTERY)
        assert claim.state is ClaimState.AWAITING_CURE
        assert set(claim.attention) == {Attention.REPLACEMENT_RETURNED, Attention.DEFAULT_HELD_BACK}
        assert world.payments.net_paid() == claim.fee.amount
        assert world.mail.sent[-1].kind is MailKind.INSPECTED_MISMATCH
        assert ended(await case.decide("replacement_undo", UNDO))


async def test_a_replacement_with_a_case_of_its_own_cannot_be_undone_and_nothing_changes(world: World) -> None:
    case = await sent_back(world)
    world.record.lineage_moved_on = True
    assert (await case.refused("replacement_undo", UNDO)).type == "refused"
    claim = await case.claim()
    assert (claim.state, claim.replacement_undone) == (ClaimState.AWAITING_CURE, False)
    assert claim.hold
    assert claim.hold.state is HoldState.AUTHORIZED
    world.record.lineage_moved_on = False
    assert ended(await case.decide("replacement_undo", UNDO))


async def test_a_reset_undoes_it_once(world: World) -> None:
    case = await sent_back(world)
    await case.decide("replacement_undo", UNDO)
    await case.reset()
    assert ended(await case.claim())
    assert world.record.uses == [*USED, UseKind.UNDONE]
    claim = await case.claim()
    assert world.payments.net_paid() == claim.fee.amount


async def test_another_wrong_unit_is_not_undone(world: World) -> None:
    case = await world.shipped()
    await case.arrive()
    claim = await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    assert Action.REPLACEMENT_UNDO not in allowed_actions(claim)
    assert (await case.refused("replacement_undo", UNDO)).type == "action_not_allowed"
