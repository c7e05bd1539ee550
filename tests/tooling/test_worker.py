"""The worker runs exactly the declared activities, and its sandbox isolates workflows from other modules."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from temporalio import workflow
from temporalio.converter import WithSerializationContext, WorkflowSerializationContext
from temporalio.testing import WorkflowEnvironment
from temporalio.worker.workflow_sandbox import (
    SandboxedWorkflowRunner,
    SandboxRestrictions,
    UnintentionalPassthroughError,
)

import messages
import workflows as processes
from devstack.commands import scratch_settings
from messages.lanes import Lane
from settings import Settings, SettingsError, load_settings
from store.database import Database
from temporal_runtime.data_converter import converter_with
from temporal_runtime.lanes import lane_workers
from temporal_runtime.payload_encryption import PayloadEncryption
from worker import activities, workflow_runner, workflows

_DEFINITION = "__temporal_activity_definition"
ROOT = Path(__file__).parents[2]
PLANTED = """
from temporalio import workflow

import store.tables


@workflow.defn
class Planted:
    @workflow.run
    async def run(self) -> None: ...
"""


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def classes(package: ModuleType) -> Iterator[type]:
    """Every class that the package defines."""
    for module in modules(package):
        for _, found in inspect.getmembers(module, inspect.isclass):
            if found.__module__ == module.__name__:
                yield found


def signatures() -> dict[str, type]:
    """The abstract class of every activity method in messages/, by `Class.method`."""
    return {
        f"{party.__name__}.{name}": party
        for party in classes(messages)
        if inspect.isabstract(party)
        for name in getattr(party, "__abstractmethods__", ())
    }


@pytest.fixture
def registered(tmp_path: Path) -> list[Callable[..., Any]]:
    settings = scratch_settings(tmp_path)
    return activities(settings, Database(settings.database_url))


def test_every_abstract_method_in_messages_is_an_activity() -> None:
    assert signatures()
    for named, party in signatures().items():
        assert hasattr(getattr(party, named.partition(".")[2]), _DEFINITION), f"{named} lacks @activity.defn"


def test_what_is_registered_is_what_the_signatures_name(registered: list[Callable[..., Any]]) -> None:
    found = []
    for method in registered:
        owner = type(getattr(method, "__self__"))  # noqa: B009
        party = next(parent for parent in owner.__mro__ if inspect.isabstract(parent))
        found.append(f"{party.__name__}.{method.__name__}")
    assert sorted(found) == sorted(signatures())


def test_every_activity_carries_its_own_decorator_and_the_signatures_name(
    registered: list[Callable[..., Any]],
) -> None:
    for method in registered:
        # An override without the decorator has no definition of its own; the parent's is another function.
        definition = getattr(vars(type(getattr(method, "__self__")))[method.__name__], _DEFINITION)  # noqa: B009
        assert definition.name == method.__name__


def test_no_two_activities_have_one_name() -> None:
    names = [named.partition(".")[2] for named in signatures()]
    assert len(names) == len(set(names))


def test_every_workflow_is_registered() -> None:
    defined = [found for found in classes(processes) if workflow._Definition.from_class(found) is not None]
    own = [found for found in defined if "__temporal_workflow_definition" in vars(found)]
    assert sorted(found.__name__ for found in own) == sorted(found.__name__ for found in workflows())


def test_the_sandbox_passes_domain_messages_and_workflows_through_alone() -> None:
    passed = workflow_runner().restrictions.passthrough_modules
    assert passed - SandboxRestrictions.default.passthrough_modules == {"domain", "messages", "workflows"}


CONTEXT = WorkflowSerializationContext(namespace="default", workflow_id="clm_1")


def test_the_data_converter_needs_no_serialization_context() -> None:
    """`ContextFreeSandboxRunner` gives no context, so no codec or converter may need one."""
    converter = converter_with(PayloadEncryption({"k1": b"k" * 32}))
    assert converter.external_storage is None
    parts: tuple[object, ...] = (converter.payload_converter, converter.failure_converter, converter.payload_codec)
    for part in parts:
        assert not isinstance(part, WithSerializationContext) or part.with_context(CONTEXT) is part


def reimported(process: type) -> set[str]:
    """The modules the sandbox imports again for each run of `process`."""
    strict = workflow_runner().restrictions.with_import_notification_policy(
        workflow.SandboxImportNotificationPolicy.WARN_ON_UNINTENTIONAL_PASSTHROUGH
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        SandboxedWorkflowRunner(restrictions=strict).prepare_workflow(workflow._Definition.must_from_class(process))
    return {word for warning in caught for word in str(warning.message).split()[1:2]}


@pytest.mark.parametrize("process", workflows(), ids=lambda process: process.__name__)
async def test_no_module_is_imported_again_for_each_claim(process: type) -> None:
    assert reimported(process) == set()


async def test_the_worker_uses_the_cache_size_and_heartbeat_of_the_settings(
    temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    settings = scratch_settings(tmp_path).model_copy(update={"worker_cached_claims": 7})
    own_activities = activities(settings, Database(settings.database_url))
    (worker,) = lane_workers(
        temporal.client,
        settings,
        workflows=workflows(),
        activities=own_activities,
        runner=workflow_runner(),
        lanes=[Lane.WORKFLOWS],
    )
    config = worker.config()
    assert config.get("max_cached_workflows") == 7
    # A message to a claim of a killed worker needs its response within two seconds.
    assert config.get("sticky_queue_schedule_to_start_timeout", timedelta.max) <= timedelta(seconds=1)


async def test_each_lane_has_its_queue_and_concurrency_and_money_its_rate(
    temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    changes = {"worker_concurrency": {Lane.MONEY: 7}, "gateway_per_second": 3, "task_queue": "care"}
    settings = scratch_settings(tmp_path).model_copy(update=changes)
    workers = lane_workers(
        temporal.client,
        settings,
        workflows=workflows(),
        activities=activities(settings, Database(settings.database_url)),
        runner=workflow_runner(),
    )
    assert {
        worker.task_queue: (
            worker.config().get("max_concurrent_activities"),
            worker.config().get("max_task_queue_activities_per_second"),
        )
        for worker in workers
    } == {"care": (100, None), "care-money": (7, 3), "care-mail": (10, None), "care-record": (50, None)}


def test_deadlines_are_spread_in_production_alone() -> None:
    assert Settings.model_fields["spread_minutes"].default == 50
    assert Settings().spread_minutes == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AFTERCARE_SPREAD_MINUTES", "60"),
        ("AFTERCARE_WORKER_CONCURRENCY", '{"post": 1}'),
        ("AFTERCARE_WORKER_CONCURRENCY", '{"money": 0}'),
        ("AFTERCARE_WORKER_CONCURRENCY", "money:1"),
        ("AFTERCARE_GATEWAY_PER_SECOND", "0"),
    ],
)
def test_a_wrong_concurrency_or_rate_of_a_lane_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        load_settings()


async def test_a_workflow_that_imports_tables_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted_process.py").write_text(PLANTED)
    monkeypatch.syspath_prepend(tmp_path)
    process: type = importlib.import_module("planted_process").Planted
    assert "store" in {name.partition(".")[0] for name in reimported(process)}
    strict = workflow_runner().restrictions.with_import_notification_policy(
        workflow.SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    )
    with pytest.raises(UnintentionalPassthroughError, match="store"):
        SandboxedWorkflowRunner(restrictions=strict).prepare_workflow(workflow._Definition.must_from_class(process))


def test_a_workflow_imports_domain_messages_and_temporal_alone() -> None:
    """In a process of its own, where nothing else is imported: what the workflows bring with them."""
    names = sorted({found.__module__ for found in workflows()})
    code = f"import sys\nimport {', '.join(names)}\nprint('\\n'.join(sys.modules))"
    completed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    brought = {name.partition(".")[0] for name in completed.stdout.split()}
    assert brought & {"domain", "messages", "workflows"} == {"domain", "messages", "workflows"}
    assert not brought & {"store", "activities", "api", "sqlmodel", "sqlalchemy", "fastapi", "starlette", "httpx2"}
