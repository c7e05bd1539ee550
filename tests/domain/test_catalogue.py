"""The catalogue: its validation, fees by ordinal, the components expected back."""

from dataclasses import replace

import pytest

from domain.catalogue import (
    Catalogue,
    Model,
    Offer,
    Region,
    difference_for,
    expected_components,
    fee_for_use,
    problems,
)
from domain.device_snapshot import model_named, premium_delivers, region_of_country
from domain.kinds import Category, Component, TermKind
from domain.money import Money
from tests.domain.samples import CATALOGUE, DRONE, EU, HANDHELD, HOURS, JP, PLAIN_DRONE, US, usd

OFFER = DRONE.offers["US"]
YEN = Money(1, "JPY")


def found(*models: Model, regions: tuple[Region, ...] = (US, EU, JP)) -> list[tuple[str, str]]:
    return [(p.where, p.rule) for p in problems(Catalogue(regions, models))]


def offered(offer: Offer, model: Model = DRONE) -> Model:
    return replace(model, offers={"US": offer})


def test_a_sound_catalogue_has_no_problem() -> None:
    """R-CAT-1."""
    assert problems(CATALOGUE) == []


MODELS = [
    pytest.param(replace(HANDHELD, flyaway=True), "flyaway", "R-CAT-2", id="a handheld with flyaway"),
    pytest.param(replace(HANDHELD, components=()), "components", "R-CAT-1", id="nothing covered"),
    pytest.param(
        replace(HANDHELD, battery_removable=True), "components", "R-EXP-7", id="a removable battery uncovered"
    ),
    pytest.param(replace(DRONE, battery_removable=False), "components", "R-EXP-7", id="a fixed battery covered"),
    pytest.param(replace(DRONE, offers={}), "offers", "R-CAT-1", id="offered nowhere"),
    pytest.param(replace(DRONE, offers={"MOON": OFFER}), "offers.MOON", "R-CAT-1", id="an unknown region"),
]


@pytest.mark.parametrize(("model", "where", "rule"), MODELS)
def test_a_model_that_contradicts_itself_is_a_problem(model: Model, where: str, rule: str) -> None:
    """R-CAT-1, R-CAT-2, R-EXP-7."""
    assert (f"models.{model.slug}.{where}", rule) in found(model)


OFFERS = [
    pytest.param(replace(OFFER, prices={TermKind.TWO_YEARS: usd(1)}), "prices", "R-CAT-1", id="no 1-year price"),
    pytest.param(replace(OFFER, prices={TermKind.ONE_YEAR: usd(0)}), "prices.1y", "R-CAT-1", id="a free plan"),
    pytest.param(
        replace(OFFER, prices={**OFFER.prices, TermKind.REFRESH_PLUS: usd(1)}), "prices", "R-CAT-1", id="Refresh+ sold"
    ),
    pytest.param(replace(OFFER, fees=()), "fees", "R-CAT-1", id="no fee"),
    pytest.param(replace(OFFER, fees=(usd(1), usd(-1))), "fees.2", "R-CAT-1", id="a negative fee"),
    pytest.param(replace(OFFER, flyaway_fee=None), "flyaway_fee", "R-CAT-1", id="no flyaway fee"),
    pytest.param(replace(OFFER, flyaway_fee=usd(0)), "flyaway_fee", "R-CAT-1", id="a free flyaway"),
    pytest.param(
        replace(OFFER, differences={**OFFER.differences, Component.PROPELLERS: usd(-1)}),
        "differences.propellers",
        "R-CAT-1",
        id="a negative difference",
    ),
    pytest.param(replace(OFFER, fees=(YEN,)), "fees.1", "R-CAT-1", id="a fee in yen"),
    pytest.param(replace(OFFER, product_value=YEN), "product_value", "R-CAT-1", id="a value in yen"),
    pytest.param(replace(OFFER, prices={TermKind.ONE_YEAR: YEN}), "prices.1y", "R-CAT-1", id="a price in yen"),
    pytest.param(replace(OFFER, flyaway_fee=YEN), "flyaway_fee", "R-CAT-1", id="a flyaway fee in yen"),
    pytest.param(replace(OFFER, hold=YEN), "hold", "R-CAT-1", id="a hold in yen"),
    pytest.param(
        replace(OFFER, differences={**OFFER.differences, Component.BATTERY: YEN}),
        "differences.battery",
        "R-CAT-1",
        id="a difference in yen",
    ),
    *(
        pytest.param(
            replace(
                OFFER, differences={part: price for part, price in OFFER.differences.items() if part is not left_out}
            ),
            f"differences.{left_out}",
            "R-CMP-1",
            id=f"{left_out} unpriced",
        )
        for left_out in OFFER.differences
    ),
]


@pytest.mark.parametrize(("offer", "where", "rule"), OFFERS)
def test_an_incomplete_offer_is_a_problem(offer: Offer, where: str, rule: str) -> None:
    """R-CAT-1; edge case 55: every amount in the region's currency."""
    assert found(offered(offer)) == [(f"models.air-3.offers.US.{where}", rule)]


@pytest.mark.parametrize(
    ("hold", "sound"),
    [(-1, False), (0, False), (1, True), (109999, True), (110000, True), (110001, False)],
)
def test_the_hold_lies_above_nothing_and_within_the_value(hold: int, sound: bool) -> None:
    """R-EXP-5, edge case 65."""
    assert found(offered(replace(OFFER, hold=usd(hold)))) == (
        [] if sound else [("models.air-3.offers.US.hold", "R-EXP-5")]
    )


