"""The same routes with a real Temporal server and a real worker: what the fake claim commands cannot show."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

import worker as root
from api.app import create_app
from api.claim_commands import TimeSkippingUnsupported
from api.temporal_client import TemporalClaimCommands
from messages.claims import ShipTo, SubmitMaintenance
from messages.lanes import Lane
from settings import Settings
from store.database import Database
from temporal_runtime.lanes import lane_workers, running
from tests.api.conftest import OWNER, SHIP_TO, broken, config, problem, worn
from workflows.maintenance import Maintenance

CARD = {"payment_method": "pm_card_visa"}
SERIAL = "1581F45T7228D00A"
DEVICE = f"/v1/devices/{SERIAL}"
WORN = SubmitMaintenance(
    claim_id="clm_fixed", serial_number=SERIAL, maintenance_code="MNT-1", return_address=ShipTo(**SHIP_TO)
)


@pytest.fixture
async def http(
    temporal: WorkflowEnvironment, sqlite_url: str, sqlite_database: Database, tmp_path: Path
) -> AsyncIterator[httpx2.AsyncClient]:
    queue = f"claims-{uuid4().hex}"

    async def connected() -> Client:
        return temporal.client

    app = create_app(config(sqlite_url, temporal_client=connected, task_queue=queue))
    settings = Settings(home=tmp_path, database_url=sqlite_url, task_queue=queue, worker_grace_seconds=10)
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": "Bearer dev"}
    async with (
        running(
            lane_workers(
                temporal.client,
                settings,
                workflows=root.workflows(),
                activities=root.activities(settings, sqlite_database),
                runner=root.workflow_runner(),
            )
        ),
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://api", headers=headers, timeout=60) as client,
    ):
        yield client


async def done(response: httpx2.Response, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    return body


async def registered(http: httpx2.AsyncClient, activated_at: str | None = "2026-01-10T10:00:00Z") -> None:
    body = {"serial_number": SERIAL, "model": "mavic-3", "region": "US", "owner": OWNER}
    await done(await http.post("/v1/devices", json=body | {"activated_at": activated_at}), 201)


async def test_readiness_sees_the_worker_that_polls(http: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(20):
        while not (ready := await done(await http.get("/readyz")))["worker"] or ready["lanes_without_worker"]:
            await asyncio.sleep(0.1)
    assert ready["temporal"]


async def test_readiness_sees_that_no_worker_has_polled(temporal: WorkflowEnvironment) -> None:
    async def connected() -> Client:
        return temporal.client

    commands = TemporalClaimCommands(connected, f"nobody-{uuid4().hex}")
    await commands.open()
    assert await commands.ready()
    assert await commands.lanes_without_worker() == list(Lane)
    await commands.close()


async def test_cover_is_verified_bought_renewed_and_given_back(http: httpx2.AsyncClient) -> None:
    await registered(http)
    plan = {"term": "1y", **CARD}
    problem(await http.post(f"{DEVICE}/plans", json=plan), 422, "plan_refused")
    await done(await http.post(f"{DEVICE}/verification"), 201)
    bought = await done(await http.post(f"{DEVICE}/plans", json=plan), 201)
    assert (await done(await http.get(f"{DEVICE}/renewal")))["eligible"] is True
    renewed = await done(await http.post(f"{DEVICE}/renewals", json=CARD, headers={"Idempotency-Key": "r"}), 201)
    assert renewed["starts_on"] > bought["ends_on"]
    problem(await http.post(f"{DEVICE}/renewals", json=CARD), 422, "renewal_refused")
    refund = await done(await http.post(f"{DEVICE}/plans/{renewed['id']}/refund"))
    assert refund["refunded"] == renewed["price"]
    problem(await http.post(f"{DEVICE}/plans/{renewed['id']}/refund"), 422, "refund_refused")
    problem(await http.post(f"{DEVICE}/plans/pln_aaaaaaaaaaaaaaaa/refund"), 404, "not_found")
    periods = (await done(await http.get(DEVICE)))["care"]["periods"]
    assert len(periods) == 1


async def test_a_maintenance_job_with_issues_is_quoted_chosen_and_shipped_back(
    http: httpx2.AsyncClient,
) -> None:
    await registered(http, None)
    await done(await http.post(f"{DEVICE}/plans", json={"term": "1y", **CARD}), 201)
    await done(await http.post(f"{DEVICE}/activation"), 201)
    code = await done(await http.post(f"{DEVICE}/maintenance-codes"), 201)
    problem(await http.post(f"{DEVICE}/maintenance-codes"), 422, "maintenance_refused")
    claim = await done(await http.post("/v1/claims", json=worn(code["code"])), 202)
    assert claim["state"] == "awaiting_item"
    url = f"/v1/claims/{claim['id']}"
    new = {"name": "Grace", "email": "grace@example.com"}
    problem(await http.post(f"{DEVICE}/owner", json=new), 409, "conflict")
    problem(await http.post(f"{url}/repair-choice", json={"choice": "return"}), 409, "action_not_allowed")
    await done(await http.post(f"{url}/arrival"), 202)
    quote = {"findings": "Arm broken.", "amount": {"amount": 21500, "currency": "USD"}, "warranty": False}
    quoted = await done(await http.post(f"{url}/repair-quote", json=quote))
    assert quoted["repair"]["options"] == ["replacement", "paid_repair", "return"]
    assert quoted["repair"]["replacement_fee"]["amount"] > 0
    declined = {"choice": "paid_repair", "payment_method": "pm_card_chargeDeclined"}
    refused = problem(await http.post(f"{url}/repair-choice", json=declined), 402, "payment_declined")
    assert refused["decline_code"] == "card_declined"
    chosen = await done(await http.post(f"{url}/repair-choice", json={"choice": "return"}))
    assert (chosen["state"], chosen["fee"]["amount"]) == ("in_service", 0)
    closed = await done(await http.post(f"{url}/completion", json={"tracking_number": "1Z"}))
    assert (closed["state"], closed["outcome"]) == ("closed", "returned_unrepaired")
    owner = await done(await http.post(f"{DEVICE}/owner", json=new))
    assert owner["owner"] == new | {"phone": None, "language": None}


async def test_a_warranty_that_has_ended_is_refused_by_the_claim_itself(http: httpx2.AsyncClient) -> None:
    await registered(http, "2020-01-10T10:00:00Z")
    claim = await done(await http.post("/v1/claims", json=broken()), 202)
    url = f"/v1/claims/{claim['id']}"
    await done(await http.post(f"{url}/arrival"), 202)
    quote = {"findings": "Arm broken.", "amount": {"amount": 21500, "currency": "USD"}, "warranty": True}
    invalid = problem(await http.post(f"{url}/repair-quote", json=quote), 422, "invalid_request")
    assert [error["field"] for error in invalid["errors"]] == ["warranty"]


async def test_repeated_reminder_runs_send_each_reminder_once(http: httpx2.AsyncClient) -> None:
    await registered(http, None)
    await done(await http.post(f"/v1/dev/devices/{SERIAL}/terms", json={"term": "1y", "starts_on": "2026-01-10"}), 201)
    run = {"as_of": "2026-12-11"}
    first = await done(await http.post("/v1/dev/reminders/run", json=run))
    assert first == {"sent": [{"serial_number": SERIAL, "kind": "renewal_30"}]}
    assert await done(await http.post("/v1/dev/reminders/run", json=run)) == {"sent": []}
    later = await done(await http.post("/v1/dev/reminders/run", json={"as_of": "2027-01-20"}))
    assert [reminder["kind"] for reminder in later["sent"]] == ["renewal_grace_10"]


async def test_a_claim_terminated_in_temporal_is_for_operations(
    http: httpx2.AsyncClient, temporal: WorkflowEnvironment
) -> None:
    await registered(http)
    claim = await done(await http.post("/v1/claims", json=broken()), 202)
    await temporal.client.get_workflow_handle(claim["id"]).terminate()
    url = f"/v1/claims/{claim['id']}"
    assert (await done(await http.get(url)))["state"] == "awaiting_item"
    refused = problem(await http.post(f"{url}/cancel"), 409, "action_not_allowed")
    assert "No process works on this claim any more" in refused["detail"]
    assert (await done(await http.post(f"{url}/arrival"), 202))["attention"] == ["event_waiting"]
    problem(await http.post(f"/v1/dev/claims/{claim['id']}/fast-forward", json={"days": 1}), 409, "action_not_allowed")


async def test_a_server_without_movable_clocks_refuses_a_fast_forward() -> None:
    program = str(Path(sys.executable).with_name("temporal"))
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=program, dev_server_log_level="never", data_converter=pydantic_data_converter
    ) as server:

        async def connected() -> Client:
            return server.client

        claim_commands = TemporalClaimCommands(connected, "unserved", movable_clocks=True)
        await claim_commands.open()
        await server.client.start_workflow(Maintenance.run, args=[WORN, None], id="clm_fixed", task_queue="unserved")
        with pytest.raises(TimeSkippingUnsupported):
            await claim_commands.fast_forward("clm_fixed", timedelta(days=1))
        await claim_commands.close()
