"""Addresses are judged by the conventions of their country, and kept as they were typed."""

from typing import Any

import pytest
from pydantic import ValidationError

from api.postal import is_country, label_lines
from api.requests.addresses import AddressBody
from messages.claims import ShipTo
from tests.api.conftest import SHIP_TO, ApiHarness, broken, express, lost, problem, worn

ADDRESS = {"name": "Ada Byron", "line1": "1 Sky Road", "city": "Town"}

ACCEPTED = [
    ("HK", None),
    ("HK", "999077"),  # what was always taken is still taken
    ("AE", None),
    ("IE", None),
    ("IE", "D02 AF30"),
    ("US", "97201"),
    ("US", "97201-1234"),
    ("GB", "sw1a 1aa"),
    ("GB", "BFPO 61"),
    ("DE", "10115"),
    ("CH", "8000"),
    ("CH", "CH-8000"),
    ("JP", "100-0001"),
    ("JP", "１００－０００１"),
    ("US", "10115"),  # a German code: five digits cannot tell
]
REFUSED = [
    ("US", None, "postal_code"),
    ("US", "ABCDE", "postal_code"),
    ("US", "9720", "postal_code"),
    ("DE", None, "postal_code"),
    ("GB", "97201", "postal_code"),
    ("GB", "SW1A 1AA and more", "postal_code"),
    ("JP", "1000", "postal_code"),
    ("IE", "D02", "postal_code"),
    ("ZZ", "1", "country"),
    ("XX", None, "country"),
    ("UK", "SW1A 1AA", "country"),
]


@pytest.mark.parametrize(("country", "postal_code"), ACCEPTED)
def test_an_address_as_it_is_written_in_its_country_is_accepted_as_typed(country: str, postal_code: str | None) -> None:
    address = AddressBody.model_validate(ADDRESS | {"country": country, "postal_code": postal_code})
    assert address.message() == ShipTo(**ADDRESS, country=country, postal_code=postal_code)


@pytest.mark.parametrize(("country", "postal_code", "field"), REFUSED)
def test_what_the_country_does_not_have_is_refused_at_its_field(
    country: str, postal_code: str | None, field: str
) -> None:
    given = ADDRESS | {"country": country} | ({} if postal_code is None else {"postal_code": postal_code})
    with pytest.raises(ValidationError) as refused:
        AddressBody.model_validate(given)
    assert [error["loc"] for error in refused.value.errors()] == [(field,)]


@pytest.mark.parametrize("country", ["US", "JP", "AU", "CN"])
def test_no_country_requires_the_state(country: str) -> None:
    code = {"US": "97201", "JP": "100-0001", "AU": "2000", "CN": "100000"}[country]
    assert AddressBody.model_validate(ADDRESS | {"country": country, "postal_code": code}).region is None


LABELS: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    (
        {"region": "Oregon", "postal_code": "97201", "country": "US"},
        ("Ada Byron", "1 Sky Road, Flat 2", "Town, Oregon 97201", "UNITED STATES"),
    ),
    ({"postal_code": "97201", "country": "US"}, ("Ada Byron", "1 Sky Road, Flat 2", "Town 97201", "UNITED STATES")),
    ({"postal_code": "10115", "country": "DE"}, ("Ada Byron", "1 Sky Road, Flat 2", "10115 Town", "GERMANY")),
    ({"country": "HK"}, ("Ada Byron", "1 Sky Road, Flat 2", "Town", "HONG KONG")),
    (
        {"postal_code": "SW1A 1AA", "country": "GB"},
        ("Ada Byron", "1 Sky Road, Flat 2", "Town", "SW1A 1AA", "UNITED KINGDOM"),
    ),
    (
        {"region": "Tokyo", "postal_code": "100-0001", "country": "JP"},
        ("Ada Byron", "1 Sky Road, Flat 2, Town, Tokyo", "100-0001", "JAPAN"),
    ),
    (
        {"city": "Singapore", "postal_code": "018956", "country": "SG"},
        ("Ada Byron", "1 Sky Road, Flat 2", "SINGAPORE 018956", "REP. OF SINGAPORE"),
    ),
    ({"postal_code": "CH-8000", "country": "CH"}, ("Ada Byron", "1 Sky Road, Flat 2", "CH-8000 Town", "SWITZERLAND")),
    ({"postal_code": "1", "country": "ZZ"}, ("Ada Byron", "1 Sky Road, Flat 2", "Town 1", "ZZ")),
]


@pytest.mark.parametrize(("parts", "lines"), LABELS)
def test_a_label_has_the_order_of_the_country(parts: dict[str, Any], lines: tuple[str, ...]) -> None:
    assert label_lines(ShipTo(**(ADDRESS | {"line2": "Flat 2"} | parts))) == lines


def test_a_label_in_japanese_goes_from_the_prefecture_to_the_person_and_keeps_the_city() -> None:
    address = ShipTo(
        name="山田太郎", line1="千代田1-1", city="千代田区", region="東京都", postal_code="100-0001", country="JP"
    )
    assert label_lines(address) == ("〒100-0001", "東京都", "千代田区", "千代田1-1", "山田太郎", "JAPAN")


def test_every_country_has_a_label_with_all_that_was_typed() -> None:
    alphabet = [chr(code) for code in range(ord("A"), ord("Z") + 1)]
    countries = [a + b for a in alphabet for b in alphabet if is_country(a + b)]
    assert len(countries) > 240
    for country in countries:
        text = "\n".join(label_lines(ShipTo(**ADDRESS, region="Shire", postal_code="Q1W2E3", country=country)))
        assert all(part in text for part in (*ADDRESS.values(), "Shire", "Q1W2E3")), (country, text)


async def test_an_address_that_is_right_may_still_be_outside_the_region(harness: ApiHarness) -> None:
    await harness.covered()
    address = SHIP_TO | {"postal_code": "ABCDE"}
    refused = problem(await harness.http.post("/v1/claims", json=express(ship_to=address)), 422, "invalid_request")
    assert refused["errors"] == [
        {"field": "ship_to.postal_code", "message": "is not a postal code of US, for example 95014"}
    ]
    address = {name: value for name, value in SHIP_TO.items() if name != "postal_code"} | {"country": "HK"}
    answer = await harness.http.post("/v1/claims", json=express(tier="standard", ship_to=address))
    (reason,) = problem(answer, 422, "claim_refused")["reasons"]
    assert (reason["code"], reason["rule"]) == ("delivery_outside_region", "R-CLM-11")
    assert "Give an address in US" in reason["message"]


@pytest.mark.parametrize("body", [lost(), broken(), worn("MNT-AAAAAAAA")], ids=["flyaway", "repair", "maintenance"])
async def test_every_service_delivers_in_the_region_of_the_cover_alone(
    harness: ApiHarness, body: dict[str, Any]
) -> None:
    await harness.covered()
    field = "ship_to" if "ship_to" in body else "return_address"
    abroad = body | {field: SHIP_TO | {"country": "DE", "postal_code": "10115"}}
    refused = problem(await harness.http.post("/v1/claims", json=abroad), 422, "claim_refused")
    assert "delivery_outside_region" in [reason["code"] for reason in refused["reasons"]]
