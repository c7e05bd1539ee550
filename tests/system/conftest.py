"""The whole house in one process: API over ASGI, real workers and activities, a real Temporal, a real database."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from api.app import create_app
from api.config import ApiConfig
from dev import scratch_settings
from settings import DEVELOPMENT_KEY, Settings
from store import outbox
from store.database import Database
from tests.system.service_desk import ServiceDesk
from worker import activities, start_mail_delivery, workflow_runner, workflows
from workflows.mail_delivery import MAIL_DELIVERY

_MAIL_SECONDS = 20


@dataclass
class House:
    """An installation. Nobody works in it until `worker` is entered."""

    settings: Settings
    client: Client
    database: Database
    desk: ServiceDesk

    @asynccontextmanager
    async def worker(self, identity: str | None = None) -> AsyncIterator[None]:
        """Somebody works while the block lasts, and mails are delivered."""
        await start_mail_delivery(self.client, self.settings.task_queue, self.delivery)
        worker = Worker(
            self.client,
            task_queue=self.settings.task_queue,
            # Cut off at once, a local activity is tried again for ever, and the worker never stops.
            graceful_shutdown_timeout=timedelta(seconds=10),
            workflows=workflows(),
            activities=activities(self.settings, self.database),
            workflow_runner=workflow_runner(),
            identity=identity,
        )
        async with worker:
            yield

    @property
    def delivery(self) -> str:
        """The id of this house's delivery of mails: houses share a server, and have a queue each."""
        return f"{MAIL_DELIVERY}-{self.settings.task_queue}"

    async def mails_out(self) -> None:
        """Until the outbox is empty, while somebody works."""
        async with asyncio.timeout(_MAIL_SECONDS):
            while (await outbox.standing(self.database, sent=0)).waiting:
                await asyncio.sleep(0.05)

    def mails(self, claim_id: str) -> list[str]:
        """What was written to the claim's customer, as `kind.occurrence`."""
        return sorted(
            file.stem.removeprefix(f"{claim_id}.") for file in self.settings.mail_folder.glob(f"{claim_id}.*")
        )


@asynccontextmanager
async def opened(url: str, temporal: WorkflowEnvironment, home: Path) -> AsyncIterator[House]:
    """A house on the database at `url`, with a task queue of its own."""
    changes = {"database_url": url, "task_queue": f"house-{uuid.uuid4()}"}
    settings = scratch_settings(home).model_copy(update=changes)

    async def connect() -> Client:
        return temporal.client

    app = create_app(
        ApiConfig(
            database_url=url,
            temporal_client=connect,
            task_queue=settings.task_queue,
            keys=settings.api_keys,
            development=True,
            secret=settings.signing_secret(),
            temporal_ui_url="http://temporal",
        )
    )
    database = Database(url)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {DEVELOPMENT_KEY}"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers, timeout=60) as http,
    ):
        house = House(settings, temporal.client, database, ServiceDesk(http))
        yield house
    with contextlib.suppress(RPCError):  # nobody ever worked here
        await temporal.client.get_workflow_handle(house.delivery).terminate()
    await database.close()


@pytest.fixture
async def house(sqlite_url: str, temporal: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(sqlite_url, temporal, tmp_path) as house:
        yield house


@pytest.fixture
async def either_house(database_url: str, temporal: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[House]:
    """Once on each engine."""
    async with opened(database_url, temporal, tmp_path) as house:
        yield house


@pytest.fixture
async def desk(house: House) -> AsyncIterator[ServiceDesk]:
    """The desk of a house in which somebody works."""
    async with house.worker():
        yield house.desk
