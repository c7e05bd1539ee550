"""Authorization: every route with every role, and the response to a wrong key."""

import pytest

from api.app import create_app
from api.auth import ApiKeys
from tests.api.conftest import SERIAL, ApiHarness, config, problem

ROLES = {"cs": "customer_service", "wh": "warehouse", "st": "staff", "fi": "finance", "dev": "admin"}
CLAIM = "/v1/claims/clm_aaaaaaaaaaaaaaaa"
PLAN = "pln_aaaaaaaaaaaaaaaa"
LIMITED = {
    f"POST {CLAIM}/dispatch": {"wh"},
    f"POST {CLAIM}/return-scan": {"wh"},
    f"POST {CLAIM}/arrival": {"wh"},
    f"POST {CLAIM}/inspection": {"wh"},
    f"POST {CLAIM}/extension": {"st"},
    f"POST {CLAIM}/waiver": {"st"},
    f"POST {CLAIM}/decision": {"st"},
    f"POST {CLAIM}/repair-quote": {"st"},
    f"POST {CLAIM}/completion": {"wh"},
    f"POST /v1/devices/{SERIAL}/verification": {"st"},
    f"POST /v1/devices/{SERIAL}/owner": {"cs", "st"},
    f"GET {CLAIM}/ledger": {"fi"},
    f"GET {CLAIM}/evidence": {"fi", "st"},
    "GET /v1/reconciliations/latest": {"fi"},
    "GET /v1/dispatch-requests": {"wh", "st"},
}
FOR_ALL = [
    "GET /v1/products",
    "GET /v1/products/mavic-3",
    "POST /v1/devices",
    f"GET /v1/devices/{SERIAL}",
    f"POST /v1/devices/{SERIAL}/activation",
    f"POST /v1/devices/{SERIAL}/bindings",
    f"DELETE /v1/devices/{SERIAL}/bindings/current",
    f"POST /v1/devices/{SERIAL}/plans",
    f"POST /v1/devices/{SERIAL}/plans/{PLAN}/refund",
    f"GET /v1/devices/{SERIAL}/renewal",
    f"POST /v1/devices/{SERIAL}/renewals",
    f"POST /v1/devices/{SERIAL}/maintenance-codes",
    f"POST /v1/devices/{SERIAL}/cover-changes",
    "POST /v1/quotes",
    "POST /v1/claims",
    "GET /v1/claims",
    f"GET {CLAIM}",
    f"GET {CLAIM}/events",
    f"POST {CLAIM}/parts-choice",
    f"POST {CLAIM}/payment-method",
    f"POST {CLAIM}/cancel",
    f"POST {CLAIM}/found",
    f"POST {CLAIM}/repair-choice",
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


async def test_every_route_of_version_1_needs_a_key(harness: ApiHarness) -> None:
    for route in [*LIMITED, *FOR_ALL]:
        method, path = route.split()
        for headers in ({"Authorization": "Bearer nobody"}, {"Authorization": "Basic dev"}, {"Authorization": "dev"}):
            response = await harness.http.request(method, path, headers=headers)
            problem(response, 401, "unauthorized")
            assert response.headers["www-authenticate"] == "Bearer"


async def test_the_matrix_above_names_every_route(harness: ApiHarness) -> None:
    document = (await harness.http.get("/openapi.json")).json()
    named = {route.replace("clm_aaaaaaaaaaaaaaaa", "{claim_id}") for route in [*LIMITED, *FOR_ALL]}
    named = {route.replace(SERIAL, "{serial}").replace(PLAN, "{plan_id}") for route in named}
    named = {route.replace("mavic-3", "{model}") for route in named}
    routes = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert named | set(SIGNED) == {route for route in routes if " /v1" in route}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"])
async def test_operations_and_the_reference_need_no_key(harness: ApiHarness, path: str) -> None:
    response = await harness.http.get(path, headers={"Authorization": ""})
    assert response.status_code == 200


async def test_a_key_outside_latin_1_is_unauthorized(harness: ApiHarness) -> None:
    headers = [(b"Authorization", b"Bearer \xff\xfe\x80")]
    problem(await harness.http.get("/v1/claims", headers=headers), 401, "unauthorized")


async def test_production_knows_no_development_routes(sqlite_url: str, harness: ApiHarness) -> None:
    app = create_app(config(sqlite_url, development=False), claim_commands=harness.claim_commands)
    paths = app.openapi()["paths"]
    assert not [path for path in paths if "/dev/" in path]
    assert [path for path in paths if path == "/v1/claims"]


def test_an_unknown_role_fails_at_startup() -> None:
    with pytest.raises(ValueError):
        ApiKeys({"k": "king"})
