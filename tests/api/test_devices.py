"""Devices, bindings, plans and the catalogue over HTTP."""

from typing import Any

import pytest

from messages.claims import OwnerCorrected
from tests.api.conftest import OWNER, SERIAL, ApiHarness, problem

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
    assert response.json()["care"]["periods"] == [
        {"term": "1y", "starts_on": "2026-11-28", "ends_on": "2027-11-28", "question": None}
    ]


async def test_a_remote_controller_is_bound_and_unbound(harness: ApiHarness) -> None:
    await harness.covered(bound=False)
    response = await harness.http.post(f"/v1/devices/{SERIAL}/bindings", json={"remote_controller": "RC-7"})
    assert response.status_code == 201
    assert response.json()["binding"] == {
        "remote_controller": "RC-7",
        "bound_at": "2026-11-23T10:00:00Z",
        "counts_for_flyaway": True,
    }
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


async def test_a_slip_of_the_owners_address_is_corrected_with_an_open_case(harness: ApiHarness) -> None:
    """R-XFR-2; the transfer to somebody else stays refused (R-XFR-1)."""
    claim = await harness.claimed()
    url = f"/v1/devices/{SERIAL}/owner"
    problem(await harness.http.post(url, json=OWNER | {"email": "grace@example.com"}), 409, "conflict")
    answer = await harness.http.patch(url, json={"email": "ada.byron@example.com", "language": "en-US"})
    assert answer.status_code == 200, answer.text
    corrected = OWNER | {"email": "ada.byron@example.com", "phone": None, "language": "en-US"}
    assert (answer.json()["owner"], answer.json()["binding"] is not None) == (corrected, True)
    event = harness.claim_commands.received[-1]
    assert isinstance(event, OwnerCorrected)
    assert (event.actor, event.mail_address, answer.json()["open_claim_id"]) == ("admin", True, claim["id"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "a,b@example.com>"}, "email"),
        ({"email": "ada@localhost"}, "email"),
        ({"name": None}, "name"),
        ({"phone": "call me"}, "phone"),
        ({"language": "English"}, "language"),
        ({"address": "x"}, "address"),
    ],
)
async def test_a_wrong_correction_is_refused_at_its_field(
    harness: ApiHarness, body: dict[str, Any], field: str
) -> None:
    await harness.covered()
    refused = problem(await harness.http.patch(f"/v1/devices/{SERIAL}/owner", json=body), 422, "invalid_request")
    assert [error["field"] for error in refused["errors"]] == [field]


async def test_an_owners_devices_and_claims_are_found_by_the_mail_address(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    for serial, email in (("SECOND1", "ada@example.com"), ("OTHERS1", "grace@example.com")):
        harness.later(minutes=1)
        body = DEVICE | {"serial_number": serial, "owner": {"name": "A", "email": email}}
        assert (await harness.http.post("/v1/devices", json=body)).status_code == 201
    seen, cursor = [], ""
    while True:
        url = f"/v1/devices?owner_email=ADA@Example.com&limit=1{cursor}"
        page = (await harness.http.get(url)).json()
        seen += [device["serial_number"] for device in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ["SECOND1", SERIAL]
    found = (await harness.http.get("/v1/claims?owner_email=ada@example.com")).json()["items"]
    assert [each["id"] for each in found] == [claim["id"]]
    assert (await harness.http.get("/v1/claims?owner_email=grace@example.com")).json()["items"] == []
    finance = {"Authorization": "Bearer fi"}
    page = (await harness.http.get("/v1/devices?owner_email=ada@example.com", headers=finance)).json()
    assert [device["owner"] for device in page["items"]] == [None, None]
    problem(await harness.http.get("/v1/devices?owner_email=ada"), 422, "invalid_request")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        *(("q=ada", True), ("q=ADA@example", True), (f"q={SERIAL[:6]}", True), ("q=arsh", False)),
        *(("region=US", True), ("region=AU", False), ("model=mavic-3", True), ("model=mini-3&q=ada", False)),
        *(("care=active", True), ("care=none", False), ("care=ending&region=US", False)),
    ],
)
async def test_devices_are_found_by_each_filter_and_finance_sees_no_owner(
    harness: ApiHarness, query: str, found: bool
) -> None:
    await harness.covered()
    page = (await harness.http.get(f"/v1/devices?{query}")).json()
    assert [device["serial_number"] for device in page["items"]] == [SERIAL] * found
    assert all(device["owner"]["email"] == OWNER["email"] for device in page["items"])
    finance = {"Authorization": "Bearer fi"}
    page = (await harness.http.get(f"/v1/devices?{query}", headers=finance)).json()
    assert [device["owner"] for device in page["items"]] == [None] * found
    warehouse = {"Authorization": "Bearer wh"}
    problem(await harness.http.get(f"/v1/devices?{query}", headers=warehouse), 403, "forbidden")


@pytest.mark.parametrize(("query", "field"), [("", "q"), ("limit=3", "q"), ("q=a", "q"), ("care=gone", "care")])
async def test_a_list_of_devices_needs_a_valid_filter(harness: ApiHarness, query: str, field: str) -> None:
    refused = problem(await harness.http.get(f"/v1/devices?{query}"), 422, "invalid_request")
    assert [error["field"] for error in refused["errors"]] == [field]


async def test_claims_are_found_by_what_their_owner_tells(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    for q, expected in (("ada", [claim["id"]]), (SERIAL[:6], [claim["id"]]), ("grace", [])):
        found = (await harness.http.get(f"/v1/claims?q={q}")).json()["items"]
        assert [each["id"] for each in found] == expected


async def test_a_claim_is_found_by_a_scanned_parcel(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    body = {"carrier": "UPS", "tracking_number": "1Z 998"}
    assert (await harness.http.post(f"/v1/claims/{claim['id']}/return-scan", json=body)).status_code == 202
    for number, expected in (("1z998", [claim["id"]]), ("1Z-998", [claim["id"]]), ("1Z9", [])):
        found = (await harness.http.get(f"/v1/claims?tracking_number={number}")).json()["items"]
        assert [each["id"] for each in found] == expected
    problem(await harness.http.get("/v1/claims?tracking_number="), 422, "invalid_request")
