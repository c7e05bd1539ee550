"""An upgrade from release 0.2.0 with claims open in every state: its code and this release's run side by side."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.client import Client

from devstack.preflight import HOST, free_ports
from domain.kinds import ClaimState
from domain.policy import Policy
from settings.constants import DEVELOPMENT_KEY
from store.database import Database
from tests.databases import address, administer
from tests.payments.claim_snapshot import claim_snapshot
from tests.payments.invariants import violations
from tests.server import start_temporal
from tests.system.claims_api import ClaimsApi
from tests.system.earlier_release import ROOT, Release, unpacked
from tests.system.open_claims import OPENINGS, OpenClaim, opened, submitted

_NONDETERMINISM = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR
_READY_SECONDS = 30.0


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.soak)])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables, on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'aftercare.db'}"
        return
    server, name = request.getfixturevalue("postgres_server"), f"upgrade_{uuid4().hex}"
    administer(server, "CREATE DATABASE {}", name)
    yield address(server, name)
    administer(server, "DROP DATABASE {} WITH (FORCE)", name)


@asynccontextmanager
async def client_of(port: int) -> AsyncIterator[ClaimsApi]:
    """A client of the API at `port` once it is ready."""
    headers = {"Authorization": f"Bearer {DEVELOPMENT_KEY}"}
    async with httpx2.AsyncClient(
        base_url=f"http://{HOST}:{port}", headers=headers, timeout=60, trust_env=False
    ) as http:
        async with asyncio.timeout(_READY_SECONDS):
            while True:
                try:
                    if (await http.get("/readyz")).is_success:
                        break
                except httpx2.TransportError:
                    pass
                await asyncio.sleep(0.05)
        yield ClaimsApi(http)


async def step(claims: Iterable[OpenClaim], api: ClaimsApi) -> None:
    await asyncio.gather(*(claim.take_step(api) for claim in claims))


async def builds_of(client: Client, claim_id: str) -> list[str]:
    """The builds that completed the claim's workflow tasks, "" for workers without one. None met nondeterminism."""
    builds = []
    async for event in client.get_workflow_handle(claim_id).fetch_history_events():
        assert event.workflow_task_failed_event_attributes.cause != _NONDETERMINISM, event
        if event.HasField("workflow_task_completed_event_attributes"):
            builds.append(event.workflow_task_completed_event_attributes.deployment_version.build_id)
    return builds


async def test_claims_of_the_release_before_go_on_through_ramp_rollback_and_deployment(
    empty_database_url: str, tmp_path: Path
) -> None:
    api_port, temporal_port = free_ports(2)
    key = "2026-11:" + base64.b64encode(os.urandom(32)).decode()
    variables = {
        "AFTERCARE_HOME": str(tmp_path / "home"),
        "AFTERCARE_DATABASE_URL": empty_database_url,
        "AFTERCARE_API_PORT": str(api_port),
        "AFTERCARE_LOG_LEVEL": "warning",
        "TEMPORAL_ADDRESS": f"{HOST}:{temporal_port}",
    }
    # While processes of 0.2.0 run, nothing may be encrypted that they have to read.
    new = Release(ROOT, variables | {"AFTERCARE_ENCRYPTION_KEYS": f"unencrypted,{key}"})
    old = Release(unpacked("0.2.0", tmp_path / "0.2.0"), variables)
    async with await start_temporal(port=temporal_port) as server, AsyncExitStack() as until_switched:
        await old.run("db", "upgrade")
        await old.run("catalog", "load", str(ROOT / "store/demo_catalogue.json"), "--yes")
        await until_switched.enter_async_context(old.process("api"))
        api = await until_switched.enter_async_context(client_of(api_port))
        async with old.process("worker"):
            claims = list(await asyncio.gather(*(opened(api, state) for state in OPENINGS for _ in "ab")))
            await new.run("db", "upgrade")
            await new.run("temporal", "setup")
            assert "histories replay" in await new.run("temporal", "replay", "--processes", "1")
            claims += [await opened(api, "awaiting_return")]
            serials = [await api.covered() for _ in "ab"]
        claims += await asyncio.gather(*(submitted(api, serial) for serial in serials))
        assert {claim.claim["state"] for claim in claims} == set(ClaimState)

        await until_switched.enter_async_context(old.process("worker"))
        # What waits in the lanes for workers without a build: nobody of 0.2.0 serves them.
        await until_switched.enter_async_context(new.process("worker", "--queues", "money,mail,record"))
        async with AsyncExitStack() as first:
            await first.enter_async_context(new.process("worker", AFTERCARE_BUILD_ID="b1"))
            assert "ramping: b1" in await new.run("temporal", "deploy", "b1", "--ramp", "50")
            await step(claims[::2], api)
            assert "current: unversioned workers" in await new.run("temporal", "rollback")
            await step(claims[::3], api)
            assert "current: b1" in await new.run("temporal", "deploy", "b1")
            await step(claims[1::2], api)
            assert "current: unversioned workers" in await new.run("temporal", "rollback")
            claims += [await opened(api, "awaiting_dispatch")]
            builds = [build for claim in claims for build in await builds_of(server.client, claim.claim["id"])]
            assert {"", "b1"} == set(builds)
            assert "current: b1" in await new.run("temporal", "deploy", "b1")
            await until_switched.aclose()

            encrypting = Release(ROOT, variables | {"AFTERCARE_ENCRYPTION_KEYS": key})
            async with (
                encrypting.process("worker", AFTERCARE_BUILD_ID="b2"),
                encrypting.process("api"),
                client_of(api_port) as api,
            ):
                assert "current: b2" in await encrypting.run("temporal", "deploy", "b2")
                await first.aclose()
                await asyncio.gather(*(claim.finish(api) for claim in claims))
                for claim in claims:
                    await builds_of(server.client, claim.claim["id"])
                assert "histories replay" in await encrypting.run("temporal", "replay", "--processes", "1")
                # Gateway, ledger, claims and workflows agree: it ends with 1 when they differ.
                await encrypting.run("reconcile")
        assert not [line for release in (old, new, encrypting) for line in release.lines if "ondeterminis" in line]
    database = Database(empty_database_url)
    for claim in (each for each in claims if each.claim["tier"] == "premium"):
        snapshot = await claim_snapshot(database, claim.claim["id"], datetime.now(UTC), Policy())
        assert snapshot is not None
        # Each claim has a clock of its own.
        assert not violations(replace(snapshot, now=max(event.at for event in snapshot.events)))
    await database.close()
