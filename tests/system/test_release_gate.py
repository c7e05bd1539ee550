"""`aftercare temporal replay`: this release continues its claims; one that forgets a step does not."""

import os
import subprocess
import sys
from pathlib import Path

from devstack.commands import scratch_settings
from settings import Settings
from tests.system.test_crashes import running

ROOT = Path(__file__).parents[2]
FORGETS_THE_RELEASE = """
import workflows.parts.card_hold

async def release(self):
    return self._record.claim.fee.zero()

workflows.parts.card_hold.CardHold.release = release
"""


def replay(
    settings: Settings, address: str, *options: str, code: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """The command's result; `code` is a folder whose `sitecustomize` changes this release."""
    path = os.pathsep.join(str(folder) for folder in (code, ROOT) if folder)
    environment = os.environ | settings.to_environment() | {"TEMPORAL_ADDRESS": address, "PYTHONPATH": path}
    command = [sys.executable, "-m", "cli", "temporal", "replay", "--processes", "1", *options]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


async def test_a_release_that_would_break_running_claims_is_stopped(tmp_path: Path) -> None:
    settings = scratch_settings(tmp_path / "home")
    async with running(settings) as (stack, claims_api):
        await claims_api.shipped()
        closed = await claims_api.shipped()
        await claims_api.returned(closed)

        completed = replay(settings, stack.temporal_address)
        assert completed.returncode == 0, completed.stdout + completed.stderr
        # Two claims and the mail delivery.
        assert completed.stdout == "3 histories replay\n"
        assert replay(settings, stack.temporal_address, "--closed-days", "0").stdout == "2 histories replay\n"

        code = tmp_path / "code"
        code.mkdir()
        (code / "sitecustomize.py").write_text(FORGETS_THE_RELEASE)
        completed = replay(settings, stack.temporal_address, code=code)
        assert completed.returncode == 1, completed.stdout + completed.stderr
        assert closed["id"] in completed.stderr
        assert "This release would break running workflows; 1 seen" in completed.stdout