def test_a_replacement_and_a_part_may_cost_nothing() -> None:
    """R-CAT-1; edge case 18: a difference may be nothing."""
    differences = {**OFFER.differences, Component.PROPELLERS: usd(0)}
    assert found(offered(replace(OFFER, fees=(usd(0),), differences=differences))) == []


def test_a_worthless_product_is_a_problem_and_so_is_its_hold() -> None:
    """R-CAT-1, R-EXP-5."""
    assert found(offered(replace(OFFER, product_value=usd(0), hold=usd(1)))) == [
        ("models.air-3.offers.US.product_value", "R-CAT-1"),
        ("models.air-3.offers.US.hold", "R-EXP-5"),
    ]


def test_a_flyaway_fee_without_flyaway_cover_is_a_problem() -> None:
    """R-CAT-1."""
    model = replace(PLAIN_DRONE, offers={"US": OFFER})
    assert found(model) == [("models.mavic-mini.offers.US.flyaway_fee", "R-CAT-1")]


@pytest.mark.parametrize(("days", "sound"), [(6, False), (7, True), (14, True), (15, False)])
def test_a_return_window_is_seven_to_fourteen_days(days: int, sound: bool) -> None:
    """R-RET-1."""
    region = replace(US, window_days=days)
    assert found(DRONE, regions=(region,)) == ([] if sound else [("regions.US.window_days", "R-RET-1")])


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "/UTC", "America", "UTC+2", "\0"])
def test_a_region_needs_a_time_zone_there_is(zone: str) -> None:
    """R-RET-2: its days are computed there."""
    assert found(DRONE, regions=(replace(US, time_zone=zone),)) == [("regions.US.time_zone", "R-RET-2")]


@pytest.mark.parametrize(
    "hours",
    [{Category.DRONE: 48}, {**HOURS, Category.HANDHELD: 0}, {**HOURS, Category.HANDHELD: -1}],
)
def test_every_category_needs_a_purchase_window(hours: dict[Category, int]) -> None:
    """R-PUR-1."""
    assert found(DRONE, regions=(replace(US, purchase_hours=hours),)) == [("regions.US.purchase_hours", "R-PUR-1")]


def test_nothing_is_listed_twice() -> None:
    """R-CAT-1."""
    assert found(DRONE, DRONE, regions=(US, US)) == [("regions.US", "R-CAT-1"), ("models.air-3", "R-CAT-1")]


def test_all_problems_are_returned_at_once() -> None:
    """R-CAT-1, R-CAT-2, R-EXP-5."""
    offer = replace(HANDHELD.offers["US"], fees=(), hold=usd(10001))
    model = replace(HANDHELD, flyaway=True, components=(), offers={"US": offer, "MOON": offer})
    assert found(model) == [
        ("models.osmo-mobile-se.flyaway", "R-CAT-2"),
        ("models.osmo-mobile-se.components", "R-CAT-1"),
        ("models.osmo-mobile-se.offers.US.fees", "R-CAT-1"),
        ("models.osmo-mobile-se.offers.US.flyaway_fee", "R-CAT-1"),
        ("models.osmo-mobile-se.offers.US.hold", "R-EXP-5"),
        ("models.osmo-mobile-se.offers.MOON", "R-CAT-1"),
    ]


@pytest.mark.parametrize(
    ("fees", "used", "fee"),
    [
        ((15900, 19900), 0, 15900),
        ((15900, 19900), 1, 19900),
        ((15900, 19900), 2, 19900),
        ((15900, 19900), 3, 19900),
        ((12400,), 0, 12400),
        ((12400,), 3, 12400),
        ((11900, 18500, 24900), 2, 24900),
        ((11900, 18500, 24900), 3, 24900),
    ],
)
def test_the_fee_depends_on_the_ordinal_and_the_last_repeats(fees: tuple[int, ...], used: int, fee: int) -> None:
    """R-CAT-3: tiered and flat schedules."""
    assert fee_for_use(replace(OFFER, fees=tuple(usd(f) for f in fees)), used) == usd(fee)


@pytest.mark.parametrize(
    ("model", "battery", "expected"),
    [
        (DRONE, True, "aircraft gimbal_camera propellers battery"),
        (DRONE, False, "aircraft gimbal_camera propellers"),
        (HANDHELD, True, "main_unit"),
        (HANDHELD, False, "main_unit"),
    ],
)
def test_the_battery_is_expected_only_when_one_went_out(model: Model, battery: bool, expected: str) -> None:
    """R-EXP-7."""
    assert list(expected_components(model, battery)) == expected.split()


def test_every_missing_part_has_its_price_and_the_device_itself_none() -> None:
    """R-CMP-1."""
    assert difference_for(OFFER, Component.PROPELLERS) == usd(1200)
    assert difference_for(OFFER, Component.AIRCRAFT) == usd(0)


@pytest.mark.parametrize(
    ("country", "region"), [("US", US), ("de", EU), ("FR", EU), ("JP", JP), ("CH", None), ("", None)]
)
def test_a_country_is_served_by_one_region(country: str, region: Region | None) -> None:
    """R-EXP-3, edge case 53: the country of delivery decides too."""
    assert region_of_country(CATALOGUE.regions, country) == region


@pytest.mark.parametrize(
    ("country", "delivers"), [("US", True), ("de", True), ("JP", False), ("CH", False), ("", False)]
)
def test_premium_is_sent_only_where_a_region_offers_it(country: str, delivers: bool) -> None:
    """R-EXP-3, edge case 53: a country that no region serves gets the Standard Plan alone."""
    assert premium_delivers(CATALOGUE.regions, country) is delivers


def test_a_model_is_found_by_its_slug() -> None:
    assert model_named(CATALOGUE, "air-3") is DRONE
    assert model_named(CATALOGUE, "Air 3") is None
