"""A customer who moved to another region: what forbids the move, and what a renewal is afterwards (R-XFR-3)."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain.catalogue import Region
from domain.device_snapshot import DeviceSnapshot
from domain.kinds import DeviceStatus, ReasonCode, TermKind
from domain.region_move import move_refusals
from domain.renewal import renewal
from tests.domain.samples import DRONE, EU, JP, LA, US, pending, snapshot, term, usd

BERLIN = EU.time_zone
OFFERED = replace(DRONE, offers=dict.fromkeys(("US", "EU"), DRONE.offers["US"]))


def test_a_device_with_nothing_open_or_owed_is_moved() -> None:
    for covered in (snapshot(model=OFFERED), snapshot(model=OFFERED, terms=())):
        assert move_refusals(covered, EU) == []


@pytest.mark.parametrize(
    ("device", "code"),
    [
        (snapshot(open_claim_id="clm_1"), ReasonCode.CLAIM_ALREADY_OPEN),
        (snapshot(amount_owed=usd(14900)), ReasonCode.AMOUNT_OWED),
        (snapshot(terms=(pending(),), activated_at=None), ReasonCode.NO_PLAN),
        (snapshot(status=DeviceStatus.REPLACED, current_serial_number="SN101"), ReasonCode.DEVICE_REPLACED),
    ],
)
def test_what_is_of_the_old_region_comes_to_an_end_first(device: DeviceSnapshot, code: ReasonCode) -> None:
    assert [reason.code for reason in move_refusals(replace(device, model=OFFERED), EU)] == [code]


def test_the_catalogue_must_offer_the_model_there_and_every_reason_is_given() -> None:
    device = snapshot(model=OFFERED, open_claim_id="clm_1")
    assert [r.code for r in move_refusals(device, JP)] == [ReasonCode.CLAIM_ALREADY_OPEN, ReasonCode.REGION_MISMATCH]


@pytest.mark.parametrize(
    ("bought", "zone", "to"),
    [
        # The first day is the day before, the same and the day after, reckoned in the other region.
        ("2026-01-10T02:00:00", BERLIN, US),
        ("2026-01-10T15:00:00", BERLIN, US),
        ("2026-01-10T20:00:00", LA, EU),
        ("2026-01-10T03:00:00", LA, EU),
    ],
)
def test_a_renewal_after_a_move_adjoins_to_the_second_and_is_a_whole_year(bought: str, zone: str, to: Region) -> None:
    sold = term(bought, TermKind.ONE_YEAR, zone=zone)
    device = snapshot(terms=(sold,), region=to, model=OFFERED)
    assert sold.starts_at is not None
    assert sold.ends_at is not None
    offered = renewal(device, sold.starts_at + timedelta(days=100))
    assert (offered.eligible, offered.gap) == (True, False)
    assert offered.starts_at == sold.ends_at + timedelta(seconds=1)
    assert offered.ends_on is not None
    assert abs(offered.ends_on - date(2028, 1, 10)) <= timedelta(days=1)
