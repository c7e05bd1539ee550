"""What carriers and the warehouse say about a parcel is judged by its own moment, whenever it is told."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from domain.dates import whole_second
from domain.kinds import Action, Attention, ClaimState, HoldPolicy, Outcome, Tier
from domain.lifecycle import allowed_actions
from domain.policy import Policy
from messages.claims import Decide, ParcelArrived, ParcelDelivered, ParcelScanned, Waive
from messages.mail import MailKind
from tests.workflows import planted_parcels
from tests.workflows.case import WITHOUT_BATTERY, Case
from tests.workflows.world import World

FEE, HOLD = 15900, 164000
Worlds = Callable[..., World]
DISPATCHED_UNDER = "1Z"


async def deliver(case: Case, at: datetime | None = None, number: str = "1Z9") -> None:
    at = whole_second(at or await case.now())
    event = ParcelDelivered(
        event_id=str(uuid.uuid4()), actor="carrier:ups", carrier="ups", tracking_number=number, delivered_at=at
    )
    await case.handle.signal("delivery", event)


# -- told to the database alone ---------------------------------------------------------------------------------------


async def test_a_parcel_that_the_claim_could_not_be_told_of_is_asked_for_before_the_default(world: World) -> None:
    """R-RET-3: no default is charged while an event waits."""
    case = await world.shipped()
    await case.pass_time(days=9)
    arrived_at = whole_second(await case.now())
    world.record.waiting = [ParcelArrived(event_id="evt_waits", actor="warehouse", arrived_at=arrived_at)]
    claim = await case.pass_due()
    assert (claim.state, claim.returning and claim.returning.arrived_at) == (ClaimState.INSPECTING, arrived_at)
    await case.handle.signal("arrival", world.record.waiting[0])  # told later too: it counts once
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert claim.outcome is Outcome.HOLD_RELEASED
    assert world.payments.net_paid() == FEE


async def test_a_scan_that_the_claim_could_not_be_told_of_earns_its_days(world: World) -> None:
    """R-RET-4."""
    case = await world.shipped()
    await case.pass_time(days=9)
    at = whole_second(await case.now())
    scan = ParcelScanned(event_id="evt_1", actor="ups", carrier="ups", tracking_number="1Z9", scanned_at=at)
    world.record.waiting = [scan]
    claim = await case.pass_due()
    assert claim.state is ClaimState.AWAITING_RETURN
    assert claim.returning
    assert claim.deadline == claim.returning.carried_until


async def test_a_parcel_that_is_left_when_the_claim_ends_becomes_a_task(world: World) -> None:
    case = await world.shipped()
    await case.arrive()
    await case.arrive(event_id="evt_second")
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert claim.outcome is Outcome.HOLD_RELEASED
    await case.handle.result()
    assert [event.event_id for event in world.record.unclaimed] == ["evt_second"]
    assert world.record.kinds()[-1] == "unexpected_event"


# -- delivered by the carrier -----------------------------------------------------------------------------------------


async def test_a_delivery_without_an_arrival_holds_the_default_back(world: World) -> None:
    """Decision 22 of the programme: the default waits and the warehouse has a task."""
    case = await world.shipped()
    await case.pass_time(days=3)
    await deliver(case)
    assert (await case.claim()).attention == (Attention.DELIVERED_NOT_RECEIVED,)
    claim = await case.pass_due()
    assert claim.state is ClaimState.AWAITING_RETURN
    assert set(claim.attention) == {Attention.DELIVERED_NOT_RECEIVED, Attention.DEFAULT_HELD_BACK}
    assert {Action.ARRIVAL, Action.DECISION, Action.WAIVER} <= set(allowed_actions(claim))
    await case.pass_time(days=20)
    assert world.payments.net_paid() == FEE
    claim = await case.arrive()
    assert (claim.state, claim.attention) == (ClaimState.INSPECTING, ())
    assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.HOLD_RELEASED
    assert world.payments.net_paid() == FEE


async def test_staff_may_charge_what_the_carrier_delivered_elsewhere(world: World) -> None:
    case = await world.shipped()
    await deliver(case)
    await case.pass_due()
    claim = await case.decide("decision", Decide(actor="staff", approve=True, reason="another address"))
    assert claim.state is ClaimState.DEFAULTED
    assert world.payments.net_paid() == FEE + HOLD


@pytest.mark.parametrize(("delivered_late", "kept"), [(False, 0), (True, 2500)])
async def test_the_late_fee_counts_from_the_carriers_moment(
    make_world: Worlds, delivered_late: bool, kept: int
) -> None:
    """R-RET-3, R-RET-10."""
    world = make_world(policy=Policy(late_fee=2500))
    async with world.worker():
        case = await world.shipped()
        returning = (await case.pass_due()).returning
        assert returning
        await case.pass_time(days=2)
        await deliver(case, returning.due_at + timedelta(hours=1) if delivered_late else returning.due_at)
        await case.arrive()
        claim = await case.inspect(components=WITHOUT_BATTERY)
        assert claim.outcome is Outcome.LATE_RETURN_REFUNDED
        assert world.payments.net_paid() == FEE + kept


async def test_the_end_of_a_late_return_waits_for_a_parcel_that_was_delivered(world: World) -> None:
    """R-RET-10: the charge stays when staff say so."""
    case = await world.shipped()
    await case.pass_due()
    await case.pass_time(days=4)
    await deliver(case)
    claim = await case.pass_time(days=12)
    assert claim.state is ClaimState.DEFAULTED
    assert Attention.DELIVERED_NOT_RECEIVED in claim.attention
    claim = await case.decide("decision", Decide(actor="staff", approve=True, reason="never found"))
    assert (claim.outcome, claim.attention) == (Outcome.DEFAULT_CHARGED, ())
    assert world.payments.net_paid() == FEE + HOLD


async def test_the_replacements_own_delivery_says_nothing_about_the_return(world: World) -> None:
    case = await world.shipped()
    await deliver(case, number=DISPATCHED_UNDER.lower())
    assert (await case.claim()).attention == ()
    assert (await case.pass_due()).state is ClaimState.DEFAULTED


async def test_a_standard_claim_does_not_lapse_while_the_carrier_has_delivered(world: World) -> None:
    """R-EXP-2."""
    case = await world.open(world.care_express(Tier.STANDARD))
    await case.pass_time(days=5)
    await deliver(case)
    claim = await case.pass_time(days=30)
    assert claim.state is ClaimState.AWAITING_ITEM
    assert claim.attention == (Attention.DELIVERED_NOT_RECEIVED,)
    assert (await case.arrive()).state is ClaimState.INSPECTING


# -- told after a charge ----------------------------------------------------------------------------------------------


async def defaulted_by_a_scan_told_late(world: World) -> Case:
    """The scan was made 30 hours before due and told 20 hours after."""
    case = await world.shipped()
    returning = (await case.pass_due()).returning
    assert returning
    await case.pass_time(hours=20)
    await case.scan(returning.due_at - timedelta(hours=30))
    return case


async def test_a_scan_made_before_due_and_told_after_the_charge_undoes_it(world: World) -> None:
    """R-RET-4, edge case 4."""
    case = await defaulted_by_a_scan_told_late(world)
    claim = await case.claim()
    assert claim.returning
    assert (claim.state, claim.deadline) == (ClaimState.AWAITING_RETURN, claim.returning.carried_until)
    assert claim.reasons == ()
    assert world.payments.net_paid() == FEE
    assert world.mail.kinds()[-1] is MailKind.REFUND
    await case.pass_time(days=2)
    await case.arrive()
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert claim.outcome is Outcome.HOLD_RELEASED
    assert world.payments.net_paid() == FEE


async def charges_an_undone_default_once(world: World) -> None:
    """R-RET-4, R-RET-6: the second charge is another one than the first."""
    case = await defaulted_by_a_scan_told_late(world)
    claim = await case.claim()
    assert world.payments.net_paid() == FEE
    assert claim.deadline
    claim = await case.pass_until(claim.deadline + timedelta(seconds=2))
    assert claim.state is ClaimState.DEFAULTED
    assert world.payments.net_paid() == FEE + HOLD


def without_a_hold(world: World) -> World:
    """Its hold lapses before due, so a default goes to the saved card."""
    world.payments.hold_life = timedelta(days=7)
    world.payments.declines = {("renewal", "pm_card_visa")}
    return world


@pytest.mark.parametrize("prepared", [lambda world: world, without_a_hold], ids=["hold", "saved card"])
async def test_an_undone_default_is_charged_once_when_the_parcel_never_comes(
    make_world: Worlds, prepared: Callable[[World], World]
) -> None:
    """R-RET-4, R-RET-6."""
    world = prepared(make_world())
    async with world.worker():
        await charges_an_undone_default_once(world)


async def test_a_charge_that_staff_approved_is_not_undone_by_a_machine(make_world: Worlds) -> None:
    world = without_a_hold(make_world(policy=Policy(hold_policy=HoldPolicy.MANUAL)))
    async with world.worker():
        case = await world.shipped()
        returning = (await case.pass_due()).returning
        assert returning
        await case.decide("decision", Decide(actor="staff", approve=True))
        await case.scan(returning.due_at - timedelta(hours=30))
        assert (await case.claim()).state is ClaimState.DEFAULTED


async def test_the_earliest_scan_counts(world: World) -> None:
    """R-RET-4: a later scan of another parcel takes no days of grace away."""
    case = await world.shipped()
    await case.pass_time(days=9)
    first = whole_second(await case.now())
    await case.scan(first)
    claim = await case.pass_due()
    claim = await case.scan()
    assert claim.returning
    assert (claim.state, claim.returning.scanned_at) == (ClaimState.AWAITING_RETURN, first)


# -- after the last day for a refund ----------------------------------------------------------------------------------


async def test_a_parcel_after_the_end_is_inspected_and_staff_decide(world: World) -> None:
    """R-RET-10: while something is due its decision stays possible."""
    case = await world.shipped()
    await case.pass_due()
    await case.pass_time(days=11)
    claim = await case.arrive()
    assert (claim.state, claim.attention) == (ClaimState.CLOSED, (Attention.REFUND_DUE,))
    assert claim.returning
    assert claim.returning.arrived_at
    assert world.mail.kinds()[-1] is MailKind.ARRIVED
    claim = await case.pass_time(days=60)
    assert set(allowed_actions(claim)) == {Action.INSPECTION, Action.WAIVER, Action.DECISION}
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert claim.inspection
    claim = await case.decide("waiver", Waive(actor="staff", reason="the carrier lost it for weeks"))
    assert (claim.outcome, claim.attention) == (Outcome.WAIVED, ())
    assert world.payments.net_paid() == FEE


async def test_staff_may_keep_the_charge_for_a_parcel_that_came_too_late(world: World) -> None:
    """R-RET-10: nothing is left to do then, and the claim ends."""
    case = await world.shipped()
    await case.pass_due()
    await case.pass_time(days=20)
    await case.arrive()
    claim = await case.decide("decision", Decide(actor="staff", approve=True, reason="two weeks late"))
    assert (claim.outcome, claim.attention) == (Outcome.DEFAULT_CHARGED, ())
    await case.pass_time(days=31)
    assert await case.handle.result() == "default_charged"
    assert world.payments.net_paid() == FEE + HOLD


async def test_a_parcel_told_after_the_end_that_came_in_time_for_a_refund_is_refunded(world: World) -> None:
    """R-RET-3, R-RET-10: it is judged by its own moment."""
    case = await world.shipped()
    returning = (await case.pass_due()).returning
    assert returning
    await case.pass_time(days=11)
    await case.arrive(returning.late_until - timedelta(hours=1), reason="found at the gate")
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert claim.outcome is Outcome.LATE_RETURN_REFUNDED
    assert world.payments.net_paid() == FEE


PLANTS = [
    (planted_parcels.KeepsAnEarlyDefault, test_a_scan_made_before_due_and_told_after_the_charge_undoes_it),
    (planted_parcels.ForgetsTheDelivery, test_a_delivery_without_an_arrival_holds_the_default_back),
    (planted_parcels.ChargesAgainUnderTheFirstKey, charges_an_undone_default_once),
]


@pytest.mark.parametrize(("bug", "check"), PLANTS, ids=lambda value: getattr(value, "__name__", ""))
async def test_a_planted_bug_is_caught(
    make_world: Worlds, bug: type, check: Callable[[World], Awaitable[None]]
) -> None:
    world = without_a_hold(make_world(processes=[bug]))
    async with world.worker():
        with pytest.raises(AssertionError):
            await check(world)
