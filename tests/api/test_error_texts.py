"""What an error says: JSON's types, the values allowed, an example; nothing of the implementation."""

from typing import Any

import pytest

from tests.api.conftest import OWNER, SERIAL, SHIP_TO, ApiHarness, express, problem

DEVICE = {"serial_number": SERIAL, "model": "mavic-3", "region": "US", "owner": OWNER}
TEXTS: list[tuple[str, Any, str, str]] = [
    ("claims", express(service="cleaning"), "service", "care_express, flyaway, online_repair, maintenance"),
    ("claims", express(tier="gold"), "tier", "must be one of standard, premium"),
    ("claims", express(serial_number=7), "serial_number", "must be text"),
    ("claims", express(incident="yesterday"), "incident", "must be an object"),
    ("claims", express(replace_battery="yes"), "replace_battery", "must be true or false"),
    ("claims", express(payment_method=""), "payment_method", "must not be empty"),
    ("claims", express(ship_to=SHIP_TO | {"country": "USA"}), "ship_to.country", "a country"),
    ("claims", express(incident={"cause": "collision", "occurred_at": "noon"}), "incident.occurred_at", "an instant"),
    (f"devices/{SERIAL}/plans", {"term": "3y", "payment_method": "pm"}, "term", "must be one of 1y, 2y"),
    ("devices", DEVICE | {"model": "../etc"}, "model", "must be a slug"),
    ("devices", DEVICE | {"region": "us"}, "region", "must be a region's code"),
    ("devices", DEVICE | {"owner": OWNER | {"email": "nobody"}}, "owner.email", "is no mail address"),
    ("dev/reminders/run", {"as_of": "2027-09-24T09:00:00Z"}, "as_of", "must be a day"),
    ("claims/clm_a/inspection", {"serial_number": "A", "genuine": True, "components": 7}, "components", "a list"),
    ("claims/clm_a/extension", {"days": 8, "reason": "x"}, "days", "must be 7 or less"),
    ("claims/clm_a/extension", {"days": 2.5, "reason": "x"}, "days", "must be a whole number"),
    ("dev/claims/clm_a/fast-forward", {"days": 0}, "days", "must be more than 0"),
    ("dev/claims/clm_a/fast-forward", {"until": "soon"}, "until", "must be due"),
]


@pytest.mark.parametrize(("path", "body", "field", "text"), TEXTS)
async def test_a_wrong_field_is_explained(harness: ApiHarness, path: str, body: Any, field: str, text: str) -> None:
    invalid = problem(await harness.http.post(f"/v1/{path}", json=body), 422, "invalid_request")
    (error,) = invalid["errors"]
    assert error["field"] == field
    assert text in error["message"]


@pytest.mark.parametrize(
    ("key", "text"), [("a\x7f", "visible ASCII"), (" ", "visible ASCII"), ("k" * 201, "at most 200")]
)
async def test_a_wrong_idempotency_key_is_explained(harness: ApiHarness, key: str, text: str) -> None:
    response = await harness.http.post("/v1/quotes", json={}, headers={"Idempotency-Key": key})
    (error,) = [e for e in problem(response, 422, "invalid_request")["errors"] if e["field"] == "Idempotency-Key"]
    assert text in error["message"]


@pytest.mark.parametrize(
    ("query", "text"),
    [({"state": "lost"}, "must be one of submitted, "), ({"limit": "many"}, "whole number"), ({"limit": 201}, "200")],
)
async def test_a_wrong_filter_is_explained(harness: ApiHarness, query: dict[str, Any], text: str) -> None:
    invalid = problem(await harness.http.get("/v1/claims", params=query), 422, "invalid_request")
    assert text in invalid["errors"][0]["message"]
