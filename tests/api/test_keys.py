"""Authorization: every route with every role, and the response to a wrong key."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from starlette.types import Message, Receive, Scope, Send

from api.app import create_app
from api.auth import ApiKeys
from api.authentication import AuthenticationMiddleware
from api.key_guard import BURST, REFILL_SECONDS, KeyGuard
from api.rate_limit import RateLimits, address_of
from tests.api.conftest import KEYS, SERIAL, ApiHarness, config, problem
from tests.roles_table import main, permissions

ROLES = {"cs": "customer_service", "wh": "warehouse", "st": "staff", "fi": "finance", "dev": "admin"}
CLAIM = "/v1/claims/clm_aaaaaaaaaaaaaaaa"
PLAN = "pln_aaaaaaaaaaaaaaaa"
PARCEL = "evt_aaaaaaaaaaaaaaaa"
KEY = "key_aaaaaaaaaaaaaaaa"
CUSTOMERS = {"cs", "st"}
"""Who acts for customers."""
LIMITED = {
    "POST /v1/devices": CUSTOMERS,
    f"GET /v1/devices/{SERIAL}": {"cs", "st", "fi"},
    f"POST /v1/devices/{SERIAL}/activation": CUSTOMERS,
    f"POST /v1/devices/{SERIAL}/bindings": CUSTOMERS,
    f"DELETE /v1/devices/{SERIAL}/bindings/current": CUSTOMERS,
    f"GET /v1/devices/{SERIAL}/plans": {"cs", "st", "fi"},
    f"POST /v1/devices/{SERIAL}/plans": CUSTOMERS,
    f"POST /v1/devices/{SERIAL}/plans/{PLAN}/refund": CUSTOMERS,
    f"GET /v1/devices/{SERIAL}/renewal": CUSTOMERS,
    f"POST /v1/devices/{SERIAL}/renewals": CUSTOMERS,
    f"POST /v1/devices/{SERIAL}/maintenance-codes": CUSTOMERS,
    f"POST /v1/devices/{SERIAL}/cover-changes": CUSTOMERS,
    f"POST /v1/devices/{SERIAL}/plans/{PLAN}/decision": {"st"},
    "GET /v1/plan-questions": {"st"},
    f"POST /v1/devices/{SERIAL}/verification": {"st"},
    f"POST /v1/devices/{SERIAL}/region": {"st"},
    f"POST /v1/devices/{SERIAL}/owner": CUSTOMERS,
    f"PATCH /v1/devices/{SERIAL}/owner": CUSTOMERS,
    "GET /v1/devices": {"cs", "st", "fi"},
    "POST /v1/quotes": CUSTOMERS,
    "POST /v1/claims": CUSTOMERS,
    f"POST {CLAIM}/dispatch": {"wh"},
    f"POST {CLAIM}/return-scan": {"wh"},
    f"POST {CLAIM}/arrival": {"wh"},
    f"POST {CLAIM}/inspection": {"wh"},
    f"POST {CLAIM}/completion": {"wh"},
    f"POST {CLAIM}/extension": {"st"},
    f"POST {CLAIM}/waiver": {"st"},
    f"POST {CLAIM}/decision": {"st"},
    f"POST {CLAIM}/replacement-undo": {"st"},
    f"POST {CLAIM}/replacement-resend": {"st"},
    f"POST {CLAIM}/repair-quote": {"st"},
    f"POST {CLAIM}/repair-quote-withdrawal": {"st"},
    f"POST {CLAIM}/repair-stop": {"st"},
    f"POST {CLAIM}/parts-choice": CUSTOMERS,
    f"POST {CLAIM}/payment-method": CUSTOMERS,
    f"POST {CLAIM}/cancel": CUSTOMERS,
    f"POST {CLAIM}/found": CUSTOMERS,
    f"POST {CLAIM}/repair-choice": CUSTOMERS,
    f"PATCH {CLAIM}/ship-to": CUSTOMERS,
    f"GET {CLAIM}/ledger": {"fi"},
    f"GET {CLAIM}/evidence": {"fi", "st"},
    "GET /v1/reconciliations/latest": {"fi"},
    "GET /v1/dispatch-requests": {"wh", "st"},
    "GET /v1/unclaimed-parcels": {"wh", "st"},
    "POST /v1/unclaimed-parcels": {"wh"},
    "GET /v1/audit": {"st"},
    "GET /v1/keys": set(),
    "POST /v1/keys": set(),
    f"POST /v1/keys/{KEY}/rotation": set(),
    f"POST /v1/keys/{KEY}/revocation": set(),
    f"POST /v1/unclaimed-parcels/{PARCEL}/settlement": {"wh", "st"},
}
FOR_ALL = [
    "GET /v1/products",
    "GET /v1/products/mavic-3",
    "GET /v1/claims",
    f"GET {CLAIM}",
    f"GET {CLAIM}/events",
    "POST /v1/dev/claims/clm_aaaaaaaaaaaaaaaa/fast-forward",
    f"POST /v1/dev/devices/{SERIAL}/terms",
    "POST /v1/dev/reminders/run",
]

SIGNED = ["POST /v1/webhooks/payments/{gateway}", "POST /v1/webhooks/carriers/{carrier}"]
"""Open to every signed request, with or without a key; checked in tests/webhooks."""


async def test_every_role_has_exactly_the_permissions_of_the_contract(harness: ApiHarness) -> None:
    for route in [*LIMITED, *FOR_ALL]:
        method, path = route.split()
        allowed = LIMITED.get(route, set(ROLES)) | {"dev"}
        for key, role in ROLES.items():
            response = await harness.http.request(method, path, headers={"Authorization": f"Bearer {key}"})
            if key in allowed:
                assert response.status_code not in (401, 403), (route, role)
            else:
                assert role in problem(response, 403, "forbidden")["detail"], (route, role)


def test_the_table_of_the_documents_is_that_of_the_routes() -> None:
    assert main(["--check"]) == 0


def test_the_table_says_what_the_matrix_above_says() -> None:
    found = {
        (route, ROLES[key])
        for route, keys in (LIMITED | {route: set(ROLES) - {"dev"} for route in FOR_ALL}).items()
        for key in keys
    }
    table = {(route, str(role)) for route, roles in permissions().items() for role in roles}
    assert table == {(_template(route), role) for route, role in found if "/v1/dev/" not in route}


async def test_finance_sees_no_owner(harness: ApiHarness) -> None:
    await harness.covered()
    path = f"/v1/devices/{SERIAL}"
    page = (await harness.http.get(path, headers={"Authorization": "Bearer fi"})).json()
    assert (page["owner"], page["serial_number"]) == (None, SERIAL)
    assert (await harness.http.get(path, headers={"Authorization": "Bearer cs"})).json()["owner"]["name"] == "Ada"


async def test_every_route_of_version_1_needs_a_key(harness: ApiHarness) -> None:
    for route in [*LIMITED, *FOR_ALL]:
        method, path = route.split()
        for authorization in ("Bearer nobody", "Bearer", "Bearer ", "Basic dev", "dev"):
            async with from_address(harness, uuid4().hex) as http:
                response = await http.request(method, path, headers={"Authorization": authorization})
            problem(response, 401, "unauthorized")
            assert response.headers["www-authenticate"] == "Bearer"


async def test_the_matrix_above_names_every_route(harness: ApiHarness) -> None:
    document = (await harness.http.get("/openapi.json")).json()
    named = {_template(route) for route in [*LIMITED, *FOR_ALL]}
    routes = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert named | set(SIGNED) == {route for route in routes if " /v1" in route}


def _template(route: str) -> str:
    """The route as its application names it."""
    route = (
        route.replace("clm_aaaaaaaaaaaaaaaa", "{claim_id}").replace(PLAN, "{plan_id}").replace(PARCEL, "{parcel_id}")
    )
    route = route.replace(KEY, "{key_id}")
    return route.replace(SERIAL, "{serial}").replace("mavic-3", "{model}")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"])
async def test_operations_and_the_reference_need_no_key(harness: ApiHarness, path: str) -> None:
    response = await harness.http.get(path, headers={"Authorization": ""})
    assert response.status_code == 200


@pytest.mark.parametrize("opened", [set(), {"docs"}, {"metrics"}])
async def test_reference_and_metrics_are_served_only_when_asked_for(
    sqlite_url: str, harness: ApiHarness, opened: set[str]
) -> None:
    changes = {"development": False, "open_pages": frozenset(opened)}
    app = create_app(config(sqlite_url, **changes), claim_commands=harness.claim_commands)
    pages = {"/docs": "docs", "/docs/files/swagger-ui.css": "docs", "/openapi.json": "docs"}
    pages |= {"/metrics": "metrics", "/v1/metrics": "metrics"}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://api") as http:
        for path, name in pages.items():
            for headers in ({}, {"Authorization": "Bearer dev"}):
                response = await http.get(path, headers=headers)
                assert response.status_code == (200 if name in opened else 404), path
        assert (await http.get("/healthz")).status_code == 200


async def test_a_key_outside_latin_1_is_unauthorized(harness: ApiHarness) -> None:
    headers = [(b"Authorization", b"Bearer \xff\xfe\x80")]
    problem(await harness.http.get("/v1/claims", headers=headers), 401, "unauthorized")


async def test_production_knows_no_development_routes(sqlite_url: str, harness: ApiHarness) -> None:
    app = create_app(config(sqlite_url, development=False), claim_commands=harness.claim_commands)
    paths = app.openapi()["paths"]
    assert not [path for path in paths if "/dev/" in path]
    assert [path for path in paths if path == "/v1/claims"]


@pytest.mark.parametrize("keys", [{"k": "king"}, {"": "admin"}])
def test_an_unknown_role_and_an_empty_key_fail_at_startup(keys: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        ApiKeys(keys)


def from_address(harness: ApiHarness, address: str, app: Any = None) -> httpx2.AsyncClient:
    """A client without a key, at another address than the harness's."""
    transport = httpx2.ASGITransport(app or harness.app, client=(address, 4711))
    return httpx2.AsyncClient(transport=transport, base_url="http://api")


