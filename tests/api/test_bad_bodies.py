"""A body that is no JSON, of another type, or too large gets a problem, and never a 500."""

import json
from collections.abc import AsyncIterator

import pytest

from api.body_limit import MAX_BODY_BYTES
from tests.api.conftest import IMPLEMENTATION, ApiHarness, express, problem

DEEP = "[" * 5000 + "]" * 5000
NEST = "nest"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"\xff\xfe",
        b'{"service": "care_express", "serial_number": "\\ud800"}',
        b'{"service": NaN}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": 1e999}',
        DEEP.encode(),
        json.dumps(express()).encode()[:-1],
    ],
    ids=lambda body: repr(body[:20]),
)
async def test_a_body_that_is_no_claim_at_all(harness: ApiHarness, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "bad body"}
    invalid = problem(await harness.http.post("/v1/claims", content=body, headers=headers), 422, "invalid_request")
    assert invalid["errors"]
    assert not IMPLEMENTATION.search(invalid["detail"])


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"])
async def test_another_content_type_is_415(harness: ApiHarness, kind: str) -> None:
    content = json.dumps(express()).encode()
    response = await harness.http.post("/v1/claims", content=content, headers={"Content-Type": kind})
    problem(response, 415, "unsupported_media_type")


async def test_a_content_type_with_parameters_is_json_all_the_same(harness: ApiHarness) -> None:
    await harness.covered()
    content = json.dumps(express()).encode()
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert (await harness.http.post("/v1/claims", content=content, headers=headers)).status_code == 202


async def test_a_body_over_one_mebibyte_is_413(harness: ApiHarness) -> None:
    for path in ("/v1/claims", "/v1/nowhere", "/healthz"):
        response = await harness.http.post(path, content=b" " * (MAX_BODY_BYTES + 1))
        problem(response, 413, "payload_too_large")


async def test_a_body_without_content_length_is_counted(harness: ApiHarness) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65536

    response = await harness.http.post("/v1/claims", content=endless())
    problem(response, 413, "payload_too_large")


async def test_a_body_of_exactly_one_mebibyte_is_read(harness: ApiHarness) -> None:
    await harness.covered()
    content = json.dumps(express()).encode().ljust(MAX_BODY_BYTES)
    headers = {"Content-Type": "application/json"}
    assert (await harness.http.post("/v1/claims", content=content, headers=headers)).status_code == 202


@pytest.mark.parametrize("depth", [50, 500, 950, 5000])
async def test_a_nested_body_is_invalid_everywhere(harness: ApiHarness, depth: int) -> None:
    claim = await harness.claimed()
    bodies = [{"serial_number": NEST}, {"ship_to": {"name": NEST}}, {"owner": [NEST]}]
    for path in ("/v1/claims", "/v1/devices", "/v1/quotes", f"/v1/claims/{claim['id']}/inspection"):
        for body in bodies:
            content = json.dumps(body).replace(json.dumps(NEST), "[" * depth + "]" * depth)
            headers = {"Content-Type": "application/json", "Idempotency-Key": f"{path} {content[:20]}"}
            problem(await harness.http.post(path, content=content, headers=headers), 422, "invalid_request")
