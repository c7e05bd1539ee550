"""Many at once, on the real database."""

import asyncio
from dataclasses import replace

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from tests.system.conftest import House
from tests.system.service_desk import new_serial


async def test_of_eight_claims_at_once_on_one_device_one_is_made(either_house: House) -> None:
    """R-CLM-7, edge case 30."""
    desk = either_house.desk
    async with either_house.worker():
        serial = await desk.covered()
        answers = await asyncio.gather(*(desk.post("/claims", desk.asked(serial)) for _ in range(8)))
        made = [answer.json() for answer in answers if answer.status_code == 202]
        assert len(made) == 1, [answer.text for answer in answers]
        for answer in answers:
            if answer.status_code != 202:
                assert answer.status_code == 422, answer.text
                assert [reason["code"] for reason in answer.json()["reasons"]] == ["claim_already_open"]
        assert made[0]["state"] == "awaiting_dispatch"
        assert await desk.uses(serial) == {"total": 2, "used": 0, "reserved": 1, "left": 1}
        assert len((await desk.get(f"/claims?serial_number={serial}"))["items"]) == 1


async def test_cancel_and_dispatch_at_once_let_one_win(house: House) -> None:
    """Edge case 27."""
    desk = house.desk
    async with house.worker():
        claim = await desk.claimed()
        unit = {"replacement_serial_number": new_serial("RP")}
        answers = await asyncio.gather(
            desk.post(f"/claims/{claim['id']}/cancel"), desk.post(f"/claims/{claim['id']}/dispatch", unit)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        uses = await desk.uses(claim["serial_number"])
        assert (uses["used"], uses["reserved"]) == ((0, 0) if answers[0].is_success else (1, 0))


async def test_two_workers_share_the_load(house: House) -> None:
    desk, workers = house.desk, {"the one", "the other"}
    address = house.client.service_client.config.target_host
    second = await Client.connect(address, data_converter=pydantic_data_converter)
    async with house.worker("the one"), replace(house, client=second).worker("the other"):
        worked: set[str] = set()
        for _ in range(20):
            claim = await desk.claimed()
            history = await house.client.get_workflow_handle(claim["id"]).fetch_history()
            worked |= {event.workflow_task_started_event_attributes.identity for event in history.events} & workers
            if worked == workers:
                break
    assert worked == workers
