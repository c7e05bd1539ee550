"""Eligibility for a first plan, and the start of its cover."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from domain.catalogue import Model, Region
from domain.device_snapshot import DeviceSnapshot
from domain.kinds import DeviceStatus, ReasonCode, TermKind
from domain.purchase import refusals, starts_at, verified_until
from domain.reasons import Reason
from tests.domain.samples import DRONE, HANDHELD, JP, LA, NOW, PLAIN_DRONE, US, at, pending, snapshot, term

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)

ALONE = [
    pytest.param(
        TermKind.ONE_YEAR,
        "EU",
        {},
        Reason(
            ReasonCode.REGION_MISMATCH,
            "R-PUR-3",
            "The device is registered in US; a plan for EU cannot be bound to it.",
        ),
        id="a plan of another region",
    ),
    pytest.param(
        TermKind.ONE_YEAR,
        "US",
        {"status": DeviceStatus.REPLACED, "current_serial_number": "SN200", "replaced_on": date(2026, 5, 1)},
        Reason(ReasonCode.DEVICE_REPLACED, "R-CLM-9", "This unit was replaced by SN200; cover moved to it."),
        id="a replaced unit",
    ),
    pytest.param(
        TermKind.ONE_YEAR,
        "US",
        {"status": DeviceStatus.LOST, "current_serial_number": "SN200"},
        Reason(ReasonCode.DEVICE_LOST, "R-FLY-6", "This unit was lost and replaced by SN200."),
        id="a lost unit",
    ),
    pytest.param(
        TermKind.ONE_YEAR,
        "US",
        {"terms": (term(),)},
        Reason(ReasonCode.PLAN_EXISTS, "R-PUR-4", "This device already has a plan. It can be renewed."),
        id="a plan exists",
    ),
    pytest.param(
        TermKind.TWO_YEARS,
        "US",
        {"terms": (pending(),)},
        Reason(ReasonCode.PLAN_EXISTS, "R-PUR-4", "This device already has a plan. It can be renewed."),
        id="a plan waits for activation",
    ),
    pytest.param(
        TermKind.ONE_YEAR,
        "US",
        {"terms": (term("2025-05-17T10:00:00"),)},
        Reason(ReasonCode.PLAN_EXISTS, "R-PUR-4", "This device already has a plan. It can be renewed."),
        id="a plan in its grace period's last day",
    ),
    pytest.param(
        TermKind.ONE_YEAR,
        "US",
        {"terms": (term("2025-05-16T10:00:00"),)},
        Reason(ReasonCode.PLAN_EXISTS, "R-PUR-4", "This device already has a plan."),
        id="a plan that can be renewed no more",
    ),
    pytest.param(
        TermKind.ONE_YEAR,
        "US",
        {"terms": (term("2024-01-10T10:00:00", TermKind.TWO_YEARS), term("2026-01-11T00:00:00", id="t2"))},
        Reason(ReasonCode.PLAN_EXISTS, "R-PUR-4", "This device already has a plan."),
        id="three years of plans",
    ),
    pytest.param(
        TermKind.TWO_YEARS,
        "US",
        {"model": PLAIN_DRONE},
        Reason(ReasonCode.TERM_NOT_SOLD, "R-CAT-1", "The 2y plan is not sold for the Mavic Mini in US."),
        id="no 2-year plan for the model",
    ),
    pytest.param(
        TermKind.REFRESH_PLUS,
        "US",
        {},
        Reason(ReasonCode.TERM_NOT_SOLD, "R-CAT-1", "The refresh_plus plan is not sold for the Air 3 in US."),
        id="Refresh+",
    ),
    pytest.param(
        TermKind.ONE_YEAR,
        "US",
        {"model": replace(DRONE, offers={})},
        Reason(ReasonCode.TERM_NOT_SOLD, "R-CAT-1", "The 1y plan is not sold for the Air 3 in US."),
        id="not offered in the region",
    ),
]


@pytest.mark.parametrize("kind", [TermKind.ONE_YEAR, TermKind.TWO_YEARS])
@pytest.mark.parametrize("activated_at", [None, NOW])
def test_a_first_plan_may_be_bought(kind: TermKind, activated_at: datetime | None) -> None:
    """R-PUR-1, R-PUR-3, R-PUR-4."""
    assert refusals(kind, "US", snapshot(terms=(), activated_at=activated_at), NOW) == []


@pytest.mark.parametrize(("kind", "region", "device", "reason"), ALONE)
def test_each_rule_refuses_alone(kind: TermKind, region: str, device: dict[str, Any], reason: Reason) -> None:
    """R-PUR-3, R-PUR-4, R-CLM-9, R-FLY-6, R-CAT-1."""
    assert refusals(kind, region, snapshot(**{"terms": (), "activated_at": NOW, **device}), NOW) == [reason]


def test_all_reasons_against_a_purchase_are_returned_at_once() -> None:
    """R-PUR-1, R-PUR-3, R-PUR-4, R-CLM-9, R-CAT-1."""
    device = snapshot(model=PLAIN_DRONE, status=DeviceStatus.REPLACED, current_serial_number="SN200")
    assert [r.code for r in refusals(TermKind.TWO_YEARS, "JP", device, NOW)] == [
        ReasonCode.PURCHASE_WINDOW_CLOSED,
        ReasonCode.REGION_MISMATCH,
        ReasonCode.DEVICE_REPLACED,
        ReasonCode.PLAN_EXISTS,
        ReasonCode.TERM_NOT_SOLD,
    ]


@pytest.mark.parametrize(
    ("activated", "purchased", "starts"),
    [
        pytest.param(None, "2026-01-10T10:00:00", None, id="not activated: not yet"),
        pytest.param("2026-01-09T10:00:00", "2026-01-10T10:00:00", "2026-01-10T10:00:00", id="activated before"),
        pytest.param("2026-01-10T10:00:00", "2026-01-10T10:00:00", "2026-01-10T10:00:00", id="in the same second"),
        pytest.param("2026-01-10T10:00:01", "2026-01-10T10:00:00", "2026-01-10T10:00:01", id="activated after"),
    ],
)
def test_cover_starts_at_purchase_or_at_activation(activated: str | None, purchased: str, starts: str | None) -> None:
    """R-PUR-5."""
    assert starts_at(at(activated) if activated else None, at(purchased)) == (at(starts) if starts else None)


def test_the_second_of_the_purchase_is_covered() -> None:
    """R-PUR-5: the claim's clock has whole seconds, so one made right after the purchase must not come before it."""
    assert starts_at(NOW, NOW.replace(microsecond=900_000)) == NOW.replace(microsecond=0)


