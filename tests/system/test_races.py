"""Concurrent requests on the real database."""

import asyncio
from dataclasses import replace

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from tests.system.claims_api import new_serial
from tests.system.conftest import Deployment


async def test_of_eight_claims_at_once_on_one_device_one_is_made(deployment_on_each_engine: Deployment) -> None:
    """R-CLM-7, edge case 30."""
    claims_api = deployment_on_each_engine.claims_api
    async with deployment_on_each_engine.worker():
        serial = await claims_api.covered()
        responses = await asyncio.gather(*(claims_api.post("/claims", claims_api.claim_body(serial)) for _ in range(8)))
        made = [response.json() for response in responses if response.status_code == 202]
        assert len(made) == 1, [response.text for response in responses]
        for response in responses:
            if response.status_code != 202:
                assert response.status_code == 422, response.text
                assert [reason["code"] for reason in response.json()["reasons"]] == ["claim_already_open"]
        assert made[0]["state"] == "awaiting_dispatch"
        assert await claims_api.uses(serial) == {"total": 2, "used": 0, "reserved": 1, "left": 1}
        assert len((await claims_api.get(f"/claims?serial_number={serial}"))["items"]) == 1


async def test_of_concurrent_cancel_and_dispatch_one_is_executed(deployment: Deployment) -> None:
    """Edge case 27."""
    claims_api = deployment.claims_api
    async with deployment.worker():
        claim = await claims_api.claimed()
        unit = {"replacement_serial_number": new_serial("RP")}
        responses = await asyncio.gather(
            claims_api.post(f"/claims/{claim['id']}/cancel"), claims_api.post(f"/claims/{claim['id']}/dispatch", unit)
        )
        assert sorted(response.status_code for response in responses) == [200, 409]
        uses = await claims_api.uses(claim["serial_number"])
        assert (uses["used"], uses["reserved"]) == ((0, 0) if responses[0].is_success else (1, 0))


async def test_two_workers_share_the_load(deployment: Deployment) -> None:
    claims_api, workers = deployment.claims_api, {"the one", "the other"}
    address = deployment.client.service_client.config.target_host
    second = await Client.connect(
        address, namespace=deployment.client.namespace, data_converter=pydantic_data_converter
    )
    async with deployment.worker("the one"), replace(deployment, client=second).worker("the other"):
        worked: set[str] = set()
        for _ in range(20):
            claim = await claims_api.claimed()
            history = await deployment.client.get_workflow_handle(claim["id"]).fetch_history()
            worked |= {event.workflow_task_started_event_attributes.identity for event in history.events} & workers
            if worked == workers:
                break
    assert worked == workers
