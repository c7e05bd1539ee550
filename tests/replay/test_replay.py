"""Claims live for weeks, so what began under yesterday's code goes on under today's: every stored history replays."""

import ast
import base64
import inspect
import json
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from domain.kinds import Outcome
from temporal_runtime.data_converter import DATA_CONVERTER
from temporal_runtime.lanes import LaneInterceptor
from tests.replay import planted
from tests.replay.record import HISTORIES
from tests.replay.scenarios import SCENARIOS
from worker import workflow_runner, workflows
from workflows.parts import replacement

FILES = sorted(HISTORIES.glob("*/*.json"))
RECORD = "add a scenario to tests/replay and run `python -m tests.replay.record <its name>`"
OTHER_ENDS = {
    # Refused before there is a claim, or cancelled in the Temporal UI.
    "CareExpressPremium": {"refused", "cancelled in Temporal", "still open"},
    "CareExpressStandard": {"refused", "cancelled in Temporal", "still open"},
    "Flyaway": {"refused", "cancelled in Temporal", "still open"},
    # Maintenance shares the ends of a service job; how a unit goes back is named in a table there.
    "OnlineRepair": {"cancelled in Temporal", "still open", "repaired"},
    "PlanPurchase": {"bought", "refused", "declined"},
    "PlanRefund": {"ended", "refused"},
    "RenewalReminders": {"done"},
    "ReconcilePayments": {"done"},
    "MailDelivery": {"still open"},
}


def name_of(file: Path) -> str:
    """`0.2.0/CareExpressPremium.good_return`"""
    return str(file.relative_to(HISTORIES).with_suffix(""))


def kind_of(file: Path) -> str:
    return file.name.partition(".")[0]


def events(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(file.read_text())["events"]
    return found


def ending(file: Path) -> str:
    """How the run ended: a claim's outcome, a purchase's result, or its status in Temporal."""
    last = events(file)[-1]
    if last["eventType"] == "EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED":
        return "cancelled in Temporal"
    if last["eventType"] != "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED":
        return "still open"
    result = last["workflowExecutionCompletedEventAttributes"]["result"]["payloads"][0]["data"]
    value = json.loads(base64.b64decode(result))
    return str(value if isinstance(value, str) else value.get("result", "done"))


async def replay(
    files: Iterable[Path], classes: Sequence[type], runner: SandboxedWorkflowRunner
) -> Mapping[str, Exception]:
    """What failed, by the history's name."""
    replayer = Replayer(
        workflows=classes, data_converter=DATA_CONVERTER, workflow_runner=runner, interceptors=[LaneInterceptor()]
    )
    names: dict[str, str] = {}

    async def histories() -> AsyncIterator[WorkflowHistory]:
        for file in files:
            history = WorkflowHistory.from_json(file.stem, file.read_text())
            names[history.run_id] = name_of(file)
            yield history

    results = await replayer.replay_workflows(histories(), raise_on_replay_failure=False)
    return {names[run]: failure for run, failure in results.replay_failures.items()}


@pytest.fixture(scope="module")
async def failures() -> Mapping[str, Exception]:
    """What fails when every history is replayed as the worker would."""
    return await replay(FILES, workflows(), workflow_runner())


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_every_stored_history_replays(file: Path, failures: Mapping[str, Exception]) -> None:
    if name_of(file) in failures:
        broken = "a running claim would break: keep the old path behind workflow.patched"
        raise AssertionError(broken) from failures[name_of(file)]


async def test_the_rules_are_as_deterministic_as_the_processes() -> None:
    """Without the pass-through the sandbox checks `domain` too: a rule that reads the clock fails."""
    longest = {(kind_of(file), file.parent): file for file in sorted(FILES, key=lambda file: file.stat().st_size)}
    assert await replay(longest.values(), workflows(), SandboxedWorkflowRunner()) == {}


def test_every_scenario_has_its_history() -> None:
    assert {scenario.file for scenario in SCENARIOS} <= {file.name for file in FILES}, RECORD


def test_every_process_has_histories() -> None:
    assert {kind_of(file) for file in FILES} == {workflow.__name__ for workflow in workflows()}, RECORD


def modules_of(workflow: type) -> set[ModuleType]:
    """The process's module and the parts that it imports, theirs included."""
    found, ahead = set(), [sys.modules[workflow.__module__]]
    while ahead:
        module = ahead.pop()
        found.add(module)
        imports = (node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.ImportFrom))
        parts = {
            sys.modules[node.module or ""] for node in imports if (node.module or "").startswith("workflows.parts.")
        }
        ahead += parts - found
    return found


def named_outcomes(workflow: type) -> set[str]:
    """The outcomes that the process and its parts close a claim with."""
    found: set[str] = set()
    for module in modules_of(workflow) - {replacement}:
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr == "close":
                    names = {
                        name.attr
                        for argument in node.args
                        for name in ast.walk(argument)
                        if isinstance(name, ast.Attribute)
                    }
                    found |= {Outcome[name].value for name in names & set(Outcome.__members__)}
                elif node.func.attr == "close_as_replaced":
                    found.add(Outcome.REPLACED.value)
    return found


REACHED: dict[str, set[str]] = defaultdict(set)
for _file in FILES:
    REACHED[kind_of(_file)].add(ending(_file))


@pytest.mark.parametrize("workflow", [w for w in workflows() if w.__name__ in OTHER_ENDS], ids=lambda w: w.__name__)
def test_every_way_a_process_ends_is_among_its_histories(workflow: type) -> None:
    assert REACHED[workflow.__name__] == named_outcomes(workflow) | OTHER_ENDS[workflow.__name__], RECORD


CHANGES = [planted.OneStepLess, planted.AnotherOrder, planted.OneTimerMore]
GOOD_RETURN = HISTORIES / "0.2.0" / "CareExpressPremium.good_return.json"


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_a_planted_change_is_caught(change: type) -> None:
    assert name_of(GOOD_RETURN) in await replay([GOOD_RETURN], [change], workflow_runner())


async def test_a_change_for_new_claims_alone_replays() -> None:
    assert await replay([GOOD_RETURN], [planted.OneTimerMoreForNewClaims], workflow_runner()) == {}


async def test_an_additional_mail_adds_no_command() -> None:
    assert await replay([GOOD_RETURN], [planted.OneMailMore], workflow_runner()) == {}


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_history_is_one_line_and_names_no_machine(file: Path) -> None:
    text = file.read_text()
    assert text.count("\n") == 1
    assert not {str(found) for found in identities(json.loads(text))} - {"recorder"}


def identities(part: Any) -> Iterable[object]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "identity":
                yield value
            yield from identities(value)
    elif isinstance(part, list):
        for each in part:
            yield from identities(each)
