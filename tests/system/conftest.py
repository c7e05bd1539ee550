"""A whole deployment in one process: API over ASGI, real workers, a real Temporal server and database."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from api.app import create_app
from api.config import ApiConfig
from devstack.commands import scratch_settings
from settings import Settings
from settings.constants import DEVELOPMENT_KEY
from store.database import Database
from store.reads.outbox import outbox_status
from temporal_runtime.lanes import lane_workers, running
from tests.system.claims_api import ClaimsApi
from worker import activities, start_mail_delivery, workflow_runner, workflows
from workflows.mail_delivery import MAIL_DELIVERY

_MAIL_SECONDS = 20


@dataclass
class Deployment:
    """API, database and task queue of one deployment. It has no worker until `worker` is entered."""

    settings: Settings
    client: Client
    database: Database
    claims_api: ClaimsApi

    @asynccontextmanager
    async def worker(self, identity: str | None = None) -> AsyncIterator[None]:
        """Run a worker and the delivery of mails during the block."""
        await start_mail_delivery(self.client, self.settings.task_queue, self.delivery)
        workers = lane_workers(
            self.client,
            self.settings,
            workflows=workflows(),
            activities=activities(self.settings, self.database),
            runner=workflow_runner(),
            identity=identity,
        )
        async with running(workers):
            yield

    @property
    def delivery(self) -> str:
        """Workflow id of this deployment's mail delivery: deployments share a server and have a task queue each."""
        return f"{MAIL_DELIVERY}-{self.settings.task_queue}"

    async def mails_out(self) -> None:
        """Wait until the outbox is empty; needs a worker."""
        async with asyncio.timeout(_MAIL_SECONDS):
            while (await outbox_status(self.database, sent=0)).waiting:
                await asyncio.sleep(0.05)

    def mails(self, claim_id: str) -> list[str]:
        """The mails to the claim's customer, as `kind.occurrence`."""
        return sorted(
            file.stem.removeprefix(f"{claim_id}.") for file in self.settings.mail_folder.glob(f"{claim_id}.*")
        )


@asynccontextmanager
async def opened(url: str, temporal: WorkflowEnvironment, home: Path) -> AsyncIterator[Deployment]:
    """A deployment on the database at `url` with a task queue of its own."""
    changes = {"database_url": url, "task_queue": f"deployment-{uuid.uuid4()}"}
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
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {DEVELOPMENT_KEY}"}
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://api", headers=headers, timeout=60) as http,
    ):
        deployment = Deployment(settings, temporal.client, database, ClaimsApi(http))
        yield deployment
    with contextlib.suppress(RPCError):  # there never was a worker
        await temporal.client.get_workflow_handle(deployment.delivery).terminate()
    await database.close()


@pytest.fixture
async def deployment(sqlite_url: str, temporal: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[Deployment]:
    async with opened(sqlite_url, temporal, tmp_path) as deployment:
        yield deployment


@pytest.fixture
async def deployment_on_each_engine(
    database_url: str, temporal: WorkflowEnvironment, tmp_path: Path
) -> AsyncIterator[Deployment]:
    """Once on each engine."""
    async with opened(database_url, temporal, tmp_path) as deployment:
        yield deployment


@pytest.fixture
async def claims_api(deployment: Deployment) -> AsyncIterator[ClaimsApi]:
    """The API client of a deployment with a worker."""
    async with deployment.worker():
        yield deployment.claims_api
