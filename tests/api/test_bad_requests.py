"""Every invalid request gets a problem that names the error, and never a 500."""

import json
from typing import Any

import pytest

from tests.api.conftest import IMPLEMENTATION, OWNER, SERIAL, SHIP_TO, ApiHarness, broken, express, lost, problem, worn

TREE = {"cause": "collision", "occurred_at": "2026-11-20T14:30:00Z"}

WRONG_FIELDS: list[tuple[dict[str, Any], str]] = [
    (express(tier="gold"), "tier"),
    (express(tier=None), "tier"),
    (express(serial_number=7), "serial_number"),
    (express(serial_number=""), "serial_number"),
    (express(serial_number=" - "), "serial_number"),
    (express(serial_number="SN\x00"), "serial_number"),
    (express(serial_number="SN\n1"), "serial_number"),
    (express(serial_number="S" * 65), "serial_number"),
    (express(serial_number="SN'; DROP"), "serial_number"),
    (express(serial_number=["SN"]), "serial_number"),
    (express(incident=None), "incident"),
    (express(incident="yesterday"), "incident"),
    (express(incident={"cause": "collision"}), "incident.occurred_at"),
    (express(incident=TREE | {"occurred_at": "2026-11-20T14:30:00"}), "incident.occurred_at"),
    (express(incident=TREE | {"occurred_at": "2026-11-20"}), "incident.occurred_at"),
    (express(incident=TREE | {"occurred_at": "2026-02-30T00:00:00Z"}), "incident.occurred_at"),
    (express(incident=TREE | {"occurred_at": "0001-01-01T00:00:00+14:00"}), "incident.occurred_at"),
    (express(incident=TREE | {"occurred_at": "9999-12-31T23:59:59-14:00"}), "incident.occurred_at"),
    (express(incident=TREE | {"occurred_at": 1700000000}), "incident.occurred_at"),
    (express(incident=TREE | {"occurred_at": 1e308}), "incident.occurred_at"),
    (express(incident=TREE | {"occurred_at": ""}), "incident.occurred_at"),
    (express(incident=TREE | {"cause": "boredom"}), "incident.cause"),
    (express(incident=TREE | {"description": "\x00"}), "incident.description"),
    (express(incident=TREE | {"description": "x" * 4001}), "incident.description"),
    (express(incident=TREE | {"weather": "rain"}), "incident.weather"),
    (express(replace_battery="yes"), "replace_battery"),
    (express(replace_battery=1), "replace_battery"),
    (express(accepted_terms="true"), "accepted_terms"),
    (express(payment_method=""), "payment_method"),
    (express(payment_method="x" * 256), "payment_method"),
    (express(payment_method="pm\nvisa"), "payment_method"),
    (express(ship_to=SHIP_TO | {"country": "USA"}), "ship_to.country"),
    (express(ship_to=SHIP_TO | {"name": "  "}), "ship_to.name"),
    (express(ship_to=SHIP_TO | {"line2": 2}), "ship_to.line2"),
    (express(ship_to=SHIP_TO | {"postal_code": "9" * 33}), "ship_to.postal_code"),
    (express(ship_to=[]), "ship_to"),
    (express(quote_id=""), "quote_id"),
    (express(colour="red"), "colour"),
    (express(service=None), "service"),
    (lost(confirmed_unrecoverable=None), "confirmed_unrecoverable"),
    (lost(flight_record="\x07"), "flight_record"),
    (lost(incident={"occurred_at": "2026-11-20T14:30:00Z", "cause": "flyaway"}), "incident.cause"),
    (lost(tier="premium"), "tier"),
    (broken(incident={"cause": "collision", "occurred_at": "2026-11-20T14:30:00Z"}), "incident.description"),
    (broken(incident=TREE | {"description": "  "}), "incident.description"),
    (broken(incident=TREE | {"description": "x", "cause": "magic"}), "incident.cause"),
    (broken(return_address=None), "return_address"),
    (broken(return_address=SHIP_TO | {"country": "U"}), "return_address.country"),
    (broken(payment_method="pm_card_visa"), "payment_method"),
    (broken(ship_to=SHIP_TO), "ship_to"),
    (worn(""), "maintenance_code"),
    (worn("MNT\n1"), "maintenance_code"),
    (worn("M" * 256), "maintenance_code"),
    (worn("MNT-AAAAAAAA", incident=TREE), "incident"),
    ({"serial_number": SERIAL}, "service"),
    ({}, "service"),
]


