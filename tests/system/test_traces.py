"""Traces of the local stack: one claim is one trace, a replay adds no span, and nobody is named in spans or logs."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest

from devstack.commands import scratch_settings
from devstack.stack import Stack
from settings.constants import DEVELOPMENT_KEY
from tests.system.claims_api import ClaimsApi, Json
from tests.system.span_receiver import SentSpan, SpanReceiver, span_receiver

PLANTED = {
    "name": "Zenobia Quarrington",
    "email": "zenobia.q@example.com",
    "line1": "77 Halcyon Row",
    "phone": "+1 503 555 0177",
}
_PATIENCE = 30.0


class Traced:
    """A running stack, its API, the spans it sent and the lines it logged."""

    def __init__(self, stack: Stack, api: ClaimsApi, receiver: SpanReceiver, lines: list[str]) -> None:
        self.stack, self.api, self.receiver, self.lines = stack, api, receiver, lines

    async def until(self, holds: Callable[[], Any]) -> Any:
        """Wait for what has been sent: spans leave in batches."""
        async with asyncio.timeout(_PATIENCE):
            while not (found := holds()):
                await asyncio.sleep(0.05)
        return found


@pytest.fixture(scope="module")
async def traced(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Traced]:
    headers = {"Authorization": f"Bearer {DEVELOPMENT_KEY}", "baggage": "customer=Zenobia%20Quarrington"}
    lines: list[str] = []
    settings = scratch_settings(tmp_path_factory.mktemp("home")).model_copy(update={"log_format": "json"})
    with span_receiver() as receiver, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        async with (
            Stack(settings, on_line=lambda part, line: lines.append(line) if part != "temporal" else None) as stack,
            httpx2.AsyncClient(base_url=stack.api_url, headers=headers, timeout=60, trust_env=False) as http,
        ):
            yield Traced(stack, ClaimsApi(http), receiver, lines)


async def claimed(api: ClaimsApi) -> Json:
    """A claim of the planted customer, after requests that name them and fail."""
    serial = await api.covered()
    owner = {key: PLANTED[key] for key in ("name", "email", "phone")}
    response = await api.http.patch(f"/v1/devices/{serial}/owner", json=owner)
    assert response.is_success, response.text
    await api.get(f"/devices?q={PLANTED['email']}")
    body = api.claim_body(serial)
    body["ship_to"] = body["ship_to"] | {"name": PLANTED["name"], "line1": PLANTED["line1"]}
    assert (await api.post("/claims", body | {"incident": PLANTED["name"]})).status_code == 422
    assert (await api.post("/claims", body | {"payment_method": "pm_card_chargeDeclined"})).status_code == 402
    return await api.post_ok("/claims", body, key=f"for {PLANTED['name']}: {serial}")


async def test_a_claim_is_one_trace_which_a_replay_does_not_lengthen(traced: Traced) -> None:
    claim = await claimed(traced.api)
    spans = traced.receiver.spans

    def of_claim(name: str) -> list[SentSpan]:
        return [s for s in spans() if s.name == name and s.attributes.get("temporalWorkflowID") == claim["id"]]

    (run,) = await traced.until(lambda: of_claim("RunWorkflow:CareExpressPremium"))
    authorize = (await traced.until(lambda: traced.receiver.named("gateway authorize", run.trace)))[0]
    await traced.until(lambda: traced.receiver.named("POST /v1/claims", run.trace))
    by_id = {span.id: span for span in spans() if span.trace == run.trace}
    path = [authorize]
    while path[-1].parent:
        path.append(by_id[path[-1].parent])
    assert [(span.service, span.name) for span in path] == [
        ("aftercare-worker", "gateway authorize"),
        ("aftercare-worker", "RunActivity:hold_and_charge"),
        ("aftercare-worker", "StartActivity:hold_and_charge"),
        ("aftercare-api", "StartUpdateWithStartWorkflow:CareExpressPremium"),
        ("aftercare-api", "POST /v1/claims"),
    ]
    assert authorize.attributes["aftercare.outcome"] == "authorized"
    assert path[-1].attributes["http.response.status_code"] == 202

    await traced.stack.kill("worker")
    await traced.stack.start("worker")
    await traced.api.dispatched(claim)
    await traced.until(lambda: traced.receiver.named("RunActivity:record_dispatch", run.trace))
    linked = {link for span in traced.receiver.named("HandleUpdate:dispatch", run.trace) for link in span.links}
    # The request is repeated while a payment waits for the gateway; each has a trace of its own.
    await traced.until(lambda: linked <= {s.trace for s in spans() if s.name == "POST /v1/claims/{claim_id}/dispatch"})
    assert linked
    assert len(of_claim("RunWorkflow:CareExpressPremium")) == 1
    assert len(traced.receiver.named("StartActivity:hold_and_charge", run.trace)) == 1


async def test_neither_spans_nor_log_lines_nor_headers_name_anybody(traced: Traced) -> None:
    claim = await claimed(traced.api)
    await traced.api.dispatched(claim)
    await traced.until(lambda: [s for s in traced.receiver.spans() if s.name == "POST /v1/claims/{claim_id}/dispatch"])
    history = await traced.stack.client.get_workflow_handle(claim["id"]).fetch_history()
    headers = history.events[0].workflow_execution_started_event_attributes.header
    told = "\n".join([*map(str, traced.receiver.requests), *traced.lines, str(headers)]).lower()
    assert "_tracer-data" in told
    for word in ("zenobia", "quarrington", "halcyon", PLANTED["phone"], PLANTED["phone"].replace(" ", "")):
        assert word not in told, word

    (run,) = [
        span
        for span in traced.receiver.spans()
        if span.name == "RunWorkflow:CareExpressPremium" and span.attributes["temporalWorkflowID"] == claim["id"]
    ]
    (accepted,) = [line for line in map(json.loads, traced.lines) if line.get("trace_id") == run.trace]
    assert accepted["event"].endswith('"POST /v1/claims HTTP/1.1" 202')
    assert accepted["request_id"]
