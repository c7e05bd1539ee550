"""The service fee of a claim."""

from dataclasses import replace

import pytest

from domain.coverage import Term, UseEntry
from domain.device_snapshot import DeviceSnapshot
from domain.fees import service_fee
from domain.kinds import Service, TermKind
from domain.money import Money
from tests.domain.samples import (
    DRONE,
    HANDHELD,
    NOW,
    PLAIN_DRONE,
    consumed,
    given_back,
    pending,
    reserved,
    snapshot,
    term,
    usd,
)

OFFER = replace(DRONE.offers["US"], fees=(usd(100), usd(200), usd(300)))
MODEL = replace(DRONE, offers={"US": OFFER})
TWO_YEARS = term(kind=TermKind.TWO_YEARS)


@pytest.mark.parametrize(
    ("uses", "fee"),
    [
        pytest.param((), 100, id="the first use"),
        pytest.param((consumed("a"),), 200, id="the second"),
        pytest.param((consumed("a", flyaway=True),), 200, id="a flyaway counts"),
        pytest.param((consumed("a"), consumed("b", flyaway=True)), 300, id="the third"),
        pytest.param((consumed("a"), consumed("b"), consumed("c")), 300, id="the last entry repeats"),
        pytest.param((reserved("a"),), 100, id="a reservation is not yet a use"),
        pytest.param((reserved("a"), given_back("a")), 100, id="given back"),
        pytest.param((consumed("a", term_id="t0"), consumed("b", term_id="t0")), 100, id="an earlier term's uses"),
    ],
)
def test_a_replacements_fee_depends_on_the_terms_uses(uses: tuple[UseEntry, ...], fee: int) -> None:
    """R-CAT-3, decision 10."""
    device = snapshot(model=MODEL, terms=(TWO_YEARS,), uses=uses)
    assert service_fee(Service.CARE_EXPRESS, device, NOW) == usd(fee)


@pytest.mark.parametrize("terms", [(), (pending(),), (term("2020-01-10T10:00:00"),)])
def test_without_cover_the_first_fee_is_shown(terms: tuple[Term, ...]) -> None:
    """R-CAT-3."""
    device = snapshot(model=MODEL, terms=terms, uses=(consumed("a"),))
    assert service_fee(Service.CARE_EXPRESS, device, NOW) == usd(100)


@pytest.mark.parametrize(
    ("device", "fee"),
    [
        (snapshot(), usd(44900)),
        (snapshot(uses=(consumed("a"),)), usd(44900)),
        (snapshot(model=PLAIN_DRONE), None),
        (snapshot(model=HANDHELD), None),
    ],
)
def test_a_flyaway_has_one_fee_or_none(device: DeviceSnapshot, fee: Money | None) -> None:
    """R-FLY-4, R-CAT-1."""
    assert service_fee(Service.FLYAWAY, device, NOW) == fee