@pytest.mark.parametrize(("body", "field"), WRONG_FIELDS)
async def test_a_wrong_field_is_named_by_its_path(harness: ApiHarness, body: dict[str, Any], field: str) -> None:
    invalid = problem(await harness.http.post("/v1/claims", json=body), 422, "invalid_request")
    assert [error["field"] for error in invalid["errors"]] == [field]
    assert field in invalid["detail"]
    assert not IMPLEMENTATION.search(invalid["detail"])


async def test_every_wrong_field_is_named_at_once(harness: ApiHarness) -> None:
    body = express(tier="gold", colour="red", payment_method=7, replace_battery=None, accepted_terms=1, ship_to=[])
    invalid = problem(await harness.http.post("/v1/claims", json=body), 422, "invalid_request")
    named = {error["field"] for error in invalid["errors"]}
    assert named == {"tier", "colour", "payment_method", "replace_battery", "accepted_terms", "ship_to"}
    assert all(f"{field}: " in invalid["detail"] for field in named)


MONEY = {"amount": 100, "currency": "USD"}
ACTIONS: list[tuple[str, Any, str]] = [
    ("dispatch", {}, "replacement_serial_number"),
    ("dispatch", {"replacement_serial_number": "B1", "carrier": "x" * 201}, "carrier"),
    ("return-scan", {"carrier": "UPS"}, "tracking_number"),
    ("return-scan", {"carrier": "UPS", "tracking_number": "1Z", "scanned_at": "noon"}, "scanned_at"),
    ("arrival", {"arrived_at": 0}, "arrived_at"),
    ("arrival", {"reason": ""}, "reason"),
    ("inspection", {"serial_number": "A1", "genuine": True}, "components"),
    ("inspection", {"serial_number": "A1", "genuine": True, "components": ["wing"]}, "components.0"),
    ("inspection", {"serial_number": "A1", "genuine": True, "components": ["grip", "grip"]}, "components"),
    ("inspection", {"serial_number": "A1", "genuine": "no", "components": []}, "genuine"),
    ("inspection", {"serial_number": "A1", "genuine": True, "components": [], "photos": ["p"] * 51}, "photos"),
    ("inspection", {"serial_number": "", "genuine": True, "components": [], "not_genuine": ["grip"]}, "not_genuine"),
    ("inspection", {"serial_number": "A1", "genuine": False, "components": [], "not_genuine": ["grip"]}, "not_genuine"),
    ("extension", {"days": 0, "reason": "x"}, "days"),
    ("extension", {"days": 8, "reason": "x"}, "days"),
    ("extension", {"days": "3", "reason": "x"}, "days"),
    ("extension", {"days": 2.5, "reason": "x"}, "days"),
    ("extension", {"days": True, "reason": "x"}, "days"),
    ("extension", {"days": 3}, "reason"),
    ("waiver", {"reason": "   "}, "reason"),
    ("decision", {"approve": "yes"}, "approve"),
    ("parts-choice", {"choice": "keep"}, "choice"),
    ("payment-method", {}, "payment_method"),
    ("cancel", {"because": "x"}, "because"),
    ("cancel", [], "body"),
    ("found", {"where": "tree"}, "where"),
    ("repair-quote", {"findings": "", "amount": MONEY, "warranty": False}, "findings"),
    ("repair-quote", {"findings": "x", "amount": 100, "warranty": False}, "amount"),
    ("repair-quote", {"findings": "x", "amount": {"amount": 1}, "warranty": False}, "amount.currency"),
    ("repair-quote", {"findings": "x", "amount": MONEY | {"amount": -1}, "warranty": False}, "amount.amount"),
    ("repair-quote", {"findings": "x", "amount": MONEY | {"amount": 1.5}, "warranty": False}, "amount.amount"),
    ("repair-quote", {"findings": "x", "amount": MONEY | {"amount": 10**13}, "warranty": False}, "amount.amount"),
    ("repair-quote", {"findings": "x", "amount": MONEY | {"currency": "usd"}, "warranty": False}, "amount.currency"),
    ("repair-quote", {"findings": "x", "amount": MONEY, "warranty": "no"}, "warranty"),
    ("repair-choice", {"choice": "cash"}, "choice"),
    ("repair-choice", {"choice": "paid_repair"}, "payment_method"),
    ("repair-choice", {"choice": "replacement", "payment_method": ""}, "payment_method"),
    ("completion", {"repaired_serial_number": "no serial!"}, "repaired_serial_number"),
    ("completion", {"carrier": "UPS"}, "carrier"),
]


