"""May a first plan be bought, and from when does it cover."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from domain.kinds import DeviceStatus, ReasonCode, TermKind
from domain.purchase import refusals, starts_at
from domain.reasons import Reason
from tests.domain.samples import DRONE, NOW, PLAIN_DRONE, at, pending, standing, term

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
        {"terms": (term("2020-01-10T10:00:00"),)},
        Reason(ReasonCode.PLAN_EXISTS, "R-PUR-4", "This device already has a plan. It can be renewed."),
        id="a plan ended long ago",
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
    """R-PUR-3, R-PUR-4."""
    assert refusals(kind, "US", standing(terms=(), activated_at=activated_at), NOW) == []


@pytest.mark.parametrize(("kind", "region", "device", "reason"), ALONE)
def test_each_rule_refuses_alone(kind: TermKind, region: str, device: dict[str, Any], reason: Reason) -> None:
    """R-PUR-3, R-PUR-4, R-CLM-9, R-FLY-6, R-CAT-1."""
    assert refusals(kind, region, standing(**{"terms": (), **device}), NOW) == [reason]


def test_all_reasons_against_a_purchase_are_told_at_once() -> None:
    """R-PUR-3, R-PUR-4, R-CLM-9, R-CAT-1."""
    device = standing(model=PLAIN_DRONE, status=DeviceStatus.REPLACED, current_serial_number="SN200")
    assert [r.code for r in refusals(TermKind.TWO_YEARS, "JP", device, NOW)] == [
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
    """R-PUR-5: the claim's clock tells whole seconds, so one made right after the purchase must not come before it."""
    assert starts_at(NOW, NOW.replace(microsecond=900_000)) == NOW.replace(microsecond=0)