async def test_wrong_keys_are_slowed_down_by_address_and_known_clients_go_on(harness: ApiHarness) -> None:
    app = AuthenticationMiddleware(harness.app, ApiKeys(KEYS), KeyGuard(lambda: 0.0), RateLimits())
    async with from_address(harness, "192.0.2.1", app) as http:
        assert (await http.get("/v1/claims", headers={"Authorization": "Bearer wh"})).status_code == 200
        answers = [await http.get("/v1/claims", headers={"Authorization": f"Bearer {n}"}) for n in range(300)]
        assert [each.status_code for each in answers] == [401] * BURST + [429] * (300 - BURST)
        problem(answers[-1], 429, "too_many_requests")
        assert answers[-1].headers["retry-after"] == "6"
        # A right guess is told apart from a wrong one no sooner; who was here before is not affected.
        assert (await http.get("/v1/claims", headers={"Authorization": "Bearer st"})).status_code == 429
        assert (await http.get("/v1/claims", headers={"Authorization": "Bearer wh"})).status_code == 200
        assert (await http.get("/healthz")).status_code == 200
    async with from_address(harness, "192.0.2.2", app) as http:
        assert (await http.get("/v1/claims", headers={"Authorization": "Bearer st"})).status_code == 200


def test_another_key_may_be_tried_every_few_seconds() -> None:
    clock = [0.0]
    guard = KeyGuard(lambda: clock[0])
    for _ in range(BURST):
        assert guard.seconds_to_wait("a", None) == 0
        guard.wrong("a")
    assert guard.seconds_to_wait("a", None) == REFILL_SECONDS
    clock[0] += REFILL_SECONDS
    assert guard.seconds_to_wait("a", "owner") == 0
    guard.wrong("a")
    assert guard.seconds_to_wait("a", "owner") == REFILL_SECONDS
    guard.right("a", "owner")
    assert guard.seconds_to_wait("a", "owner") == 0


def test_one_ipv6_network_is_one_address() -> None:
    first, second = ({"client": (host, 1)} for host in ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"))
    assert address_of(first) == address_of(second) == "2001:db8:0:1::/64"
    assert address_of({"client": ("192.0.2.1", 1)}) == "192.0.2.1"
    assert address_of({"client": None}) == "unknown"


async def test_a_body_without_a_key_is_refused_before_it_is_read(harness: ApiHarness) -> None:
    happened: list[str] = []

    async def body() -> AsyncIterator[bytes]:
        happened.append("http.request")
        yield b"{"

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def watch(message: Message) -> None:
            happened.append(message["type"])
            await send(message)

        await harness.app(scope, receive, watch)

    headers = {"Authorization": "Bearer nobody", "Content-Type": "application/json"}
    async with from_address(harness, "192.0.2.3", app) as http:
        response = await http.post("/v1/claims", content=body(), headers=headers)
    problem(response, 401, "unauthorized")
    assert response.headers["connection"] == "close"
    assert happened[:2] == ["http.response.start", "http.response.body"]