def uncovered(model: Model = DRONE, region: Region = US, **changes: Any) -> DeviceSnapshot:
    """A unit without a plan, sold and activated in `region`."""
    sold = replace(model, offers={region.code: model.offers["US"]})
    return snapshot(**{"model": sold, "region": region, "terms": (), **changes})


WINDOWS = [
    # model, region, hours, in words
    pytest.param(DRONE, US, 48, "48 hours", id="a drone"),
    pytest.param(DRONE, JP, 96, "96 hours", id="a drone in Japan"),
    pytest.param(HANDHELD, US, 30 * 24, "30 days", id="a handheld"),
    pytest.param(HANDHELD, JP, 30 * 24, "30 days", id="a handheld in Japan"),
]
ACTIVATIONS = [
    pytest.param(at("2026-05-30T09:00:00"), id="an ordinary day"),
    pytest.param(at("2026-03-07T12:00:00", LA), id="before the clock goes forward"),
    pytest.param(at("2026-10-31T12:00:00", LA), id="before the clock goes back"),
    pytest.param(at("2028-02-28T23:59:59.9", LA), id="before the leap day, within a second"),
]


@pytest.mark.parametrize("activated", ACTIVATIONS)
@pytest.mark.parametrize(("model", "region", "hours", "words"), WINDOWS)
def test_a_plan_can_be_added_for_so_long_after_activation(
    model: Model, region: Region, hours: int, words: str, activated: datetime
) -> None:
    """R-PUR-1: the second before, at and after; hours that pass, whatever the clock on the wall does."""
    device = uncovered(model, region, activated_at=activated)
    end = activated.replace(microsecond=0) + hours * HOUR

    for now in (activated, end - SECOND, end, end + SECOND * 0.999):
        assert refusals(TermKind.ONE_YEAR, region.code, device, now) == []
    assert refusals(TermKind.ONE_YEAR, region.code, device, end + SECOND + timedelta(milliseconds=950)) == [
        Reason(
            ReasonCode.PURCHASE_WINDOW_CLOSED,
            "R-PUR-1",
            f"This device was activated more than {words} ago; plans can be added within {words}. "
            "Ask for video verification to continue.",
        )
    ]


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (48 * HOUR + SECOND, "more than 48 hours"),
        (49 * HOUR, "49 hours"),
        (71 * HOUR + 59 * SECOND, "more than 71 hours"),
        (120 * HOUR - SECOND, "more than 119 hours"),
        (120 * HOUR, "5 days"),
        (400 * 24 * HOUR + HOUR, "more than 400 days"),
    ],
)
def test_the_refusal_has_the_age_of_the_activation(age: timedelta, words: str) -> None:
    """R-PUR-1."""
    [reason] = refusals(TermKind.ONE_YEAR, "US", uncovered(activated_at=NOW - age), NOW)
    assert reason.message.startswith(f"This device was activated {words} ago; plans can be added within 48 hours.")


