"""Premium claims: serial numbers, swapped units, and amounts owed."""

from datetime import timedelta

import pytest

from domain.claim import Inspection
from domain.kinds import Action, Attention, ClaimState, Component, HoldState, Outcome, ReasonCode, Tier
from domain.lifecycle import allowed_actions
from messages.claims import (
    ChangePaymentMethod,
    Decide,
    Inspect,
)
from messages.record import SerialIdentified
from tests.workflows.case import WITHOUT_BATTERY
from tests.workflows.test_premium import FEE, HOLD, Worlds
from tests.workflows.world import World


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
    assert world.payments.net_paid() == FEE


async def test_serial_numbers_are_stored_as_given_and_compared_normalised(world: World) -> None:
    """R-INS-5, edge case 63."""
    case = await world.open(world.care_express(Tier.PREMIUM))
    assert (await case.dispatch(" ac-rep 002 ")).replacement_serial_number == "ac-rep 002"
    assert "Replacement ac-rep 002 was dispatched." in [event.title for event in world.record.events]
    await case.arrive()
    claim = await case.inspect(serial=" sn-1 ", components=WITHOUT_BATTERY)
    assert claim.inspection
    assert (claim.outcome, claim.inspection.serial_number) == (Outcome.HOLD_RELEASED, "sn-1")


async def test_an_inspection_is_stored_with_all_its_details(world: World) -> None:
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


async def test_an_overdue_inspection_flags_the_claim(world: World) -> None:
    case = await world.shipped()
    await case.arrive()
    claim = await case.pass_time(days=4)
    assert claim.attention == (Attention.INSPECTION_OVERDUE,)
    assert (await case.inspect(components=WITHOUT_BATTERY)).attention == ()


async def test_the_replacement_in_the_box_is_recognised(world: World) -> None:
    """R-INS-5, edge case 30."""
    world.record.known_serials["SN2"] = SerialIdentified(known=True, same_owner=True, same_lineage=True)
    case = await world.shipped()
    await case.arrive()
    claim = await case.inspect(serial="SN2", components=WITHOUT_BATTERY)
    assert (claim.state, claim.attention) == (ClaimState.AWAITING_CURE, (Attention.REPLACEMENT_RETURNED,))
    assert [reason.code for reason in claim.reasons] == [ReasonCode.REPLACEMENT_RETURNED]
    assert Action.DECISION in allowed_actions(claim)
    assert [unit.reason for unit in world.record.unclaimed] == ["The new unit SN2 came back instead of SN1."]
    claim = await case.pass_time(days=20)
    assert claim.state is ClaimState.AWAITING_CURE
    assert set(claim.attention) == {Attention.REPLACEMENT_RETURNED, Attention.DEFAULT_HELD_BACK}
    assert world.payments.net_paid() == claim.fee.amount
    await case.arrive()
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert (claim.outcome, claim.attention) == (Outcome.HOLD_RELEASED, ())
    assert world.payments.net_paid() == claim.fee.amount


@pytest.mark.parametrize("approve", [True, False])
async def test_swapped_boxes_are_not_charged_without_staff(world: World, approve: bool) -> None:
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
    assert world.payments.net_paid() == FEE
    claim = await case.decide("decision", Decide(actor="staff", approve=approve, reason="looked into it"))
    assert claim.outcome is (None if approve else Outcome.WAIVED)
    assert world.payments.net_paid() == FEE + (HOLD if approve else 0)


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
        assert world.payments.net_paid() == FEE + HOLD
        await case.arrive()
        assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.LATE_RETURN_REFUNDED
        assert world.payments.net_paid() == FEE


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
        assert world.payments.net_paid() == FEE


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
        assert (await case.refused("payment_method", same)).type == "payment_declined"
        other = ChangePaymentMethod(actor="customer", payment_method="pm_card_amex")
        claim = await case.decide("payment_method", other)
        assert (claim.amount_owed.amount, claim.attention) == (0, ())
        assert world.payments.net_paid() == FEE + HOLD
        assert await case.handle.result() == "default_charged"


async def test_a_products_barcode_read_instead_of_the_serial_number_charges_nobody(world: World) -> None:
    """R-INS-5: the inspector scanned the GTIN of the box."""
    case = await world.shipped()
    await case.arrive()
    claim = await case.inspect("4006381333931", components=WITHOUT_BATTERY)
    assert (claim.state, claim.attention) == (ClaimState.INSPECTING, (Attention.SERIAL_UNCLEAR,))
    assert "barcode" in claim.wait_reason
    assert (await case.inspect(components=WITHOUT_BATTERY)).outcome is Outcome.HOLD_RELEASED


async def test_another_device_after_parts_were_accepted_is_not_accepted(world: World) -> None:
    """R-INS-3: the parts that came alone prove nothing about the device."""
    case = await world.shipped()
    await case.arrive()
    await case.inspect(components=(Component.GIMBAL_CAMERA, Component.PROPELLERS))
    await case.arrive()
    claim = await case.inspect(serial="SN9", components=(Component.AIRCRAFT,))
    assert claim.state is ClaimState.AWAITING_CURE
    await case.arrive()
    claim = await case.inspect(components=(Component.AIRCRAFT,))
    assert claim.outcome is Outcome.HOLD_RELEASED
    assert world.payments.net_paid() == claim.fee.amount
