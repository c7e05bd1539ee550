"""The metrics of API and worker on the local stack, scraped as Prometheus does, and the alert rules over them."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from devstack.commands import scratch_settings
from devstack.preflight import HOST, free_ports
from settings import Settings
from tests.system.test_crashes import running

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
needs_prometheus = pytest.mark.skipif(
    PROMETHEUS is None or PROMTOOL is None, reason="needs Prometheus (Debian: apt-get install prometheus)"
)
_PATIENCE = 40.0


def metric_names(text: str) -> set[str]:
    """The metrics that an expression or a page of Prometheus names."""
    return set(re.findall(r"\b(?:aftercare|temporal)_[a-z_]+", text)) - {"aftercare_api", "aftercare_worker"}


async def scraped(settings: Settings) -> tuple[str, str]:
    """The pages of the API and the worker."""
    async with httpx2.AsyncClient(trust_env=False) as http:
        pages = f"{settings.api_url}/metrics", f"http://{settings.worker_metrics}/metrics"
        api, worker = [(await http.get(page)).text for page in pages]
    return api, worker


async def test_a_claim_is_seen_in_the_metrics_that_alerts_and_dashboard_use(tmp_path: Path) -> None:
    settings = scratch_settings(tmp_path).model_copy(update={"worker_metrics": f"{HOST}:{free_ports(1)[0]}"})
    async with running(settings) as (_, claims_api):
        closed = await claims_api.shipped()
        await claims_api.returned(closed)
        await claims_api.shipped()
        api, worker = await scraped(settings)
    assert 'aftercare_open_claims{state="awaiting_return"} 1.0' in api
    assert re.search(r'aftercare_oldest_open_claim_timestamp_seconds{state="awaiting_return"} 1\.\d+e\+09', api)
    assert 'aftercare_claims_with_attention{code="hold_at_risk"} 0.0' in api
    assert re.search(r'aftercare_held_amount{currency="USD"} [1-9]', api)
    assert re.search(r'aftercare_captured_amount{currency="USD"} [1-9]', api)
    assert 'aftercare_refunded_amount{currency="USD"} 0.0' in api
    released = r'aftercare_gateway_request_seconds_count{[^}]*operation="release",outcome="hold_placed"[^}]*} 1\b'
    assert re.search(released, worker), worker
    assert re.search(r'temporal_workflow_completed_total{[^}]*workflow_type="CareExpressPremium"[^}]*} 1\b', worker)
    for page in (api, worker):
        assert closed["id"] not in page
        assert "Ada" not in page
    known = metric_names(api + worker)
    known |= {"temporal_workflow_task_execution_failed_total"}  # it appears with the first failure
    used = metric_names((MONITORING / "alerts.yaml").read_text() + (MONITORING / "dashboard.json").read_text())
    assert used <= known | {re.sub("_bucket$", "", name) for name in known}, used - known


@needs_prometheus
@pytest.mark.parametrize(
    "words", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts_test.yaml")], ids=lambda words: words[0]
)
def test_the_alert_rules_are_right(words: tuple[str, ...]) -> None:
    assert PROMTOOL is not None
    completed = subprocess.run([PROMTOOL, *words], cwd=MONITORING, capture_output=True, text=True, timeout=60)
    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_every_alert_is_tested_and_has_its_paragraph_in_the_runbook() -> None:
    alerts = re.findall(r"- alert: (\w+)", (MONITORING / "alerts.yaml").read_text())
    tested = set(re.findall(r"alertname: (\w+)", (MONITORING / "alerts_test.yaml").read_text()))
    runbook = re.findall(r"^\*\*(Aftercare\w+)\*\*", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    assert alerts
    assert set(alerts) == tested == set(runbook)


def test_every_panel_of_the_dashboard_has_a_query() -> None:
    dashboard: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
    assert dashboard["panels"]
    assert all(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])


@asynccontextmanager
async def prometheus(folder: Path, settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a Prometheus that scrapes the stack every second."""
    assert PROMETHEUS is not None
    port = free_ports(1)[0]
    config = (MONITORING / "prometheus.yaml").read_text().replace("15s", "1s").replace("type: A", "# no names here")
    config = config.replace("names: [api]", f"targets: ['{HOST}:{settings.api_port}']")
    config = config.replace("names: [worker]", f"targets: ['{settings.worker_metrics}']")
    config = re.sub(r"dns_sd_configs", "static_configs", re.sub(r"port: \d+", "", config))
    (folder / "prometheus.yaml").write_text(config)
    shutil.copy(MONITORING / "alerts.yaml", folder)
    process = await asyncio.create_subprocess_exec(
        PROMETHEUS,
        f"--config.file={folder}/prometheus.yaml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={HOST}:{port}",
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with httpx2.AsyncClient(base_url=f"http://{HOST}:{port}", trust_env=False) as http:
            yield http
    finally:
        process.terminate()
        await process.wait()


async def value(http: httpx2.AsyncClient, expression: str) -> float | None:
    """The value of the expression's one series; None while there is none or Prometheus starts."""
    try:
        answer = (await http.get("/api/v1/query", params={"query": expression})).json()
    except (httpx2.TransportError, json.JSONDecodeError):
        return None
    series = answer.get("data", {}).get("result", [])
    return float(series[0]["value"][1]) if series else None


@needs_prometheus
async def test_a_real_prometheus_scrapes_the_running_parts(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "prometheus"
    folder.mkdir()
    settings = scratch_settings(home).model_copy(update={"worker_metrics": f"{HOST}:{free_ports(1)[0]}"})
    async with running(settings) as (_, claims_api), prometheus(folder, settings) as http:
        await claims_api.shipped()
        async with asyncio.timeout(_PATIENCE):
            for expression, expected in (
                ('sum(up{job=~"aftercare-(api|worker)"})', 2),
                ('aftercare_open_claims{state="awaiting_return"}', 1),
                ('sum(aftercare_gateway_request_seconds_count{operation="authorize"})', 1),
            ):
                while await value(http, expression) != expected:
                    await asyncio.sleep(0.2)
