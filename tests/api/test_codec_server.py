"""The codec server shows payloads to staff and administrators, for the pages of Temporal's UI alone."""

import logging
from collections.abc import AsyncIterator

import httpx2
import pytest
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads

from api.auth import ApiKeys
from api.codec_server import MAX_BODY_BYTES, create_codec_server
from api.key_guard import BURST
from temporal_runtime.payload_encryption import PayloadEncryption
from tests.api.conftest import KEYS

UI = "http://127.0.0.1:8233"
CODEC = PayloadEncryption({"k1": b"k" * 32})
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"Ada Quennelwick"')


def client(keys: ApiKeys | None) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=create_codec_server(CODEC, keys, UI))
    return httpx2.AsyncClient(transport=transport, base_url="http://codec")


@pytest.fixture
async def codec() -> AsyncIterator[httpx2.AsyncClient]:
    async with client(ApiKeys(KEYS)) as opened:
        yield opened


async def sealed() -> str:
    return json_format.MessageToJson(Payloads(payloads=await CODEC.encode([PLAIN])))


def read(response: httpx2.Response) -> list[Payload]:
    return list(json_format.Parse(response.content, Payloads()).payloads)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "X-Namespace": "default"}


@pytest.mark.parametrize("key", ["st", "dev"])
async def test_staff_and_administrators_read(codec: httpx2.AsyncClient, key: str) -> None:
    response = await codec.post("/decode", content=await sealed(), headers=bearer(key))
    assert read(response) == [PLAIN]


@pytest.mark.parametrize(("key", "status"), [("", 401), ("wrong", 401), ("cs", 403), ("wh", 403), ("fi", 403)])
async def test_nobody_else_does(codec: httpx2.AsyncClient, key: str, status: int) -> None:
    response = await codec.post("/decode", content=await sealed(), headers=bearer(key))
    assert response.status_code == status
    assert "Quennelwick" not in response.text


async def test_wrong_keys_are_slowed_down(codec: httpx2.AsyncClient) -> None:
    for _ in range(BURST):
        assert (await codec.post("/decode", content=await sealed(), headers=bearer("wrong"))).status_code == 401
    response = await codec.post("/decode", content=await sealed(), headers=bearer("st"))
    assert response.status_code == 429
    assert 1 <= int(response.headers["retry-after"]) <= 6


async def test_development_needs_no_key_because_the_ui_sends_none() -> None:
    async with client(None) as opened:
        assert read(await opened.post("/decode", content=await sealed())) == [PLAIN]


async def test_what_the_command_line_sends_is_encrypted(codec: httpx2.AsyncClient) -> None:
    plain = json_format.MessageToJson(Payloads(payloads=[PLAIN]))
    response = await codec.post("/encode", content=plain, headers=bearer("st"))
    assert "Quennelwick" not in response.text
    assert await CODEC.decode(read(response)) == [PLAIN]


async def test_each_decode_is_logged_with_its_caller_and_without_content(
    codec: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "aftercare.codec")
    await codec.post("/decode", content=await sealed(), headers=bearer("st"))
    (line,) = caplog.messages
    assert line.startswith("/decode: 1 payloads of namespace 'default' by staff ")
    assert "Quennelwick" not in line


@pytest.mark.parametrize("body", ["", "not json", '{"payloads": 7}', "[" * 5_000, b"\xff\xfe"])
async def test_a_body_that_is_no_payloads_is_refused(codec: httpx2.AsyncClient, body: str | bytes) -> None:
    response = await codec.post("/decode", content=body, headers=bearer("st"))
    assert response.status_code == 400


async def test_an_unknown_key_is_named(codec: httpx2.AsyncClient) -> None:
    other = await PayloadEncryption({"k9": b"9" * 32}).encode([PLAIN])
    body = json_format.MessageToJson(Payloads(payloads=other))
    response = await codec.post("/decode", content=body, headers=bearer("st"))
    assert (response.status_code, "'k9'" in response.text) == (400, True)


async def test_a_large_body_is_refused(codec: httpx2.AsyncClient) -> None:
    response = await codec.post("/decode", content=b" " * (MAX_BODY_BYTES + 1), headers=bearer("st"))
    assert response.status_code == 413


@pytest.mark.parametrize(("origin", "allowed"), [(UI, UI), ("https://evil.example", None)])
async def test_only_pages_of_the_ui_may_call_it(codec: httpx2.AsyncClient, origin: str, allowed: str | None) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    asked["Access-Control-Request-Headers"] = "authorization, content-type, x-namespace"
    response = await codec.options("/decode", headers=asked)
    assert response.headers.get("access-control-allow-origin") == allowed