@pytest.mark.parametrize(("path", "body", "field"), ACTIONS)
async def test_a_wrong_action_is_never_passed_on(harness: ApiHarness, path: str, body: Any, field: str) -> None:
    response = await harness.http.post(f"/v1/claims/clm_aaaaaaaaaaaaaaaa/{path}", json=body)
    invalid = problem(response, 422, "invalid_request")
    assert [error["field"] for error in invalid["errors"]] == [field]
    assert harness.claim_commands.received == []
    assert not IMPLEMENTATION.search(invalid["detail"])


DEVICE = {"serial_number": SERIAL, "model": "mavic-3", "region": "US", "owner": OWNER}
DEVICES: list[tuple[str, dict[str, Any], str]] = [
    ("devices", DEVICE | {"model": "mavic-99"}, "model"),
    ("devices", DEVICE | {"model": "../etc"}, "model"),
    ("devices", DEVICE | {"region": "MOON"}, "region"),
    ("devices", DEVICE | {"region": "us"}, "region"),
    ("devices", DEVICE | {"owner": OWNER | {"email": "nobody"}}, "owner.email"),
    ("devices", DEVICE | {"owner": OWNER | {"email": "a\r\nb@c"}}, "owner.email"),
    ("devices", DEVICE | {"owner": OWNER | {"name": "A\nB"}}, "owner.name"),
    ("devices", DEVICE | {"activated_at": "2030-01-01T00:00:00Z"}, "activated_at"),
    (f"devices/{SERIAL}/bindings", {"remote_controller": ""}, "remote_controller"),
    (f"devices/{SERIAL}/bindings", {"remote_controller": "R", "bound_at": "2030-01-01T00:00:00Z"}, "bound_at"),
    (f"devices/{SERIAL}/plans", {"term": "3y", "payment_method": "pm"}, "term"),
    (f"devices/{SERIAL}/plans", {"term": "refresh_plus", "payment_method": "pm"}, "term"),
    (f"devices/{SERIAL}/activation", {"activated_at": "soon"}, "activated_at"),
    (f"dev/devices/{SERIAL}/terms", {"term": "1y", "starts_on": "2025-02-30"}, "starts_on"),
    (f"dev/devices/{SERIAL}/terms", {"term": "1y", "starts_on": 20250101}, "starts_on"),
    (f"dev/devices/{SERIAL}/terms", {"term": "1y", "starts_on": "9999-12-31"}, "starts_on"),
    (f"dev/devices/{SERIAL}/terms", {"term": "3y", "starts_on": "2025-01-01"}, "term"),
    ("dev/reminders/run", {}, "as_of"),
    ("dev/reminders/run", {"as_of": "2027-09-24T09:00:00Z"}, "as_of"),
    (f"devices/{SERIAL}/verification", {"approved_at": "2030-01-01T00:00:00Z"}, "approved_at"),
    (f"devices/{SERIAL}/verification", {"by": "Ada"}, "by"),
    (f"devices/{SERIAL}/renewals", {}, "payment_method"),
    (f"devices/{SERIAL}/renewals", {"payment_method": "pm", "term": "2y"}, "term"),
    (f"devices/{SERIAL}/plans/pln_a/refund", {"amount": 1}, "amount"),
    (f"devices/{SERIAL}/maintenance-codes", {"code": "MNT-AAAAAAAA"}, "code"),
    (f"devices/{SERIAL}/owner", {"name": "Ada"}, "email"),
    (f"devices/{SERIAL}/owner", OWNER | {"phone": "1"}, "phone"),
    (f"devices/{SERIAL}/cover-changes", {"change": "double"}, "change"),
    ("quotes", {"service": "care_express", "serial_number": SERIAL}, "tier"),
    ("quotes", {"service": "maintenance", "serial_number": SERIAL}, "service"),
]


