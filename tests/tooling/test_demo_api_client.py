"""The demo's client retries where nothing was executed."""

import json

import httpx2

from demo.api_client import ApiClient


async def test_a_decision_that_met_a_payment_is_sent_again_as_a_new_request() -> None:
    keys: list[str] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) < 3:
            problem = {"code": "payment_in_progress", "detail": "Try again in a moment."}
            return httpx2.Response(409, content=json.dumps(problem))
        return httpx2.Response(200, json={"state": "closed"})

    async with ApiClient("http://nowhere") as client:
        await client._http.aclose()
        client._http = httpx2.AsyncClient(base_url="http://nowhere", transport=httpx2.MockTransport(respond))
        assert await client.post("/claims/clm_1/inspection") == {"state": "closed"}
    assert len(set(keys)) == 3
