"""The demo's client asks again where nothing was done."""

import json

import httpx

from demo.client import Client


async def test_a_decision_that_met_a_payment_is_sent_again_as_a_new_request() -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) < 3:
            problem = {"code": "payment_in_progress", "detail": "Try again in a moment."}
            return httpx.Response(409, content=json.dumps(problem))
        return httpx.Response(200, json={"state": "closed"})

    async with Client("http://nowhere") as client:
        await client._http.aclose()
        client._http = httpx.AsyncClient(base_url="http://nowhere", transport=httpx.MockTransport(answer))
        assert await client.post("/claims/clm_1/inspection") == {"state": "closed"}
    assert len(set(keys)) == 3