@pytest.mark.parametrize(("path", "body", "field"), DEVICES)
async def test_a_wrong_device_command_names_its_field(
    harness: ApiHarness, path: str, body: dict[str, Any], field: str
) -> None:
    if path != "devices":
        await harness.covered()
    invalid = problem(await harness.http.post(f"/v1/{path}", json=body), 422, "invalid_request")
    assert [error["field"] for error in invalid["errors"]] == [field]
    assert not IMPLEMENTATION.search(invalid["detail"])


@pytest.mark.parametrize("serial", ["NOBODY", "%00", "%F0%9F%9A%81", "a" * 300, "..%2F..", "SN%27", "%20"])
async def test_an_unregistered_serial_number_is_not_found(harness: ApiHarness, serial: str) -> None:
    problem(await harness.http.get(f"/v1/devices/{serial}"), 404, "not_found")
    bind = {"remote_controller": "RC"}
    problem(await harness.http.post(f"/v1/devices/{serial}/bindings", json=bind), 404, "not_found")
    plan = {"term": "1y", "payment_method": "pm_card_visa"}
    problem(await harness.http.post(f"/v1/devices/{serial}/plans", json=plan), 404, "not_found")
    problem(await harness.http.delete(f"/v1/devices/{serial}/bindings/current"), 404, "not_found")


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v2/claims", "/v1/claims/", "/v1/products/mavic-3/x", "//v1/claims"]
)
async def test_an_unknown_page_is_a_problem(harness: ApiHarness, path: str) -> None:
    response = await harness.http.get(f"http://api{path}")
    problem(response, 404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "BREW"])
async def test_an_unknown_method_is_a_problem(harness: ApiHarness, method: str) -> None:
    response = await harness.http.request(method, "/v1/claims")
    problem(response, 405, "method_not_allowed")
    assert response.headers["allow"]


@pytest.mark.parametrize("value", ["-1", "x", "9" * 40])
async def test_a_bad_timeline_cursor_is_named(harness: ApiHarness, value: str) -> None:
    claim = await harness.claimed()
    url = claim["links"]["events"]
    problem(await harness.http.get(url, params={"cursor": value}), 422, "invalid_request")
    problem(await harness.http.get(url, headers={"Last-Event-ID": value}), 422, "invalid_request")


async def test_an_internal_error_reveals_no_details(harness: ApiHarness) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret is 42")

    harness.app.state.services.queries.catalogue = broken
    fault = problem(await harness.http.get("/v1/products"), 500, "internal_error")
    assert "42" not in json.dumps(fault)


async def test_an_unavailable_database_is_503(harness: ApiHarness) -> None:
    from sqlmodel import text

    async with harness.database.transaction() as session:
        await session.exec(text("DROP TABLE http_requests"))  # type: ignore[call-overload]
        await session.exec(text("DROP TABLE catalogue_releases"))  # type: ignore[call-overload]
    response = await harness.http.get("/v1/products")
    problem(response, 503, "unavailable")
    assert response.headers["retry-after"]
    response = await harness.http.post("/v1/quotes", json={}, headers={"Idempotency-Key": "k"})
    problem(response, 503, "unavailable")


@pytest.mark.parametrize(
    "path", ["/v1/claims/x%0d%0aX-Planted:%20y", "/v1/devices/x%0aX-Planted:%20y", "/x%0d%0a%0d%0a"]
)
async def test_a_line_break_in_a_path_makes_no_header(harness: ApiHarness, path: str) -> None:
    response = await harness.http.get(path, headers={"X-Request-Id": "a\tb"})
    assert response.status_code in (404, 422)
    assert "x-planted" not in response.headers
    assert not any(b"\r" in each or b"\n" in each for header in response.headers.raw for each in header)
