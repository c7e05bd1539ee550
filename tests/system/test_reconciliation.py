"""`aftercare reconcile` on the local stack: whole claims agree; a claim with a terminated workflow is reported."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.commands import scratch_settings
from devstack.stack import Stack
from settings import Settings
from store.migrate import upgrade
from tests.system.test_crashes import running

ROOT = Path(__file__).parents[2]


def aftercare(settings: Settings, address: str, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | settings.to_environment() | {"TEMPORAL_ADDRESS": address, "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "cli", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
    )


async def test_a_claim_ended_in_temporal_is_named_and_whole_claims_are_not(tmp_path: Path) -> None:
    """Invariant 14; a terminate runs no code, so its hold has no owner."""
    settings = scratch_settings(tmp_path)
    async with running(settings) as (stack, claims_api):
        await claims_api.returned(await claims_api.shipped())
        defaulted = await claims_api.shipped()
        await claims_api.forward(defaulted, until="due")
        late = await claims_api.shipped()
        await claims_api.forward(late, until="due")
        await claims_api.returned(late)
        cancelled = await claims_api.claimed()
        await claims_api.post_ok(f"/claims/{cancelled['id']}/cancel", {"reason": "changed my mind"})
        lost, kept = await claims_api.shipped(), await claims_api.shipped()

        completed = aftercare(settings, stack.temporal_address, "reconcile")
        assert completed.returncode == 0, completed.stdout + completed.stderr
        agreed = re.fullmatch(r"Everything agrees: (\d+) payments, 2 live holds, as at .* UTC\n", completed.stdout)
        assert agreed, completed.stdout
        payments = int(agreed[1])
        assert payments >= 12, "six holds, six fees, and what was renewed"

        await stack.client.get_workflow_handle(lost["id"]).terminate("ended by hand")
        before = await claims_api.get(f"/claims/{lost['id']}/ledger")
        completed = aftercare(settings, stack.temporal_address, "reconcile")
        assert completed.returncode == 1, completed.stdout + completed.stderr
        assert "hold_without_workflow" in completed.stdout
        assert lost["id"] in completed.stdout
        assert "the process of " + lost["id"] + " is terminated" in " ".join(completed.stdout.replace("│", " ").split())
        assert "Nobody will release, renew or capture it." in completed.stdout
        assert kept["id"] not in completed.stdout
        assert f"1 finding: {payments} payments, 2 live holds" in completed.stdout
        assert await claims_api.get(f"/claims/{lost['id']}/ledger") == before

        last = aftercare(settings, stack.temporal_address, "reconcile", "--last", "--json")
        assert last.returncode == 1
        report = json.loads(last.stdout)
        (finding,) = report["findings"]
        assert (finding["code"], finding["subject"]) == ("hold_without_workflow", lost["id"])
        assert finding["advice"]
        assert (report["payments_checked"], report["holds_live"]) == (payments, 2)


async def test_a_run_that_cannot_start_reports_why_and_exits_with_two(tmp_path: Path) -> None:
    settings = scratch_settings(tmp_path).model_copy(update={"connect_seconds": 1})
    assert settings.database_url
    upgrade(settings.database_url)
    away = aftercare(settings, "127.0.0.1:1", "reconcile")
    assert (away.returncode, away.stderr.startswith("Temporal does not answer at 127.0.0.1:1")) == (2, True)
    async with Stack(settings, parts=("temporal",)) as stack:
        idle = aftercare(settings, stack.temporal_address, "reconcile")
        assert idle.returncode == 2
        assert idle.stderr.startswith("No worker polls workflows, money, mail, record of 'aftercare")
        none = aftercare(settings, stack.temporal_address, "reconcile", "--last")
        assert (none.returncode, none.stderr) == (2, "There is no report yet: `aftercare reconcile` makes one\n")


@pytest.mark.parametrize("words", [("reconcile",), ("reconcile", "--last")])
def test_a_missing_database_is_reported(tmp_path: Path, words: tuple[str, ...]) -> None:
    response = aftercare(scratch_settings(tmp_path), "127.0.0.1:1", *words)
    assert response.returncode == 2
    assert response.stderr == "The database has no tables yet: run `aftercare db upgrade`\n"
