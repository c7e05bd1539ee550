"""API keys of the database over HTTP: made once, narrowed, rotated, revoked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx2
from sqlmodel import select

from api.app import create_app
from api.auth import ApiKeys
from api.scopes import AREAS
from api.stored_keys import KnownKeys
from store.api_keys import StoredApiKeys
from store.database import Database
from store.tables.http_requests import HttpRequestRow
from tests.api.conftest import NOW, SERIAL, ApiHarness, config, problem


async def made(harness: ApiHarness, **fields: Any) -> dict[str, Any]:
    response = await harness.http.post("/v1/keys", json={"owner": "Depot Portland", "role": "warehouse"} | fields)
    assert response.status_code == 201, response.text
    key: dict[str, Any] = response.json()
    return key


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_new_key_has_its_role_and_its_token_is_shown_once(harness: ApiHarness) -> None:
    key = await made(harness, expires_at="2027-11-30T00:00:00Z")
    assert (key["owner"], key["role"], key["created_by"]) == ("Depot Portland", "warehouse", "admin")
    assert key["token"].startswith(f"{key['id']}.")
    assert (await harness.http.get("/v1/dispatch-requests", headers=bearer(key["token"]))).status_code == 200
    refused = await harness.http.get("/v1/plan-questions", headers=bearer(key["token"]))
    assert "the key's role is warehouse" in problem(refused, 403, "forbidden")["detail"]
    listed = (await harness.http.get("/v1/keys")).json()
    assert listed == {"items": [{name: value for name, value in key.items() if name != "token"}], "next_cursor": None}


async def test_no_repeated_request_shows_the_token_again(harness: ApiHarness) -> None:
    headers = {"Idempotency-Key": "new-key"}
    body = {"owner": "Depot Portland", "role": "warehouse"}
    first = await harness.http.post("/v1/keys", json=body, headers=headers)
    again = await harness.http.post("/v1/keys", json=body, headers=headers)
    assert first.json()["id"] in problem(again, 409, "conflict")["detail"]
    rotated = await harness.http.post(f"/v1/keys/{first.json()['id']}/rotation", headers={"Idempotency-Key": "another"})
    assert rotated.status_code == 201
    async with harness.database.snapshot() as session:
        stored = [row.body or "" for row in (await session.exec(select(HttpRequestRow))).all()]
    assert len(stored) == 2
    for response in (first, rotated):
        assert response.json()["token"].partition(".")[2] not in "".join(stored)


async def test_a_key_of_the_past_is_not_made(harness: ApiHarness) -> None:
    body = {"owner": "Ada", "role": "staff", "expires_at": "2026-11-23T10:00:00Z"}
    response = await harness.http.post("/v1/keys", json=body)
    assert problem(response, 422, "invalid_request")["errors"][0]["field"] == "expires_at"
    unknown = await harness.http.post("/v1/keys", json={"owner": "Ada", "role": "staff", "scopes": ["claim"]})
    assert "claims:read" in problem(unknown, 422, "invalid_request")["detail"]


async def test_scopes_narrow_the_role(harness: ApiHarness) -> None:
    cases = {
        ("claims:read", "products"): {"GET /v1/claims": True, "POST /v1/claims": False, "GET /v1/products": True},
        ("claims",): {"GET /v1/claims": True, "POST /v1/claims": True, f"GET /v1/devices/{SERIAL}": False},
        ("read",): {f"GET /v1/devices/{SERIAL}": True, "POST /v1/claims": False, "GET /v1/plan-questions": True},
    }
    for scopes, expected in cases.items():
        token = (await made(harness, role="staff", scopes=scopes))["token"]
        for route, allowed in expected.items():
            method, path = route.split()
            response = await harness.http.request(method, path, headers=bearer(token))
            assert (response.status_code != 403) is allowed, (scopes, route)
    token = (await made(harness, role="finance", scopes=["plan-questions"]))["token"]
    response = await harness.http.get("/v1/plan-questions", headers=bearer(token))
    assert problem(response, 403, "forbidden")["detail"].startswith("This needs the role staff")


async def test_the_scopes_are_the_areas_of_the_routes(harness: ApiHarness) -> None:
    paths = (await harness.http.get("/openapi.json")).json()["paths"]
    assert {path.split("/")[2] for path in paths if path.startswith("/v1/")} - {"dev", "webhooks"} == AREAS


async def test_a_revoked_key_ends_everywhere_within_five_seconds(harness: ApiHarness, sqlite_url: str) -> None:
    key = await made(harness)
    headers = bearer(key["token"])
    async with another_process(harness, sqlite_url) as other:
        for http in (harness.http, other):
            assert (await http.get("/v1/claims", headers=headers)).status_code == 200
        revoked = await harness.http.post(f"/v1/keys/{key['id']}/revocation")
        assert (revoked.status_code, revoked.json()["revoked_by"]) == (200, "admin")
        harness.later(seconds=5)
        for http in (harness.http, other):
            problem(await http.get("/v1/claims", headers=headers), 401, "unauthorized")
    problem(await harness.http.post(f"/v1/keys/{key['id']}/rotation"), 409, "conflict")
    for path in ("/v1/keys/key_aaaaaaaaaaaaaaaa/rotation", "/v1/keys/key_aaaaaaaaaaaaaaaa/revocation", "/v1/keys/x/y"):
        problem(await harness.http.post(path), 404, "not_found")


async def test_the_old_token_works_until_the_overlap_ends_and_not_a_second_longer(harness: ApiHarness) -> None:
    key = await made(harness)
    rotated = await harness.http.post(f"/v1/keys/{key['id']}/rotation", json={"overlap_hours": 1})
    old, new = bearer(key["token"]), bearer(rotated.json()["token"])
    harness.later(seconds=3598)
    assert (await harness.http.get("/v1/claims", headers=old)).status_code == 200
    harness.later(seconds=2)  # it is remembered, and the overlap ends meanwhile
    problem(await harness.http.get("/v1/claims", headers=old), 401, "unauthorized")
    assert (await harness.http.get("/v1/claims", headers=new)).status_code == 200


async def test_a_request_repeated_with_a_rotated_key_gets_the_first_response(harness: ApiHarness) -> None:
    await harness.covered()
    key = await made(harness, role="staff")
    rotated = (await harness.http.post(f"/v1/keys/{key['id']}/rotation")).json()
    incident = {"cause": "collision", "occurred_at": "2026-11-20T14:30:00Z"}
    body = {"service": "care_express", "tier": "standard", "serial_number": SERIAL, "incident": incident}
    ids = []
    for token in (key["token"], rotated["token"]):
        headers = bearer(token) | {"Idempotency-Key": "quote"}
        ids.append((await harness.http.post("/v1/quotes", json=body, headers=headers)).json()["id"])
    assert ids[0] == ids[1]


async def test_the_use_of_a_key_is_stored_apart_from_the_request(harness: ApiHarness) -> None:
    key = await made(harness)
    stored = StoredApiKeys(harness.database)
    keys = KnownKeys(ApiKeys({}), stored, harness.now)
    for _ in range(3):
        assert await keys.caller(key["token"]) is not None
        harness.later(seconds=3)
    await keys.write_uses()
    found = await stored.get(key["id"])
    assert found is not None
    assert found.last_used_at == NOW + timedelta(seconds=6)


async def test_keys_of_the_environment_need_no_database_and_others_get_503(harness: ApiHarness) -> None:
    token = (await made(harness))["token"]
    away = KnownKeys(ApiKeys({"dev": "admin"}), StoredApiKeys(Database("sqlite:////nowhere/at/all.db")), harness.now)
    assert await away.caller("dev") is not None
    assert await away.caller("key_aaaaaaaaaaaaaaaa.short") is None
    app = create_app(config("sqlite:////nowhere/at/all.db"), claim_commands=harness.claim_commands)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://api") as http:
        response = await http.get("/v1/claims", headers=bearer(token))
    problem(response, 503, "unavailable")
    assert response.headers["retry-after"]


@asynccontextmanager
async def another_process(harness: ApiHarness, url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Another application on the same database."""
    app = create_app(config(url), claim_commands=harness.claim_commands, now=harness.now)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://api") as http,
    ):
        yield http
