"""The stories of Care Express Premium, on the real server, weeks in milliseconds."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.claim import Inspection
from domain.kinds import Attention, ClaimState, Component, HoldState, Outcome, PartsChoice, ReasonCode, Tier, UseKind
from domain.policy import Policy
from messages.claims import (
    CancelClaim,
    ChangePaymentMethod,
    ChooseParts,
    ClaimAccepted,
    ClaimRefused,
    Decide,
    ExtendReturn,
    Inspect,
    MailFailed,
    Waive,
)
from messages.mail import MailKind
from messages.record import SerialIdentified
from tests.workflows.conftest import EVERYTHING, WITHOUT_BATTERY, World

FEE, HOLD, PROPELLERS = 15900, 164000, 1200
NO_PROPELLERS = (Component.AIRCRAFT, Component.GIMBAL_CAMERA)
Worlds = Callable[..., World]


async def test_a_good_return_releases_the_hold_and_costs_the_fee_alone(world: World) -> None:
    """R-INS-2, R-EXP-6."""
    case = await world.shipped()
    await case.pass_time(days=5)
    await case.scan()
    await case.pass_time(days=3)
    await case.arrive()
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.HOLD_RELEASED)
    assert claim.hold
    assert claim.hold.state is HoldState.RELEASED
    assert world.payments.taken() == FEE
    assert world.record.uses == [UseKind.RESERVED, UseKind.CONSUMED]
    assert await case.handle.result() == "hold_released"
    assert world.mail.kinds()[-1] is MailKind.RELEASED


async def test_nothing_returned_charges_the_hold_once_the_second_after_due(world: World) -> None:
    """R-RET-2, R-RET-6, R-NOT-1."""
    case = await world.shipped()
    claim = await case.claim()
    assert claim.returning
    claim = await case.pass_until(claim.returning.due_at - timedelta(seconds=5))
    assert claim.state is ClaimState.AWAITING_RETURN
    claim = await case.pass_time(seconds=8)
    assert claim.state is ClaimState.DEFAULTED
    assert claim.hold
    assert claim.hold.captured.amount == HOLD
    assert claim.reasons[0].code is ReasonCode.NOT_RECEIVED
    assert world.payments.taken() == FEE + HOLD
    kinds = world.mail.kinds()
    assert [k for k in kinds if k.startswith("due")] == [MailKind.DUE_MINUS_3, MailKind.DUE_MINUS_1, MailKind.DUE_DAY]
    claim = await case.pass_time(days=11)
    assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.DEFAULT_CHARGED)
    await case.pass_time(days=30)
    assert await case.handle.result() == "default_charged"
    assert world.payments.taken() == FEE + HOLD


async def test_a_wrong_serial_may_be_put_right_and_is_charged_when_it_is_not(world: World) -> None:
    """R-INS-3, R-INS-4."""
    case = await world.shipped()
    await case.pass_time(days=13)
    await case.arrive()
    claim = await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    assert claim.state is ClaimState.AWAITING_CURE
    assert claim.reasons[0].code is ReasonCode.SERIAL_MISMATCH
    assert claim.returning
    assert claim.deadline
    assert claim.deadline >= claim.returning.due_at
    claim = await case.pass_until(claim.deadline + timedelta(seconds=2))
    assert claim.state is ClaimState.DEFAULTED
    assert world.payments.taken() == FEE + HOLD


async def test_the_right_unit_in_the_cure_window_counts_as_in_time(world: World) -> None:
    """R-INS-4, edge case 10."""
    case = await world.shipped()
    await case.pass_time(days=14)
    await case.arrive()
    claim = await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    assert claim.deadline
    await case.pass_until(claim.deadline - timedelta(hours=1))
    await case.arrive()
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert claim.outcome is Outcome.HOLD_RELEASED
    assert world.payments.taken() == FEE


async def test_a_second_wrong_box_does_not_move_the_cure_window(world: World) -> None:
    """R-INS-4."""
    case = await world.shipped()
    await case.pass_time(days=14)
    await case.arrive()
    first = (await case.inspect(serial="SN9", components=WITHOUT_BATTERY)).deadline
    await case.pass_time(days=1)
    await case.arrive()
    second = (await case.inspect(serial="SN8", components=WITHOUT_BATTERY)).deadline
    assert second == first


async def test_without_a_cure_window_a_wrong_box_is_charged_at_once(make_world: Worlds) -> None:
    """R-INS-4: the literal setting."""
    world = make_world(policy=Policy(cure_days=0))
    async with world.worker():
        case = await world.shipped()
        await case.arrive()
        claim = await case.inspect(genuine=False)
        assert claim.state is ClaimState.DEFAULTED
        assert world.payments.taken() == FEE + HOLD


async def test_a_missing_battery_after_a_battery_replacement_is_charged_in_full(world: World) -> None:
    """R-INS-3, edge case 15."""
    case = await world.shipped(replace_battery=True)
    await case.arrive()
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert claim.state is ClaimState.AWAITING_CURE
    assert [r.code for r in claim.reasons] == [ReasonCode.BATTERY_MISSING]
    assert claim.deadline
    claim = await case.pass_until(claim.deadline + timedelta(seconds=2))
    assert claim.state is ClaimState.DEFAULTED
    assert world.payments.taken() == FEE + HOLD


async def test_the_missing_battery_may_follow_in_its_own_parcel(world: World) -> None:
    """R-INS-4, edge case 15."""
    case = await world.shipped(replace_battery=True)
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)
    await case.arrive()
    claim = await case.inspect(serial="", components=(Component.BATTERY,))
    assert claim.outcome is Outcome.HOLD_RELEASED
    assert world.payments.taken() == FEE


async def test_missing_propellers_cost_their_difference_alone(world: World) -> None:
    """R-CMP-1, R-CMP-2, edge case 16."""
    case = await world.shipped()
    await case.arrive()
    claim = await case.inspect(components=NO_PROPELLERS)
    assert claim.state is ClaimState.AWAITING_PARTS
    assert [(p.component, p.difference.amount) for p in claim.missing] == [(Component.PROPELLERS, PROPELLERS)]
    assert claim.deadline
    claim = await case.pass_until(claim.deadline + timedelta(seconds=2))
    assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.PARTS_CHARGED)
    assert claim.hold
    assert claim.hold.captured.amount == PROPELLERS
    assert world.payments.taken() == FEE + PROPELLERS


@pytest.mark.parametrize("choice", list(PartsChoice))
async def test_the_customer_pays_for_parts_or_sends_them(world: World, choice: PartsChoice) -> None:
    """R-CMP-1."""
    case = await world.shipped()
    await case.arrive()
    await case.inspect(components=NO_PROPELLERS)
    claim = await case.decide("parts_choice", ChooseParts(actor="customer", choice=choice))
    if choice is PartsChoice.PAY:
        assert claim.outcome is Outcome.PARTS_CHARGED
        assert world.payments.taken() == FEE + PROPELLERS
        return
    assert claim.state is ClaimState.AWAITING_PARTS
    await case.arrive()
    claim = await case.inspect(serial="", components=(Component.PROPELLERS,))
    assert claim.outcome is Outcome.HOLD_RELEASED
    assert world.payments.taken() == FEE


@pytest.mark.parametrize(
    ("components", "late_fee", "kept"),
    [(WITHOUT_BATTERY, 0, 0), (WITHOUT_BATTERY, 2500, 2500), (NO_PROPELLERS, 0, PROPELLERS)],
)
async def test_a_late_return_is_refunded_less_what_is_kept(
    make_world: Worlds, components: tuple[Component, ...], late_fee: int, kept: int
) -> None:
    """R-RET-10, edge cases 8, 9."""
    world = make_world(policy=Policy(late_fee=late_fee))
    async with world.worker():
        case = await world.shipped()
        await case.pass_due()
        await case.pass_time(days=4)
        await case.arrive()
        claim = await case.inspect(components=components)
        assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.LATE_RETURN_REFUNDED)
        assert claim.hold
        assert (claim.hold.captured.amount, claim.hold.refunded.amount) == (HOLD, HOLD - kept)
        assert world.payments.taken() == FEE + kept


@pytest.mark.parametrize(("late", "refunded"), [(timedelta(0), True), (timedelta(seconds=1), False)])
async def test_the_last_second_for_a_refund_is_the_end_of_the_tenth_day(
    world: World, late: timedelta, refunded: bool
) -> None:
    """R-RET-10."""
    case = await world.shipped()
    returning = (await case.pass_due()).returning
    assert returning
    await case.pass_until(returning.late_until - timedelta(seconds=30))
    claim = await case.arrive(at=returning.late_until + late)
    assert claim.state is (ClaimState.INSPECTING if refunded else ClaimState.DEFAULTED)
    assert claim.attention == (() if refunded else (Attention.REFUND_DUE,))


async def test_a_late_return_of_the_wrong_unit_is_not_refunded(world: World) -> None:
    """Edge case 9."""
    case = await world.shipped()
    await case.pass_due()
    await case.arrive()
    claim = await case.inspect(serial="SN9", components=WITHOUT_BATTERY)
    assert claim.state is ClaimState.DEFAULTED
    assert world.payments.taken() == FEE + HOLD
    await case.arrive()
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert claim.outcome is Outcome.LATE_RETURN_REFUNDED
    assert world.payments.taken() == FEE


async def test_an_arrival_keyed_in_late_but_in_time_costs_no_late_fee(make_world: Worlds) -> None:
    """Edge cases 4, 5."""
    world = make_world(policy=Policy(late_fee=2500))
    async with world.worker():
        case = await world.shipped()
        due = (await case.pass_due()).returning
        assert due
        await case.arrive(at=due.due_at, reason="found at the gate")
        claim = await case.inspect(components=WITHOUT_BATTERY)
        assert claim.outcome is Outcome.LATE_RETURN_REFUNDED
        assert world.payments.taken() == FEE


async def test_a_parcel_the_carrier_took_in_time_is_waited_for(world: World) -> None:
    """R-RET-4, edge cases 6, 60."""
    case = await world.shipped()
    await case.pass_time(days=9)
    claim = await case.scan()
    assert claim.returning
    assert claim.deadline == claim.returning.carried_until
    claim = await case.pass_due()
    assert claim.state is ClaimState.AWAITING_RETURN
    assert "charge_postponed" in world.record.kinds()
    await case.pass_time(days=4)
    await case.arrive()
    assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.HOLD_RELEASED
    assert world.payments.taken() == FEE
    assert not [kind for kind in world.mail.kinds() if kind.startswith("due")]


async def test_a_parcel_that_never_comes_out_of_transit_is_charged_after_the_grace(world: World) -> None:
    """R-RET-4."""
    case = await world.shipped()
    claim = await case.scan()
    assert claim.returning
    claim = await case.pass_until(claim.returning.carried_until - timedelta(seconds=5))
    assert claim.state is ClaimState.AWAITING_RETURN
    claim = await case.pass_time(seconds=8)
    assert claim.state is ClaimState.DEFAULTED


async def test_an_extension_moves_the_due_date_once(world: World) -> None:
    """R-RET-5."""
    case = await world.shipped()
    before = (await case.claim()).returning
    await case.pass_time(days=12)
    extend = ExtendReturn(actor="staff", days=7, reason="in hospital")
    claim = await case.decide("extension", extend)
    assert before
    assert claim.returning
    assert (claim.returning.extended_days, claim.returning.due_at - before.due_at) == (7, timedelta(days=7))
    assert (await case.refuses("extension", extend)).type == "action_not_allowed"
    claim = await case.pass_until(before.due_at + timedelta(days=1))
    assert claim.state is ClaimState.AWAITING_RETURN
    claim = await case.pass_due()
    assert claim.state is ClaimState.DEFAULTED
    kinds = world.mail.kinds()
    assert [k for k in kinds if k.startswith("due")] == [MailKind.DUE_MINUS_3, MailKind.DUE_MINUS_1, MailKind.DUE_DAY]


@pytest.mark.parametrize("days", [0, 8])
async def test_an_extension_is_one_to_seven_days(world: World, days: int) -> None:
    """R-RET-5."""
    case = await world.shipped()
    error = await case.refuses("extension", ExtendReturn(actor="staff", days=days, reason="?"))
    assert error.type == "invalid_request"


async def test_an_extension_past_due_is_refused(world: World) -> None:
    """R-RET-5: the parcel is in transit, so the claim still waits, but due has passed."""
    case = await world.shipped()
    await case.scan()
    await case.pass_due()
    error = await case.refuses("extension", ExtendReturn(actor="staff", days=3, reason="?"))
    assert (error.type, error.details[0]["rule"]) == ("action_not_allowed", "R-RET-5")


async def test_staff_waive_before_and_after_the_charge(world: World) -> None:
    """R-AUD-1, edge case 58."""
    waive = Waive(actor="staff", reason="our warehouse burnt down")
    case = await world.shipped()
    claim = await case.decide("waiver", waive)
    assert (claim.outcome, world.payments.live_holds(), world.payments.taken()) == (Outcome.WAIVED, 0, FEE)


@pytest.mark.parametrize("days", [0, 11])
async def test_a_charge_is_given_back_by_a_waiver_even_after_closing(world: World, days: int) -> None:
    """R-AUD-1: 30 days to dispute."""
    case = await world.shipped()
    await case.pass_due()
    await case.pass_time(days=days)
    claim = await case.decide("waiver", Waive(actor="staff", reason="goodwill"))
    assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.WAIVED)
    assert world.payments.taken() == FEE
    assert await case.handle.result() == "waived"


async def test_a_parcel_after_the_last_day_is_for_staff(world: World) -> None:
    """R-RET-10: later is a staff decision."""
    case = await world.shipped()
    await case.pass_due()
    await case.pass_time(days=12)
    claim = await case.arrive()
    assert (claim.state, claim.attention) == (ClaimState.CLOSED, (Attention.REFUND_DUE,))
    assert world.payments.taken() == FEE + HOLD


async def test_a_cancel_before_dispatch_undoes_everything(world: World) -> None:
    """R-EXP-9, edge case 26."""
    case = await world.open(world.express(Tier.PREMIUM))
    claim = await case.decide("cancel", CancelClaim(actor="customer", reason="found a spare"))
    assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.CANCELLED)
    assert (world.payments.taken(), world.payments.live_holds()) == (0, 0)
    assert world.record.uses == [UseKind.RESERVED, UseKind.GIVEN_BACK]
    assert case.id in world.warehouse.withdrawn


async def test_a_cancel_after_dispatch_is_refused_with_the_date(world: World) -> None:
    """R-EXP-9."""
    case = await world.shipped()
    error = await case.refuses("cancel", CancelClaim(actor="customer"))
    assert error.message.startswith("The replacement left on 20")
    assert error.details[0]["rule"] == "R-EXP-9"


@pytest.mark.parametrize("declined", ["hold", "service_fees"])
async def test_a_declined_card_leaves_nothing_behind(world: World, declined: str) -> None:
    """R-EXP-6, edge case 25."""
    world.payments.declines.add((declined, "pm_card_visa"))
    answer = await world.submit(world.express(Tier.PREMIUM))
    assert isinstance(answer, ClaimAccepted)
    assert (answer.claim.state, answer.claim.outcome) == (ClaimState.CLOSED, Outcome.PAYMENT_DECLINED)
    assert (world.payments.taken(), world.payments.live_holds()) == (0, 0)
    assert world.record.uses == [UseKind.RESERVED, UseKind.GIVEN_BACK]
    assert not world.warehouse.requested


async def test_a_debit_card_is_refused_before_anything_is_held(world: World) -> None:
    """R-EXP-3, decision 14."""
    answer = await world.submit(world.express(Tier.PREMIUM, payment_method="pm_card_visa_debit", accepted_terms=False))
    assert isinstance(answer, ClaimRefused)
    assert [r.code for r in answer.reasons] == [ReasonCode.TERMS_NOT_ACCEPTED, ReasonCode.CARD_NOT_ACCEPTED]
    assert not world.payments.holds
    assert not world.record.uses


async def test_an_unclear_serial_stops_the_clock_until_it_is_read(world: World) -> None:
    """R-INS-5, edge cases 13, 63."""
    case = await world.shipped()
    await case.arrive()
    claim = await case.inspect(serial="", components=WITHOUT_BATTERY)
    assert (claim.state, claim.attention) == (ClaimState.INSPECTING, (Attention.SERIAL_UNCLEAR,))
    claim = await case.pass_time(days=60)
    assert claim.state is ClaimState.INSPECTING
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert claim.outcome in (Outcome.HOLD_RELEASED,)
    assert world.payments.taken() == FEE


async def test_serial_numbers_are_kept_as_given_and_compared_without_their_typing(world: World) -> None:
    """R-INS-5, edge case 63."""
    case = await world.open(world.express(Tier.PREMIUM))
    assert (await case.dispatch(" ac-rep 002 ")).replacement_serial_number == "ac-rep 002"
    assert "Replacement ac-rep 002 was dispatched." in [event.title for event in world.record.events]
    await case.arrive()
    claim = await case.inspect(serial=" sn-1 ", components=WITHOUT_BATTERY)
    assert claim.inspection
    assert (claim.outcome, claim.inspection.serial_number) == (Outcome.HOLD_RELEASED, "sn-1")


async def test_an_inspection_is_kept_with_everything_the_inspector_saw(world: World) -> None:
    """R-INS-1."""
    case = await world.shipped()
    await case.arrive()
    seen = Inspect(
        actor="warehouse",
        serial_number="SN1",
        genuine=True,
        components=WITHOUT_BATTERY,
        notes="A scratch on the arm.",
        photos=("box.jpg", "label.jpg"),
    )
    claim = await case.decide("inspection", seen)
    assert claim.inspection
    assert claim.inspection == Inspection(
        at=claim.inspection.at,
        serial_number="SN1",
        genuine=True,
        components=WITHOUT_BATTERY,
        notes="A scratch on the arm.",
        photos=("box.jpg", "label.jpg"),
    )
    assert claim.returning
    assert claim.returning.arrived_at
    assert claim.returning.arrived_at <= claim.inspection.at


async def test_an_inspection_that_does_not_come_asks_for_attention(world: World) -> None:
    case = await world.shipped()
    await case.arrive()
    claim = await case.pass_time(days=4)
    assert claim.attention == (Attention.INSPECTION_OVERDUE,)
    assert (await case.inspect(components=WITHOUT_BATTERY)).attention == ()


async def test_the_replacement_in_the_box_is_told_and_is_nobody_elses(world: World) -> None:
    """R-INS-5, edge case 30."""
    world.record.known_serials["SN2"] = SerialIdentified(known=True, same_owner=True, same_lineage=True)
    case = await world.shipped()
    await case.arrive()
    claim = await case.inspect(serial="SN2", components=WITHOUT_BATTERY)
    assert (claim.state, claim.attention) == (ClaimState.AWAITING_CURE, ())
    assert [reason.code for reason in claim.reasons] == [ReasonCode.REPLACEMENT_RETURNED]


@pytest.mark.parametrize("approve", [True, False])
async def test_swapped_boxes_charge_nobody_without_a_person(world: World, approve: bool) -> None:
    """Edge case 11."""
    world.record.known_serials["SN7"] = SerialIdentified(known=True, same_owner=True, open_claim_id="clm_other")
    case = await world.shipped()
    await case.arrive()
    claim = await case.inspect(serial="SN7", components=WITHOUT_BATTERY)
    assert Attention.FOREIGN_SERIAL in claim.attention
    assert claim.deadline
    claim = await case.pass_until(claim.deadline + timedelta(days=5))
    assert claim.state is ClaimState.AWAITING_CURE
    assert Attention.DEFAULT_HELD_BACK in claim.attention
    assert world.payments.taken() == FEE
    claim = await case.decide("decision", Decide(actor="staff", approve=approve, reason="looked into it"))
    assert claim.outcome is (None if approve else Outcome.WAIVED)
    assert world.payments.taken() == FEE + (HOLD if approve else 0)


async def test_a_lapsed_hold_is_charged_to_the_saved_card(make_world: Worlds) -> None:
    """R-RET-9, R-RET-7: the hold lapses uncaptured long before due."""
    world = make_world()
    world.payments.hold_life = timedelta(days=7)
    world.payments.declines.add(("renewal", "pm_card_visa"))
    async with world.worker():
        case = await world.shipped()
        claim = await case.pass_due()
        assert claim.hold
        assert (claim.state, claim.hold.state) == (ClaimState.DEFAULTED, HoldState.EXPIRED)
        assert world.payments.taken() == FEE + HOLD
        await case.arrive()
        assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.LATE_RETURN_REFUNDED
        assert world.payments.taken() == FEE


async def test_what_the_saved_card_declines_is_owed_until_the_unit_comes(make_world: Worlds) -> None:
    """R-RET-9."""
    world = make_world()
    world.payments.hold_life = timedelta(days=7)
    world.payments.declines |= {("renewal", "pm_card_visa"), ("default_charges", "pm_card_visa")}
    async with world.worker():
        case = await world.shipped()
        claim = await case.pass_due()
        assert claim.amount_owed.amount == HOLD
        assert Attention.AMOUNT_OWED in claim.attention
        await case.arrive()
        claim = await case.inspect(components=WITHOUT_BATTERY)
        assert (claim.amount_owed.amount, claim.attention) == (0, ())
        assert world.payments.taken() == FEE


async def test_what_is_owed_can_be_paid_with_another_card_and_is_then_a_charge_like_any(make_world: Worlds) -> None:
    """R-RET-9: the next case is open again, and a waiver still gives it back."""
    world = make_world()
    world.payments.hold_life = timedelta(days=7)
    world.payments.declines |= {("renewal", "pm_card_visa"), ("default_charges", "pm_card_visa")}
    async with world.worker():
        case = await world.shipped()
        claim = await case.pass_due()
        assert "could not be charged and is owed" in claim.reasons[0].message
        claim = await case.pass_time(days=60)
        assert (claim.state, claim.amount_owed.amount) == (ClaimState.CLOSED, HOLD)
        same = ChangePaymentMethod(actor="customer", payment_method="pm_card_visa")
        assert (await case.refuses("payment_method", same)).type == "payment_declined"
        other = ChangePaymentMethod(actor="customer", payment_method="pm_card_amex")
        claim = await case.decide("payment_method", other)
        assert (claim.amount_owed.amount, claim.attention) == (0, ())
        assert world.payments.taken() == FEE + HOLD
        assert await case.handle.result() == "default_charged"


async def test_a_parcel_before_the_dispatch_is_kept_for_its_time(world: World) -> None:
    case = await world.open(world.express(Tier.PREMIUM))
    claim = await case.arrive()
    assert claim.state is ClaimState.AWAITING_DISPATCH
    await case.dispatch()
    assert (await case.claim()).state is ClaimState.INSPECTING


async def test_the_same_event_twice_happens_once(world: World) -> None:
    case = await world.shipped()
    await case.arrive(event_id="scan-1")
    await case.arrive(event_id="scan-1")
    assert world.record.kinds().count("parcel_arrived") == 1


async def test_the_replacement_cannot_be_a_unit_we_know(world: World) -> None:
    """R-CLM-9."""
    case = await world.open(world.express(Tier.PREMIUM))
    with pytest.raises(Exception, match="Workflow update failed") as caught:
        await case.dispatch("TAKEN")
    assert "known already" in str(caught.value.__cause__)
    assert (await case.claim()).state is ClaimState.AWAITING_DISPATCH
    assert (await case.dispatch("SN2")).state is ClaimState.AWAITING_RETURN


async def test_a_notice_that_cannot_be_delivered_is_a_line_in_the_timeline_and_nothing_else(world: World) -> None:
    case = await world.shipped()
    before = await case.claim()
    event = MailFailed(event_id="mail-3", actor="system", kind="shipped", occurrence=1, reason="no such mailbox")
    await case.handle.signal("mail_failed", event)
    assert await case.claim() == before
    assert world.record.events[-1].kind == "mail_failed"
    assert "“shipped” could not be delivered" in world.record.events[-1].title


async def test_everything_back_with_a_battery_nobody_asked_for_is_good(world: World) -> None:
    """R-CMP-4."""
    case = await world.shipped()
    await case.arrive()
    assert (await case.inspect(components=EVERYTHING)).outcome is Outcome.HOLD_RELEASED
