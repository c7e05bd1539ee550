"""Charges and fees as parts: each is charged and refunded once, also when a new run continues it."""

import pytest

from domain.kinds import HoldPolicy
from domain.money import Money
from domain.policy import Policy
from tests.domain.samples import usd
from tests.parts.conftest import CARD, Clock, Parts
from workflows.parts.card_hold import CardHold
from workflows.parts.charges import Charges
from workflows.parts.fees import Fees

HOLD = usd(164000)


@pytest.fixture
def hold(parts: Parts) -> CardHold:
    return CardHold(parts.record, parts.gateway)


@pytest.fixture
def charges(parts: Parts, hold: CardHold) -> Charges:
    return Charges(parts.record, parts.gateway, hold)


async def default(charges: Charges) -> bool | None:
    return await charges.collect(HOLD, "default_charges", CARD, agreed=False)


async def test_a_default_comes_out_of_the_hold(parts: Parts, hold: CardHold, charges: Charges) -> None:
    await hold.place(HOLD, CARD, None)
    assert await default(charges)
    assert (charges.net_amount, parts.payments.net_paid()) == (HOLD, HOLD.amount)
    assert parts.purposes() == ["authorize:0", "capture:0"]


async def test_without_a_hold_the_saved_card_is_charged(parts: Parts, charges: Charges) -> None:
    """R-RET-9."""
    assert await default(charges)
    assert parts.purposes() == ["default"]


async def test_what_the_saved_card_declines_is_owed_and_paid_with_another(parts: Parts, charges: Charges) -> None:
    """R-RET-9."""
    parts.payments.declines.add(("default_charges", CARD))
    assert await default(charges) is False
    assert (parts.record.claim.amount_owed, parts.attention) == (HOLD, {"amount_owed"})
    assert not await charges.charge_owed(CARD, "default_charges")
    assert await charges.charge_owed("pm_other", "default_charges")
    assert (parts.record.claim.amount_owed, parts.attention) == (usd(0), set())
    assert parts.purposes() == ["default", "owed:0", "owed:1"]
    assert parts.payments.net_paid() == HOLD.amount


async def test_under_the_manual_policy_the_card_is_not_charged_automatically(clock: Clock) -> None:
    """Decision 13."""
    parts = Parts(clock, policy=Policy(hold_policy=HoldPolicy.MANUAL))
    charges = Charges(parts.record, parts.gateway, CardHold(parts.record, parts.gateway))
    assert await default(charges) is None
    assert parts.payments.calls == []
    charges.approve()
    assert await default(charges)


async def test_nothing_is_charged_beside_a_capture_that_was_refused(
    parts: Parts, hold: CardHold, charges: Charges
) -> None:
    """The hold may be captured already, so the card must not be charged too."""
    await hold.place(HOLD, CARD, None)
    parts.payments.refuses["capture"] = "unknown"
    assert await default(charges) is None
    assert parts.payments.net_paid() == 0
    assert "captured" not in charges.why_held_back()


async def test_a_refund_gives_back_the_latest_charge_first_and_once(parts: Parts, charges: Charges) -> None:
    parts.record.change(amount_owed=usd(300))
    assert await charges.collect(usd(1000), "parts_charges", CARD, agreed=True)
    assert await charges.charge_owed(CARD, "parts_charges")
    assert await charges.refund(usd(500), "waiver") == usd(500)
    assert [key for key in parts.purposes() if "refund" in key] == ["refund-waiver:1", "refund-waiver:0"]
    again = Charges(parts.record, parts.gateway, CardHold(parts.record, parts.gateway), charges.data)
    assert await again.refund(charges.net_amount, "waiver") == usd(500)
    assert (charges.net_amount, parts.payments.net_paid()) == (usd(800), 800)


async def test_a_refused_refund_is_referred_to_staff(parts: Parts, charges: Charges) -> None:
    await default(charges)
    parts.payments.refuses["refund"] = "captured"
    await charges.refund(HOLD, "waiver")
    assert "payment_refused" in parts.attention
    assert charges.net_amount == HOLD


async def test_fees_are_refunded_once_and_the_sum_survives_a_new_run(parts: Parts) -> None:
    fees = Fees(parts.record, parts.gateway)
    assert await fees.charge(usd(15900), CARD, "service_fees", "fee", off_session=False, numbered=False)
    assert await fees.charge(usd(1200), CARD, "parts_charges", "parts", off_session=False)
    assert await fees.refund_all() == usd(17100)
    assert await Fees(parts.record, parts.gateway, fees.data).refund_all() == usd(17100)
    assert parts.purposes() == ["fee", "parts:0", "refund-fee:0", "refund-fee:1"]
    assert parts.payments.net_paid() == 0


async def test_a_fee_of_zero_sends_no_request(parts: Parts) -> None:
    fees = Fees(parts.record, parts.gateway)
    assert await fees.charge(Money(0, "USD"), CARD, "service_fees", "fee", off_session=False)
    assert parts.payments.calls == []


async def test_each_try_of_a_card_has_a_key_of_its_own(parts: Parts) -> None:
    fees = Fees(parts.record, parts.gateway)
    parts.payments.declines.add(("repair_fees", "pm_bad"))
    assert not await fees.charge(usd(900), "pm_bad", "repair_fees", "repair", off_session=False)
    assert await fees.charge(usd(900), CARD, "repair_fees", "repair", off_session=False)
    assert parts.purposes() == ["repair:0", "repair:1"]
