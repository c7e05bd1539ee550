"""The complimentary maintenance of the first year: may a code be issued, and does it start a job."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from domain.coverage import Term
from domain.device_snapshot import DeviceSnapshot, MaintenanceCode
from domain.kinds import DeviceStatus, ReasonCode, TermKind
from domain.maintenance import first_year_end, issue_refusals, redemption_refusal
from domain.reasons import Reason
from tests.domain.samples import BERLIN, DRONE, LA, NOW, SYDNEY, TOKYO, US, at, pending, snapshot, term

SECOND = timedelta(seconds=1)
MAVIC_3 = replace(DRONE, slug="mavic-3", name="Mavic 3", maintenance=True)
CODE = MaintenanceCode("MNT-7K2P", date(2026, 2, 1), date(2027, 1, 10))


def entitled(**changes: Any) -> DeviceSnapshot:
    """A covered Mavic 3 in its first year that has no code yet."""
    return snapshot(**{"model": MAVIC_3, **changes})


REFUSED = [
    pytest.param(
        {"model": replace(DRONE, name="Air 3")},
        Reason(ReasonCode.MAINTENANCE_NOT_OFFERED, "R-MNT-1", "Air 3 has no complimentary maintenance."),
        id="a model without it",
    ),
    pytest.param(
        {"terms": ()},
        Reason(ReasonCode.NO_PLAN, "R-MNT-1", "There is no running plan for this device."),
        id="no plan",
    ),
    pytest.param(
        {"terms": (pending(),)},
        Reason(ReasonCode.NO_PLAN, "R-MNT-1", "There is no running plan for this device."),
        id="a plan that waits for activation",
    ),
    pytest.param(
        {"terms": (term("2025-05-01T10:00:00", TermKind.TWO_YEARS),)},
        Reason(ReasonCode.MAINTENANCE_PERIOD_OVER, "R-MNT-1", "The first year ended on 2026-05-01."),
        id="the second year of a 2-year plan",
    ),
    pytest.param(
        {"maintenance_code": CODE},
        Reason(ReasonCode.MAINTENANCE_CODE_ISSUED, "R-MNT-1", "The code was issued on 2026-02-01."),
        id="issued before",
    ),
    pytest.param(
        {"maintenance_code": replace(CODE, claim_id="C7")},
        Reason(ReasonCode.MAINTENANCE_CODE_ISSUED, "R-MNT-1", "The code was issued on 2026-02-01."),
        id="issued and used before",
    ),
    pytest.param(
        {"status": DeviceStatus.REPLACED, "current_serial_number": "SN200"},
        Reason(ReasonCode.DEVICE_REPLACED, "R-CLM-9", "This unit was replaced by SN200; ask for that one."),
        id="a replaced unit",
    ),
    pytest.param(
        {"status": DeviceStatus.LOST, "current_serial_number": "SN200"},
        Reason(ReasonCode.DEVICE_LOST, "R-FLY-6", "This unit was lost and replaced by SN200; ask for that one."),
        id="a lost unit",
    ),
]


def test_a_covered_model_gets_a_code_in_its_first_year() -> None:
    """R-MNT-1."""
    assert issue_refusals(entitled(), NOW) == []


@pytest.mark.parametrize(("device", "reason"), REFUSED)
def test_each_rule_refuses_a_code_alone(device: dict[str, Any], reason: Reason) -> None:
    """R-MNT-1, R-CLM-9, R-FLY-6."""
    assert issue_refusals(entitled(**device), NOW) == [reason]


def test_all_reasons_against_a_code_are_returned_at_once() -> None:
    """R-MNT-1."""
    device = snapshot(status=DeviceStatus.LOST, terms=(term("2024-01-10T10:00:00"),), maintenance_code=CODE)
    assert [r.code for r in issue_refusals(device, NOW)] == [
        ReasonCode.DEVICE_LOST,
        ReasonCode.MAINTENANCE_NOT_OFFERED,
        ReasonCode.MAINTENANCE_PERIOD_OVER,
        ReasonCode.MAINTENANCE_CODE_ISSUED,
    ]


@pytest.mark.parametrize(
    ("zone", "starts", "last"),
    [
        pytest.param(LA, "2026-01-10T10:00:00", "2027-01-10T23:59:59", id="Los Angeles"),
        pytest.param(LA, "2026-03-08T12:00:00", "2027-03-08T23:59:59", id="from the short day"),
        pytest.param(BERLIN, "2026-10-25T00:00:00", "2027-10-25T23:59:59", id="from the long day"),
        pytest.param(TOKYO, "2026-12-31T23:59:59", "2027-12-31T23:59:59", id="Tokyo, over the year's end"),
        pytest.param(SYDNEY, "2028-02-29T08:00:00", "2029-02-28T23:59:59", id="edge 64: from the leap day"),
    ],
)
def test_the_first_year_is_the_plans_first_twelve_months(zone: str, starts: str, last: str) -> None:
    """R-MNT-1, decision 9: the second before, at and after; its last day is included."""
    bought = term(starts, TermKind.TWO_YEARS, zone=zone)
    device = entitled(region=replace(US, time_zone=zone), terms=(bought,))
    end = at(last, zone)

    assert first_year_end(device) == date.fromisoformat(last[:10])
    for now in (end - SECOND, end, end + SECOND * 0.999):
        assert issue_refusals(device, now) == []
    assert [r.code for r in issue_refusals(device, end + SECOND)] == [ReasonCode.MAINTENANCE_PERIOD_OVER]


FIRST, SECOND_YEAR = term("2025-01-10T10:00:00"), term("2026-01-11T00:00:00", id="t2")


@pytest.mark.parametrize(
    ("terms", "ends"),
    [
        ((FIRST, SECOND_YEAR), date(2026, 1, 10)),
        ((SECOND_YEAR, FIRST), date(2026, 1, 10)),
        ((FIRST, pending()), date(2026, 1, 10)),
        ((pending(),), None),
        ((), None),
    ],
)
def test_a_renewal_does_not_begin_another_first_year(terms: tuple[Term, ...], ends: date | None) -> None:
    """R-MNT-1, decision 9."""
    assert first_year_end(entitled(terms=terms)) == ends


def test_the_first_year_is_the_plans_and_not_the_devices() -> None:
    """R-MNT-1, decision 9."""
    device = entitled(activated_at=at("2020-01-10T10:00:00", LA))
    assert issue_refusals(device, NOW) == []


@pytest.mark.parametrize("given", ["MNT-7K2P", "mnt-7k2p", "  MNT-7K2P \n"])
def test_the_code_is_taken_as_people_type_it(given: str) -> None:
    """R-MNT-2."""
    assert redemption_refusal(entitled(maintenance_code=CODE), given, NOW) is None


@pytest.mark.parametrize(
    ("code", "given", "message"),
    [
        pytest.param(None, "MNT-7K2P", "This maintenance code was not issued for this device.", id="none issued"),
        pytest.param(CODE, "MNT-OTHER", "This maintenance code was not issued for this device.", id="another device's"),
        pytest.param(CODE, "", "This maintenance code was not issued for this device.", id="no code"),
        pytest.param(
            replace(CODE, claim_id="C7"), "MNT-7K2P", "This maintenance code was used for case C7.", id="used"
        ),
        pytest.param(
            replace(CODE, claim_id="C7", expires_on=date(2026, 3, 1)),
            "MNT-7K2P",
            "This maintenance code was used for case C7.",
            id="used and expired",
        ),
        pytest.param(
            replace(CODE, expires_on=date(2026, 3, 1)),
            "MNT-7K2P",
            "This maintenance code was valid until 2026-03-01.",
            id="expired",
        ),
    ],
)
def test_a_code_serves_one_device_once_in_its_time(code: MaintenanceCode | None, given: str, message: str) -> None:
    """R-MNT-2."""
    refused = redemption_refusal(entitled(maintenance_code=code), given, NOW)
    assert refused == Reason(ReasonCode.MAINTENANCE_CODE_INVALID, "R-MNT-2", message)


@pytest.mark.parametrize(
    ("zone", "expires"),
    [(LA, "2027-01-10"), (LA, "2027-03-14"), (BERLIN, "2026-10-25"), (TOKYO, "2026-12-31"), (SYDNEY, "2026-10-04")],
)
def test_a_code_is_good_to_the_last_second_of_its_last_day(zone: str, expires: str) -> None:
    """R-MNT-2: the second before, at and after."""
    code = replace(CODE, expires_on=date.fromisoformat(expires))
    device = entitled(region=replace(US, time_zone=zone), maintenance_code=code)
    end = at(f"{expires}T23:59:59", zone)

    def refusal(now: datetime) -> Reason | None:
        return redemption_refusal(device, "MNT-7K2P", now)

    assert refusal(end - SECOND) is refusal(end) is refusal(end + SECOND * 0.999) is None
    refused = refusal(end + SECOND)
    assert refused
    assert refused.message == f"This maintenance code was valid until {expires}."
