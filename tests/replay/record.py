"""`python -m tests.replay.record [name ...]`: plays the scenarios on the real server and keeps their histories.

Run it after a scenario was added. A history of a release that is in use is never replaced: it is what a running claim
may look like, so a change that cannot replay it needs `workflow.patched`.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

from tests.replay.scenario import Scenario
from tests.replay.scenarios import SCENARIOS
from tests.server import start_temporal

HISTORIES = Path(__file__).with_name("histories")
LATEST = HISTORIES / "0.3.0"
"""A folder for each release: the histories of scenarios that are new in it or take another way since."""
_AT_ONCE = 2
# A scenario whose run does not end as expected would be waited for without end.
_PATIENCE = 120.0
# A replay reads none of these, and they would make up more than half of the files. The flags in sdkMetadata stay:
# without them it does not know what marks a patch.
_UNREAD = {
    "taskId",
    "requestId",
    "userMetadata",
    "header",
    "priority",
    "stackTrace",
    "meteringMetadata",
    "workerVersion",
    "sdkName",
    "sdkVersion",
}


def kept(history: WorkflowHistory) -> str:
    """The history as one line of JSON with what a replay reads."""
    events = [_without_unread(event) for event in history.to_json_dict()["events"]]
    for event in events:
        event.get("activityTaskScheduledEventAttributes", {}).pop("input", None)
        event.get("workflowExecutionUpdateCompletedEventAttributes", {}).get("outcome", {}).pop("success", None)
    return json.dumps({"events": events}, separators=(",", ":"), sort_keys=True) + "\n"


def _without_unread(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _without_unread(value) for name, value in part.items() if name not in _UNREAD}
    return [_without_unread(each) for each in part] if isinstance(part, list) else part


async def record(scenarios: Sequence[Scenario]) -> None:
    LATEST.mkdir(exist_ok=True)
    gate = asyncio.Semaphore(_AT_ONCE)
    async with await start_temporal(identity="recorder") as server:

        async def play(scenario: Scenario) -> None:
            async with gate, asyncio.timeout(_PATIENCE), scenario.played(server.client) as workflow_id:
                history = await server.client.get_workflow_handle(workflow_id).fetch_history()
                (LATEST / scenario.file).write_text(kept(history))
                print(scenario.file)

        results = await asyncio.gather(*map(play, scenarios), return_exceptions=True)
    failed = [
        f"{scenario.file}: {result!r}"
        for scenario, result in zip(scenarios, results, strict=True)
        if result is not None
    ]
    if failed:
        raise SystemExit("\n".join(failed))


def main(names: Sequence[str]) -> None:
    asyncio.run(
        record([scenario for scenario in SCENARIOS if not names or any(name in scenario.file for name in names)])
    )


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # the SDK's threads may still call into an interpreter that is being taken down
