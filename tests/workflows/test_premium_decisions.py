"""Premium claims: extensions, waivers, cancels, declined cards, and early and repeated messages."""

from datetime import timedelta

import pytest

from domain.claim import Parcel
from domain.kinds import Attention, ClaimState, Outcome, ReasonCode, Tier, UseKind
from messages.claims import (
    CancelClaim,
    ClaimAccepted,
    ClaimRefused,
    ExtendReturn,
    Waive,
)
from messages.mail import MailKind
from tests.workflows.case import ALL_COMPONENTS
from tests.workflows.test_premium import FEE, HOLD
from tests.workflows.world import World


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
    assert (await case.refused("extension", extend)).type == "action_not_allowed"
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
    error = await case.refused("extension", ExtendReturn(actor="staff", days=days, reason="?"))
    assert error.type == "invalid_request"


async def test_an_extension_past_due_is_refused(world: World) -> None:
    """R-RET-5: the parcel is in transit, so the claim still waits, but due has passed."""
    case = await world.shipped()
    await case.scan()
    await case.pass_due()
    error = await case.refused("extension", ExtendReturn(actor="staff", days=3, reason="?"))
    assert (error.type, error.details[0]["rule"]) == ("action_not_allowed", "R-RET-5")


async def test_staff_waive_before_and_after_the_charge(world: World) -> None:
    """R-AUD-1, edge case 58."""
    waive = Waive(actor="staff", reason="our warehouse burnt down")
    case = await world.shipped()
    claim = await case.decide("waiver", waive)
    assert (claim.outcome, world.payments.live_holds(), world.payments.net_paid()) == (Outcome.WAIVED, 0, FEE)


@pytest.mark.parametrize("days", [0, 11])
async def test_a_charge_is_refunded_by_a_waiver_even_after_closing(world: World, days: int) -> None:
    """R-AUD-1: 30 days to dispute."""
    case = await world.shipped()
    await case.pass_due()
    await case.pass_time(days=days)
    claim = await case.decide("waiver", Waive(actor="staff", reason="goodwill"))
    assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.WAIVED)
    assert world.payments.net_paid() == FEE
    assert await case.handle.result() == "waived"


async def test_a_parcel_after_the_last_day_is_for_staff(world: World) -> None:
    """R-RET-10: later is a staff decision."""
    case = await world.shipped()
    await case.pass_due()
    await case.pass_time(days=12)
    claim = await case.arrive()
    assert (claim.state, claim.attention) == (ClaimState.CLOSED, (Attention.REFUND_DUE,))
    assert world.payments.net_paid() == FEE + HOLD


async def test_a_cancel_before_dispatch_reverses_everything(world: World) -> None:
    """R-EXP-9, edge case 26."""
    case = await world.open(world.care_express(Tier.PREMIUM))
    claim = await case.decide("cancel", CancelClaim(actor="customer", reason="found a spare"))
    assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.CANCELLED)
    assert (world.payments.net_paid(), world.payments.live_holds()) == (0, 0)
    assert world.record.uses == [UseKind.RESERVED, UseKind.GIVEN_BACK]
    assert case.id in world.warehouse.withdrawn


async def test_a_cancel_after_dispatch_is_refused_with_the_date(world: World) -> None:
    """R-EXP-9."""
    case = await world.shipped()
    error = await case.refused("cancel", CancelClaim(actor="customer"))
    assert error.message.startswith("The replacement left on 20")
    assert error.details[0]["rule"] == "R-EXP-9"


@pytest.mark.parametrize("declined", ["hold", "service_fees"])
async def test_a_declined_card_leaves_nothing_behind(world: World, declined: str) -> None:
    """R-EXP-6, edge case 25."""
    world.payments.declines.add((declined, "pm_card_visa"))
    result = await world.submit(world.care_express(Tier.PREMIUM))
    assert isinstance(result, ClaimAccepted)
    assert (result.claim.state, result.claim.outcome) == (ClaimState.CLOSED, Outcome.PAYMENT_DECLINED)
    assert (world.payments.net_paid(), world.payments.live_holds()) == (0, 0)
    assert world.record.uses == [UseKind.RESERVED, UseKind.GIVEN_BACK]
    assert not world.warehouse.requested


async def test_a_debit_card_is_refused_before_anything_is_held(world: World) -> None:
    """R-EXP-3, decision 14."""
    result = await world.submit(
        world.care_express(Tier.PREMIUM, payment_method="pm_card_visa_debit", accepted_terms=False)
    )
    assert isinstance(result, ClaimRefused)
    assert [r.code for r in result.reasons] == [ReasonCode.TERMS_NOT_ACCEPTED, ReasonCode.CARD_NOT_ACCEPTED]
    assert not world.payments.holds
    assert not world.record.uses


async def test_a_parcel_before_the_dispatch_is_deferred(world: World) -> None:
    case = await world.open(world.care_express(Tier.PREMIUM))
    claim = await case.arrive()
    assert claim.state is ClaimState.AWAITING_DISPATCH
    await case.dispatch()
    assert (await case.claim()).state is ClaimState.INSPECTING


async def test_the_same_event_twice_happens_once(world: World) -> None:
    case = await world.shipped()
    await case.arrive(event_id="scan-1")
    await case.arrive(event_id="scan-1")
    assert world.record.kinds().count("parcel_arrived") == 1


async def test_the_replacement_cannot_be_a_known_unit(world: World) -> None:
    """R-CLM-9."""
    case = await world.open(world.care_express(Tier.PREMIUM))
    with pytest.raises(Exception, match="Workflow update failed") as caught:
        await case.dispatch("TAKEN")
    assert "known already" in str(caught.value.__cause__)
    assert (await case.claim()).state is ClaimState.AWAITING_DISPATCH
    assert (await case.dispatch("SN2")).state is ClaimState.AWAITING_RETURN


async def test_a_notice_that_cannot_be_delivered_is_an_event_in_the_timeline_and_nothing_else(world: World) -> None:
    case = await world.shipped()
    before = await case.claim()
    await case.mail_failed("settlement")
    assert await case.claim() == before
    assert world.record.events[-1].kind == "mail_failed"
    assert "“settlement” could not be delivered" in world.record.events[-1].title


async def test_everything_back_with_an_unexpected_battery_is_good(world: World) -> None:
    """R-CMP-4."""
    case = await world.shipped()
    await case.arrive()
    assert (await case.inspect(components=ALL_COMPONENTS)).outcome is Outcome.HOLD_RELEASED


async def test_the_parcels_of_a_claim_are_on_the_claim(world: World) -> None:
    """An extension after the scan keeps the parcel."""
    case = await world.shipped()
    claim = await case.scan()
    assert claim.shipment == Parcel("UPS", "1Z")
    claim = await case.decide("extension", ExtendReturn(actor="staff", days=2, reason="In hospital."))
    assert claim.returning
    assert (claim.returning.parcel, claim.returning.extended_days) == (Parcel("UPS", "1Z9"), 2)
