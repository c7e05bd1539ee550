"""What is owed when a claim ends."""

import pytest

from domain.claim import MissingPart, Return
from domain.kinds import Component, ReasonCode
from domain.money import Money
from domain.reasons import Reason
from domain.settlement import default_reason, differences, late_refund, missing_parts, parts_capture
from tests.domain.samples import DRONE, awaiting_return, usd

OFFER = DRONE.offers["US"]
PARTS = missing_parts(OFFER, (Component.PROPELLERS, Component.BATTERY))


def lacking(amount: int) -> tuple[MissingPart, ...]:
    return (MissingPart(Component.GIMBAL_CAMERA, usd(amount)),)


FREE = lacking(0)


def test_each_missing_part_has_its_price_difference() -> None:
    """R-CMP-1."""
    assert (MissingPart(Component.PROPELLERS, usd(1200)), MissingPart(Component.BATTERY, usd(14900))) == PARTS
    assert differences(PARTS, "USD") == usd(16100)
    assert differences((), "JPY") == Money(0, "JPY")


@pytest.mark.parametrize(
    ("missing", "hold", "captured"),
    [
        pytest.param((), 88000, 0, id="nothing missing"),
        pytest.param(FREE, 88000, 0, id="edge 18: a part that costs nothing"),
        pytest.param(PARTS, 88000, 16100, id="two parts"),
        pytest.param(lacking(87999), 88000, 87999, id="just below the hold"),
        pytest.param(lacking(88000), 88000, 88000, id="the whole hold"),
        pytest.param(lacking(88001), 88000, 88000, id="edge 19: never more than the hold"),
    ],
)
def test_missing_parts_are_captured_up_to_the_hold(missing: tuple[MissingPart, ...], hold: int, captured: int) -> None:
    """R-CMP-2, R-RET-8."""
    assert parts_capture(missing, usd(hold)) == usd(captured)


REFUNDS = [
    # captured, in time, late fee, missing, refund
    pytest.param(88000, False, 0, (), 88000, id="edge 8: late, no fee"),
    pytest.param(88000, False, 2500, (), 85500, id="edge 8: late, less the fee"),
    pytest.param(88000, True, 2500, (), 88000, id="edge 5: in time after all, no fee"),
    pytest.param(88000, False, 0, PARTS, 71900, id="edge 9: less the differences"),
    pytest.param(88000, False, 2500, PARTS, 69400, id="edge 9: less differences and fee"),
    pytest.param(88000, True, 2500, PARTS, 71900, id="edges 5 and 9: in time, less the differences"),
    pytest.param(88000, False, 88000, (), 0, id="the fee takes it all"),
    pytest.param(88000, False, 88001, (), 0, id="never below nothing"),
    pytest.param(88000, False, 0, lacking(88001), 0, id="edge 19: the differences take it all"),
    pytest.param(88000, False, 0, FREE, 88000, id="edge 18: a part that costs nothing"),
    pytest.param(0, False, 2500, (), 0, id="nothing captured"),
]


@pytest.mark.parametrize(("captured", "in_time", "late_fee", "missing", "refund"), REFUNDS)
def test_a_return_after_the_charge_gives_back_what_is_not_owed(
    captured: int, in_time: bool, late_fee: int, missing: tuple[MissingPart, ...], refund: int
) -> None:
    """R-RET-10, R-RET-8."""
    given = late_refund(usd(captured), in_time=in_time, late_fee=usd(late_fee), missing=missing)
    assert given == usd(refund)


def test_two_currencies_do_not_settle() -> None:
    """Edge case 55."""
    with pytest.raises(ValueError, match="cannot compute"):
        parts_capture(PARTS, Money(1, "EUR"))
    with pytest.raises(ValueError, match="cannot compute"):
        late_refund(usd(1), in_time=False, late_fee=Money(1, "EUR"), missing=())


def returning() -> Return:
    window = awaiting_return().returning
    assert window
    return window


def test_the_default_charge_names_serial_due_amount_and_the_way_back() -> None:
    """R-RET-6, edge case 1: dates with time and zone."""
    assert default_reason("SN100", returning(), usd(88000)) == Reason(
        ReasonCode.NOT_RECEIVED,
        "R-RET-6",
        "We did not receive SN100 by 2026-06-16 23:59:59 America/Los_Angeles. As agreed, USD 880.00 was charged. "
        "If it reaches us by 2026-06-26 23:59:59 America/Los_Angeles you get it back.",
    )


@pytest.mark.parametrize(("fee", "words"), [(None, "back."), (usd(0), "back."), (usd(2500), "back less USD 25.00.")])
def test_the_default_charge_names_the_late_fee_when_there_is_one(fee: Money | None, words: str) -> None:
    """R-RET-6."""
    assert default_reason("SN100", returning(), usd(88000), fee).message.endswith(f"you get it {words}")
