"""A lane that stands still delays no other: the mail server is silent, or the gateway's lane is full."""

import asyncio
import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr
from temporalio import activity

from messages.lanes import Lane
from store.reads.outbox import outbox_status
from temporal_runtime.lanes import lane_workers, running
from tests.system.conftest import Deployment
from worker import activities, start_mail_delivery, workflow_runner, workflows


@asynccontextmanager
async def silent_mail_server() -> AsyncIterator[int]:
    """The port of a server that accepts connections and says nothing."""
    over = asyncio.Event()

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        over.set()
        server.close()
        await server.wait_closed()


async def test_a_silent_mail_server_delays_no_money(deployment: Deployment) -> None:
    async with silent_mail_server() as port:
        silent = {"smtp_url": SecretStr(f"smtp://127.0.0.1:{port}?tls=none"), "worker_concurrency": {Lane.MAIL: 1}}
        deployment.settings = deployment.settings.model_copy(update=silent)
        async with deployment.worker():
            claim = await deployment.claims_api.shipped()
            assert (await deployment.claims_api.returned(claim))["outcome"] == "hold_released"
            assert (await outbox_status(deployment.database, sent=0)).waiting


async def test_a_full_lane_of_money_delays_neither_mail_nor_the_record(deployment: Deployment) -> None:
    answers, asked = asyncio.Event(), asyncio.Event()
    answers.set()
    own = {each.__name__: each for each in activities(deployment.settings, deployment.database)}
    real = own["hold_and_charge"]

    @functools.wraps(real)
    async def hold_and_charge(request: Any) -> Any:
        asked.set()
        await answers.wait()
        return await real(request)

    # `wraps` copied the method's activity definition, which must be made anew.
    vars(hold_and_charge).pop("__temporal_activity_definition", None)
    own["hold_and_charge"] = activity.defn(hold_and_charge)
    settings = deployment.settings.model_copy(update={"worker_concurrency": {Lane.MONEY: 1}})
    workers = lane_workers(
        deployment.client,
        settings,
        workflows=workflows(),
        activities=list(own.values()),
        runner=workflow_runner(),
    )
    claims_api = deployment.claims_api
    await start_mail_delivery(deployment.client, settings.task_queue, deployment.delivery)
    async with running(workers):
        earlier = await claims_api.shipped()
        answers.clear()
        asked.clear()
        waiting = [asyncio.create_task(claims_api.judged()) for _ in range(3)]
        await asked.wait()
        await claims_api.covered()
        await claims_api.arrived(earlier)
        await deployment.mails_out()
        assert "arrived.1" in deployment.mails(earlier["id"])
        assert not any(task.done() for task in waiting)
        answers.set()
        assert [claim["state"] for claim in await asyncio.gather(*waiting)] == ["awaiting_dispatch"] * 3
