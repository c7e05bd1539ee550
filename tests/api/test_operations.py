"""Liveness, readiness and metrics."""

import asyncio
from pathlib import Path

import httpx2

from api.app import create_app
from api.temporal_client import TemporalClaimCommands
from messages.lanes import Lane
from tests.api.conftest import ApiHarness, config, express, no_temporal


async def test_liveness_and_readiness(harness: ApiHarness) -> None:
    assert (await harness.http.get("/healthz")).json() == {"status": "ok"}
    answers = {"database": True, "schema_version": True, "temporal": True, "worker": True}
    ready = answers | {"lanes_without_worker": [], "stopping": False}
    assert (await harness.http.get("/readyz")).json() == ready
    assert (await harness.http.get("/v1/readyz")).status_code == 200


async def test_without_a_worker_it_is_ready_and_says_so(harness: ApiHarness) -> None:
    harness.claim_commands.idle = True
    response = await harness.http.get("/readyz")
    assert (response.status_code, response.json()["worker"]) == (200, False)
    assert response.json()["lanes_without_worker"] == ["workflows", "money", "mail", "record"]


async def test_a_database_without_its_tables_is_not_ready(tmp_path: Path, harness: ApiHarness) -> None:
    app = create_app(config(f"sqlite:///{tmp_path}/empty.db"), claim_commands=harness.claim_commands)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://api") as http:
        ready = await http.get("/readyz")
    assert (ready.status_code, ready.json()["database"], ready.json()["schema_version"]) == (503, True, False)


async def test_metrics_count_requests_by_route_and_claims_by_state(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    await harness.http.get(claim["links"]["self"])
    await harness.http.get("/v1/nowhere/7")
    page = (await harness.http.get("/metrics")).text
    assert 'aftercare_open_claims{state="awaiting_dispatch"} 1.0' in page
    assert 'aftercare_open_claims{state="awaiting_return"} 0.0' in page
    assert 'aftercare_http_requests_total{method="POST",route="/v1/claims",status="202"} 1.0' in page
    assert 'aftercare_http_requests_total{method="GET",route="/v1/claims/{claim_id}",status="200"} 1.0' in page
    assert 'route="unknown",status="404"' in page
    assert claim["id"] not in page


async def test_the_application_starts_and_stops_without_temporal(sqlite_url: str) -> None:
    tries = 0

    async def refused() -> None:
        nonlocal tries
        tries += 1
        await no_temporal()

    app = create_app(config(sqlite_url, temporal_client=refused))
    async with asyncio.timeout(5), app.router.lifespan_context(app):
        while tries == 0:
            await asyncio.sleep(0.01)


async def test_without_temporal_the_client_reports_it_in_time(sqlite_url: str) -> None:
    claim_commands = TemporalClaimCommands(no_temporal, "aftercare")
    await claim_commands.open()
    async with asyncio.timeout(5):
        assert await claim_commands.ready() is False
        assert await claim_commands.lanes_without_worker() == list(Lane)
    await claim_commands.close()


async def test_an_unavailable_database_is_not_ready_and_not_counted(tmp_path: object, harness: ApiHarness) -> None:
    await harness.covered()
    await harness.http.post("/v1/claims", json=express())
    app = create_app(config(f"sqlite:///{tmp_path}/no/such/folder/x.db"), claim_commands=harness.claim_commands)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://api") as http:
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["database"]) == (503, False)
        page = await http.get("/metrics")
        assert page.status_code == 200
        assert "aftercare_open_claims{" not in page.text
