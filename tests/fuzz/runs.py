"""Schemathesis as a process: its configuration, which names cases that exist, its run and what it found."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from settings.constants import DEVELOPMENT_KEY
from tests.api.conftest import broken
from tests.fuzz import hooks
from tests.system.claims_api import ClaimsApi

ROOT: Final = Path(__file__).parents[2]
COVERAGE: Final = ("--phases", "examples,coverage", "--generation-deterministic")
"""The document's examples, and each value at and just beyond a limit: the same requests in every run."""
Names = dict[str, list[str]]
"""Values of path parameters."""
_CONFIGURATION: Final = f"""
hooks = "tests.fuzz.hooks"
continue-on-failure = true
headers = {{ Authorization = "Bearer {DEVELOPMENT_KEY}" }}
warnings = false
max-stream-events = 1
"""


@dataclass(frozen=True)
class Fuzzed:
    """`failures` are operations by kind of failure, as `UndefinedStatusCode GET /v1/claims`. `output` is for people."""

    failures: frozenset[str]
    requests: int
    output: str


async def cases(claims_api: ClaimsApi) -> Names:
    """A device with a plan, a parcel, and claims of several services and states."""
    device, repaired = await claims_api.covered(), broken(serial_number=await claims_api.covered())
    (plan,) = (await claims_api.get(f"/devices/{device}/plans"))["items"]
    parcel = await claims_api.post_ok("/unclaimed-parcels", {"reason": "No papers inside."})
    claims = [
        await claims_api.judged(),
        await claims_api.shipped(),
        await claims_api.judged(tier="standard"),
        await claims_api.post_ok("/claims", claims_api.lost(await claims_api.covered())),
        await claims_api.post_ok("/claims", repaired),
        await claims_api.post_ok(f"/claims/{(await claims_api.judged())['id']}/cancel"),
    ]
    return {
        "claim_id": [claim["id"] for claim in claims],
        "serial": [device],
        "plan_id": [plan["id"]],
        "parcel_id": [parcel["id"]],
        "gateway": ["simulated"],
        "carrier": ["demo"],
    }


async def run(
    document: str, names: Names, folder: Path, secrets: Mapping[str, str], options: Sequence[str] = COVERAGE
) -> Fuzzed:
    """What `st run` finds with the document at that address or path. `folder` takes its files."""
    configuration, report = folder / "schemathesis.toml", folder / "report.json"
    report.unlink(missing_ok=True)
    configuration.write_text(_CONFIGURATION)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration), "run", document]
    command += ["--no-color", "--report-json-path", str(report), *options]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        hooks.NAMES_VARIABLE: json.dumps(names),
        hooks.SECRETS_VARIABLE: json.dumps(dict(secrets)),
    }
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output = (await process.communicate())[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert report.exists(), output
    found = json.loads(report.read_text())
    failures = {f"{each['type']} {operation}" for each in found["failures"] for operation in each["operations"]}
    assert found["complete"], output
    assert not found["errors"], output
    assert (process.returncode == 0) == (not failures), output
    return Fuzzed(frozenset(failures), found["test_cases"]["generated"], output)
