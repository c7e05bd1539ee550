"""Rate limits of keys and addresses: what is counted, what the response says, and what is never limited."""

from typing import Any

import httpx2
import pytest

from api.app import create_app
from api.auth import ApiKeys
from api.authentication import AuthenticationMiddleware
from api.key_guard import KeyGuard
from api.openapi_operations import OPERATION_IDS
from api.rate_limit import MAX_NAMES, Buckets, RateLimits
from tests.api.conftest import KEYS, ApiHarness, config, express, problem
from tests.api.test_slow_clients import closed, connected, post, served

FIELDS = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")


class Limited:
    """The application with limits of its own and a clock that the test moves."""

    def __init__(self, harness: ApiHarness, per_key: int = 0, per_address: int = 0) -> None:
        self.time = 1000.0
        limits = RateLimits(per_key, per_address, lambda: self.time)
        self.app = AuthenticationMiddleware(harness.app, ApiKeys(KEYS), KeyGuard(), limits)

    async def ask(self, key: str = "", path: str = "/v1/products", address: str = "192.0.2.1") -> httpx2.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        transport = httpx2.ASGITransport(self.app, client=(address, 4711))
        async with httpx2.AsyncClient(transport=transport, base_url="http://api", headers=headers) as http:
            return await http.get(path)


def shown(response: httpx2.Response) -> tuple[int, ...]:
    return tuple(int(response.headers[field]) for field in FIELDS)


async def test_a_key_may_send_its_requests_at_once_and_then_one_each_interval(harness: ApiHarness) -> None:
    limited = Limited(harness, per_key=3)
    seen = [await limited.ask("cs") for _ in range(4)]
    assert [each.status_code for each in seen] == [200, 200, 200, 429]
    assert [shown(each) for each in seen] == [(3, 2, 20), (3, 1, 40), (3, 0, 60), (3, 0, 60)]
    refused = problem(seen[-1], 429, "rate_limited")
    assert refused["detail"] == "A key may send 3 requests a minute. Send the next one in 20 s."
    assert seen[-1].headers["retry-after"] == "20"
    limited.time += 19.5
    assert (await limited.ask("cs")).headers["retry-after"] == "1"
    limited.time += 0.5
    assert [(await limited.ask("cs")).status_code for _ in range(2)] == [200, 429]
    limited.time += 60
    assert shown(await limited.ask("cs")) == (3, 2, 20)


async def test_a_refused_request_costs_nothing(harness: ApiHarness) -> None:
    limited = Limited(harness, per_key=1)
    assert [(await limited.ask("cs")).status_code for _ in range(50)] == [200] + [429] * 49
    limited.time += 60
    assert (await limited.ask("cs")).status_code == 200


async def test_keys_are_counted_apart_wherever_they_come_from(harness: ApiHarness) -> None:
    limited = Limited(harness, per_key=1, per_address=1)
    assert (await limited.ask("cs", address="192.0.2.1")).status_code == 200
    assert (await limited.ask("cs", address="192.0.2.2")).status_code == 429
    assert (await limited.ask("st", address="192.0.2.1")).status_code == 200


async def test_callers_without_a_valid_key_are_counted_by_address(harness: ApiHarness) -> None:
    limited = Limited(harness, per_key=9, per_address=2)
    answers = [await limited.ask(), await limited.ask("wrong"), await limited.ask(path="/nowhere")]
    assert [each.status_code for each in answers] == [401, 401, 429]
    assert shown(answers[1]) == (2, 0, 60)
    assert "An address without a valid key may send 2" in problem(answers[2], 429, "rate_limited")["detail"]
    assert (await limited.ask(address="192.0.2.2")).status_code == 401
    assert (await limited.ask("cs")).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/v1/readyz", "/metrics", "/v1/webhooks/payments/simulated"])
@pytest.mark.parametrize("key", ["", "cs"])
async def test_monitors_and_webhooks_are_not_limited(harness: ApiHarness, path: str, key: str) -> None:
    limited = Limited(harness, per_key=1, per_address=1)
    answers = [await limited.ask(key, path) for _ in range(5)]
    assert all(each.status_code in (200, 405) for each in answers)
    assert not any(field in each.headers for field in FIELDS for each in answers)


async def test_without_a_limit_nothing_is_counted_and_nothing_said(harness: ApiHarness) -> None:
    limited = Limited(harness)
    answers = [await limited.ask(key) for key in ("cs", "", "cs", "")]
    assert [each.status_code for each in answers] == [200, 401, 200, 401]
    assert not any(field in each.headers for field in FIELDS for each in answers)


async def test_a_body_beyond_the_limit_is_answered_before_it_arrives_and_does_nothing(harness: ApiHarness) -> None:
    limited = Limited(harness, per_key=1)
    await limited.ask("dev")
    async with served(limited.app) as port, connected(port, post("/v1/claims", "dev")) as connection:
        answer = await closed(connection)
    assert answer.startswith(b"HTTP/1.1 429")
    assert b"ratelimit-remaining: 0" in answer.lower()
    assert harness.claim_commands.received == []


async def test_a_limited_request_is_answered_later_under_the_same_idempotency_key(harness: ApiHarness) -> None:
    await harness.covered()
    limited = Limited(harness, per_key=1)
    await limited.ask("dev")
    headers = {"Authorization": "Bearer dev", "Idempotency-Key": "once"}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(limited.app), base_url="http://api") as http:
        problem(await http.post("/v1/claims", json=express(), headers=headers), 429, "rate_limited")
        limited.time += 60
        assert (await http.post("/v1/claims", json=express(), headers=headers)).status_code == 202


async def test_the_applications_configuration_sets_the_limits(sqlite_url: str, harness: ApiHarness) -> None:
    app = create_app(config(sqlite_url, requests_per_key=2, requests_per_address=1))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://api") as http:
        assert shown(await http.get("/v1/products")) == (1, 0, 60)
        assert shown(await http.get("/v1/products", headers={"Authorization": "Bearer cs"})) == (2, 1, 30)


def test_the_names_that_are_counted_are_bounded() -> None:
    buckets = Buckets(2, 60, lambda: 0.0)
    for number in range(MAX_NAMES + 1):
        buckets.take(str(number))
    assert (buckets.left("0"), buckets.left("1")) == (2, 1)


def test_the_document_tells_the_limit_of_every_operation_that_has_one() -> None:
    document: dict[str, Any] = create_app(config("sqlite:///nowhere.db")).openapi()
    names = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
    assert set(document["components"]["headers"]) == names
    unlimited = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            responses = operation["responses"]
            if "429" not in responses:
                unlimited.add(OPERATION_IDS[f"{method.upper()} {path}"])
            else:
                assert all(names <= set(response["headers"]) for response in responses.values()), (method, path)
                examples = responses["429"]["content"]["application/problem+json"]["examples"]
                assert "rate_limited" in examples
                assert "Retry-After" in responses["429"]["headers"]
    webhooks = {"receive_payment_event", "receive_carrier_event"}
    assert unlimited == {"check_liveness", "check_readiness", "read_metrics"} | webhooks
