"""Devices, bindings, plans and quotes over HTTP."""

from typing import Any

import pytest
from itsdangerous import URLSafeSerializer

from tests.api.conftest import OWNER, SERIAL, ApiHarness, express, problem

DEVICE = {"serial_number": "1581-f45t-7228-d00a", "model": "mavic-3", "region": "US", "owner": OWNER}
PLAN = {"term": "1y", "payment_method": "pm_card_visa"}


async def test_a_registered_device_is_returned_with_its_serial_number_as_given(harness: ApiHarness) -> None:
    response = await harness.http.post("/v1/devices", json=DEVICE)
    assert (response.status_code, response.headers["location"]) == (201, f"/v1/devices/{SERIAL}")
    device = response.json()
    assert device["serial_number"] == device["current_serial_number"] == "1581-f45t-7228-d00a"
    assert device["lineage"] == ["1581-f45t-7228-d00a"]
    assert device["activated_at"] is None
    assert device["care"]["active"] is False
    assert (await harness.http.get("/v1/devices/1581-F45T 7228D00A")).json() == device


async def test_a_serial_number_is_registered_once(harness: ApiHarness) -> None:
    await harness.http.post("/v1/devices", json=DEVICE)
    harness.later(days=1)
    conflict = problem(await harness.http.post("/v1/devices", json=DEVICE), 409, "conflict")
    assert [error["field"] for error in conflict["errors"]] == ["serial_number"]


async def test_cover_bought_before_activation_begins_with_it(harness: ApiHarness) -> None:
    await harness.http.post("/v1/devices", json=DEVICE)
    plan = (await harness.http.post(f"/v1/devices/{SERIAL}/plans", json=PLAN)).json()
    assert (plan["starts_on"], plan["ends_on"]) == (None, None)
    harness.later(days=5)
    response = await harness.http.post(f"/v1/devices/{SERIAL}/activation", json={})
    assert response.status_code == 201
    assert response.json()["activated_at"] == "2026-11-28T10:00:00Z"
    assert response.json()["care"]["periods"] == [{"term": "1y", "starts_on": "2026-11-28", "ends_on": "2027-11-28"}]


async def test_a_remote_controller_is_bound_and_unbound(harness: ApiHarness) -> None:
    await harness.covered(bound=False)
    response = await harness.http.post(f"/v1/devices/{SERIAL}/bindings", json={"remote_controller": "RC-7"})
    assert response.status_code == 201
    assert response.json()["binding"] == {"remote_controller": "RC-7", "bound_at": "2026-11-23T10:00:00Z"}
    harness.later(hours=1)
    response = await harness.http.delete(f"/v1/devices/{SERIAL}/bindings/current")
    assert (response.status_code, response.content) == (204, b"")
    assert (await harness.http.get(f"/v1/devices/{SERIAL}")).json()["binding"] is None


async def test_development_plants_terms_with_past_dates(harness: ApiHarness) -> None:
    await harness.covered(plan=False)
    response = await harness.http.post(
        f"/v1/dev/devices/{SERIAL}/terms", json={"term": "1y", "starts_on": "2025-11-01"}
    )
    assert response.status_code == 201
    assert response.json()["care"]["ends_on"] == "2026-11-01"
    assert response.json()["care"]["active"] is False


async def test_the_catalogue_lists_products_with_prices_by_region(harness: ApiHarness) -> None:
    products = (await harness.http.get("/v1/products")).json()
    one = (await harness.http.get("/v1/products/mavic-3")).json()
    assert one in products["items"]
    assert set(one["regions"]["US"]) >= {"prices", "fees", "flyaway_fee", "hold", "return_window_days", "premium"}
    problem(await harness.http.get("/v1/products/mavic-99"), 404, "not_found")


async def quote(harness: ApiHarness, **changes: Any) -> dict[str, Any]:
    body = {"service": "care_express", "tier": "premium", "serial_number": SERIAL, "replace_battery": True} | changes
    response = await harness.http.post("/v1/quotes", json=body)
    assert response.status_code == 200, response.text
    quoted: dict[str, Any] = response.json()
    return quoted


async def test_a_quote_shows_the_settlement_page(harness: ApiHarness) -> None:
    await harness.covered()
    quoted = await quote(harness)
    assert quoted["default_charge"] == quoted["hold"]
    assert quoted["latest_arrival_example"] > "2026-11-30"
    assert quoted["expires_at"] == "2026-11-23T10:30:00Z"
    assert quoted["terms_version"]
    standard = await quote(harness, tier="standard")
    assert (standard["hold"], standard["return_window_days"], standard["default_charge"]) == (None, None, None)