@pytest.mark.parametrize("model", [DRONE, HANDHELD], ids=["drone", "handheld"])
@pytest.mark.parametrize("approved", [NOW, at("2026-03-07T12:00:00", LA), at("2026-10-31T12:00:00", LA)])
def test_an_approved_verification_opens_seventy_two_hours(model: Model, approved: datetime) -> None:
    """R-PUR-2: the second before, at and after."""
    device = uncovered(model, activated_at=approved - timedelta(days=100), verified_at=approved)
    end = approved + 72 * HOUR

    assert verified_until(approved) == end
    for now in (approved, end - SECOND, end, end + SECOND * 0.999):
        assert refusals(TermKind.ONE_YEAR, "US", device, now) == []
    [reason] = refusals(TermKind.ONE_YEAR, "US", device, end + SECOND)
    assert (reason.code, reason.rule) == (ReasonCode.VERIFICATION_LAPSED, "R-PUR-2")


def test_a_lapsed_approval_is_named_by_its_date_in_the_regions_zone() -> None:
    """R-PUR-2."""
    device = uncovered(verified_at=at("2026-05-28T23:30:00", LA))
    assert [r.message for r in refusals(TermKind.ONE_YEAR, "US", device, NOW)] == [
        "The approval of 2026-05-28 23:30:00 America/Los_Angeles has lapsed. Ask for a new verification."
    ]


def test_a_lapsed_approval_shortens_no_window_that_is_still_open() -> None:
    """R-PUR-1, R-PUR-2."""
    device = uncovered(HANDHELD, activated_at=NOW - timedelta(days=29), verified_at=NOW - timedelta(days=20))
    assert refusals(TermKind.ONE_YEAR, "US", device, NOW) == []


def test_an_approval_opens_the_window_and_nothing_else() -> None:
    """R-PUR-2, R-PUR-3."""
    reasons = refusals(TermKind.ONE_YEAR, "EU", uncovered(verified_at=NOW), NOW)
    assert [r.code for r in reasons] == [ReasonCode.REGION_MISMATCH]


@pytest.mark.parametrize(
    ("now", "pointer"),
    [
        pytest.param(at("2027-01-25T23:59:58", LA), " It can be renewed.", id="the second before"),
        pytest.param(at("2027-01-25T23:59:59", LA), " It can be renewed.", id="at"),
        pytest.param(at("2027-01-26T00:00:00", LA), "", id="the second after"),
    ],
)
def test_a_second_plan_is_pointed_to_the_renewal_while_there_is_one(now: datetime, pointer: str) -> None:
    """R-PUR-4, R-REN-1, edge case 46."""
    [reason] = refusals(TermKind.ONE_YEAR, "US", snapshot(activated_at=None), now)
    assert reason == Reason(ReasonCode.PLAN_EXISTS, "R-PUR-4", f"This device already has a plan.{pointer}")
