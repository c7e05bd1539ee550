"""Eligibility for a plan's refund, and its last day."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain.coverage import UseEntry
from domain.device_snapshot import MaintenanceCode
from domain.kinds import ReasonCode
from domain.purchase import refund_refusals
from domain.reasons import Reason
from tests.domain.samples import BERLIN, LA, SYDNEY, TOKYO, US, at, consumed, given_back, reserved, snapshot, term

SECOND = timedelta(seconds=1)
BOUGHT = at("2026-01-10T10:00:00", LA)


@pytest.mark.parametrize(
    ("zone", "bought", "last"),
    [
        pytest.param(LA, "2026-01-10T00:00:00", "2026-01-24T23:59:59", id="bought as the day began"),
        pytest.param(LA, "2026-01-10T23:59:59", "2026-01-24T23:59:59", id="bought as the day ended"),
        pytest.param(LA, "2026-03-01T12:00:00", "2026-03-15T23:59:59", id="the clock goes forward inside"),
        pytest.param(LA, "2026-10-25T12:00:00", "2026-11-08T23:59:59", id="the clock goes back inside"),
        pytest.param(BERLIN, "2026-03-20T23:30:00", "2026-04-03T23:59:59", id="Berlin"),
        pytest.param(TOKYO, "2026-12-24T09:00:00", "2027-01-07T23:59:59", id="Tokyo, over the year's end"),
        pytest.param(SYDNEY, "2026-09-28T08:00:00", "2026-10-12T23:59:59", id="Sydney"),
    ],
)
def test_an_unused_plan_is_refunded_to_the_end_of_day_fourteen(zone: str, bought: str, last: str) -> None:
    """R-CAN-1: the second before, at and after."""
    purchased, end, plan = at(bought, zone), at(last, zone), term(bought, zone=zone)
    device = snapshot(region=replace(US, time_zone=zone), terms=(plan,))

    for now in (purchased, end - SECOND, end, end + SECOND * 0.999):
        assert refund_refusals(device, plan, purchased, now) == []
    assert refund_refusals(device, plan, purchased, end + SECOND) == [
        Reason(
            ReasonCode.REFUND_WINDOW_CLOSED,
            "R-CAN-1",
            f"A plan can be given back within 14 days; that was until {last.replace('T', ' ')} {zone}.",
        )
    ]


USED = Reason(ReasonCode.PLAN_USED, "R-CAN-1", "A replacement of this plan has been used.")
OPEN = Reason(
    ReasonCode.CLAIM_ALREADY_OPEN, "R-CAN-1", "Case C1 for this device is still open; it must be closed first."
)


@pytest.mark.parametrize(
    ("uses", "open_claim_id", "reasons"),
    [
        pytest.param((), None, [], id="nothing used"),
        pytest.param((reserved("C1"), given_back("C1")), None, [], id="a use given back"),
        pytest.param((given_back("C1"), reserved("C1")), None, [], id="a use given back, in another order"),
        pytest.param((consumed("C0", term_id="t0"),), None, [], id="another term's use"),
        pytest.param((reserved("C0", term_id="t0"),), None, [], id="reserved of another term"),
        pytest.param((reserved("C1"), consumed("C1")), None, [USED], id="used"),
        pytest.param((consumed("C1", flyaway=True),), None, [USED], id="a flyaway used"),
        pytest.param((reserved("C1"),), "C1", [OPEN], id="reserved by the open case"),
        pytest.param((reserved("C1"),), None, [OPEN], id="only reserved counts as open"),
        pytest.param((reserved("C1"), reserved("C2")), None, [OPEN], id="two reserved: one is named"),
        pytest.param((), "C1", [OPEN], id="open, drawing on nothing"),
        pytest.param((consumed("C0"), reserved("C1")), "C1", [USED], id="used is final, whatever is open"),
    ],
)
def test_a_plan_that_is_used_or_in_use_is_not_refunded(
    uses: tuple[UseEntry, ...], open_claim_id: str | None, reasons: list[Reason]
) -> None:
    """R-CAN-1, edge case 51."""
    device = snapshot(uses=uses, open_claim_id=open_claim_id)
    assert refund_refusals(device, term(), BOUGHT, BOUGHT) == reasons


def test_all_reasons_against_a_refund_are_returned_at_once() -> None:
    """R-CAN-1."""
    late = at("2026-02-01T00:00:00", LA)
    device = snapshot(uses=(reserved("C1"),), open_claim_id="C1")
    codes = [r.code for r in refund_refusals(device, term(), BOUGHT, late)]
    assert codes == [ReasonCode.REFUND_WINDOW_CLOSED, ReasonCode.CLAIM_ALREADY_OPEN]


@pytest.mark.parametrize(
    ("claim_id", "codes"),
    [
        pytest.param(None, [], id="issued and not used: it is void with the plan"),
        pytest.param("C9", [ReasonCode.PLAN_USED], id="used"),
    ],
)
def test_a_maintenance_that_came_with_the_plan_is_a_use_of_it(claim_id: str | None, codes: list[ReasonCode]) -> None:
    """R-CAN-1, R-MNT-1: the code was issued because of the plan."""
    code = MaintenanceCode("MNT-1", date(2026, 1, 11), date(2027, 1, 10), claim_id)
    plan = term("2026-01-10T10:00:00")
    device = snapshot(terms=(plan,), maintenance_code=code)
    assert [r.code for r in refund_refusals(device, plan, BOUGHT, BOUGHT)] == codes


def test_a_renewal_is_given_back_whatever_became_of_the_first_years_maintenance() -> None:
    """R-CAN-1, R-MNT-1."""
    first, second = term("2025-01-10T10:00:00"), term("2026-01-11T00:00:00", id="t2")
    code = MaintenanceCode("MNT-1", date(2025, 1, 11), date(2026, 1, 10), "C9")
    device = snapshot(terms=(first, second), maintenance_code=code)
    assert refund_refusals(device, second, BOUGHT, BOUGHT) == []
    assert [r.code for r in refund_refusals(device, first, BOUGHT, BOUGHT)] == [ReasonCode.RENEWAL_PENDING]