async def test_a_quote_is_good_for_thirty_minutes(harness: ApiHarness) -> None:
    await harness.covered()
    quoted = await quote(harness)
    harness.later(minutes=29)
    command = express(quote_id=quoted["id"])
    assert (await harness.http.post("/v1/claims", json=command)).status_code == 202
    assert harness.claim_commands.received[-1].quote.valid is True  # type: ignore[attr-defined]
    assert harness.claim_commands.received[-1].quote.fee.amount == quoted["fee"]["amount"]  # type: ignore[attr-defined]


async def expired(harness: ApiHarness, **changes: Any) -> None:
    response = await harness.http.post("/v1/claims", json=express(**changes))
    refused = problem(response, 422, "claim_refused")
    assert [reason["code"] for reason in refused["reasons"]] == ["quote_expired"]


async def test_an_expired_quote_is_not_honoured(harness: ApiHarness) -> None:
    await harness.covered()
    quoted = await quote(harness)
    harness.later(minutes=30)
    await expired(harness, quote_id=quoted["id"])


async def test_a_quote_is_for_one_device_tier_and_battery(harness: ApiHarness) -> None:
    await harness.covered()
    await harness.covered("OTHER")
    quoted = await quote(harness)
    for changes in ({"tier": "standard"}, {"replace_battery": False}, {"serial_number": "OTHER"}):
        await expired(harness, quote_id=quoted["id"], **changes)


async def test_a_forged_quote_is_not_honoured(harness: ApiHarness) -> None:
    await harness.covered()
    quoted = await quote(harness)
    payload, _, signature = quoted["id"].rpartition(".")
    forged = URLSafeSerializer("another secret", salt="aftercare.quote.1").dumps({"fee": 1})
    for made_up in (f"{payload}A.{signature}", payload, "x", forged, "é", "\x00"):
        await expired(harness, quote_id=made_up)


@pytest.mark.parametrize("forged", [True, False])
async def test_a_retry_under_the_same_key_honours_no_bad_quote_either(harness: ApiHarness, forged: bool) -> None:
    """The first refusal was not stored: the process died. The command informs the claim that the quote is bad."""
    await harness.covered()
    command = express(quote_id="made-up" if forged else (await quote(harness))["id"])
    harness.later(minutes=30)
    for _ in range(2):
        response = await harness.http.post("/v1/claims", json=command, headers={"Idempotency-Key": "k"})
        refused = problem(response, 422, "claim_refused")
        assert [reason["code"] for reason in refused["reasons"]] == ["quote_expired"]
        await harness.forget_responses()
    (submission,) = harness.claim_commands.received
    assert submission.quote.valid is False  # type: ignore[attr-defined]


async def test_a_quote_of_an_ineligible_device_still_has_its_price(harness: ApiHarness) -> None:
    await harness.covered(plan=False)
    assert (await quote(harness))["fee"]["amount"] > 0


async def test_a_flyaway_is_quoted_by_its_fee_alone(harness: ApiHarness) -> None:
    await harness.covered()
    response = await harness.http.post("/v1/quotes", json={"service": "flyaway", "serial_number": SERIAL})
    assert response.json()["hold"] is None
    assert response.json()["fee"]["amount"] > 0


@pytest.mark.parametrize(
    ("model", "region", "body", "code"),
    [
        ("osmo-action-4", "US", {"service": "flyaway"}, "flyaway_not_supported"),
        ("mavic-3", "AU", {"service": "care_express", "tier": "premium"}, "premium_unavailable_in_region"),
    ],
)
async def test_what_is_not_offered_has_no_quote(
    harness: ApiHarness, model: str, region: str, body: dict[str, str], code: str
) -> None:
    catalogue = await harness.app.state.services.queries.catalogue()
    offered = next(r for r in catalogue.regions if r.code == region)
    if code == "premium_unavailable_in_region" and offered.premium:
        region = next(r.code for r in catalogue.regions if not r.premium)
    device = DEVICE | {"serial_number": "Q1", "model": model, "region": region}
    assert (await harness.http.post("/v1/devices", json=device)).status_code == 201
    refused = problem(await harness.http.post("/v1/quotes", json=body | {"serial_number": "Q1"}), 422, "claim_refused")
    assert [reason["code"] for reason in refused["reasons"]] == [code]


async def test_a_quote_for_an_unknown_device_is_not_found(harness: ApiHarness) -> None:
    body = {"service": "flyaway", "serial_number": "NOBODY"}
    problem(await harness.http.post("/v1/quotes", json=body), 404, "not_found")
