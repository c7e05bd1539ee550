"""Temporal: the sandbox that runs workflows: the SDK's, without its calls for serialization contexts.

Before each payload is encoded or decoded the SDK calls the workflow inside the sandbox for its serialization and
storage context, and each call compiles and runs a program there. The project's data converter uses neither context
(a test checks it), so the calls are skipped. Decision 0025 has the measurement.

A worker also refuses events that belong to no workflow task yet (`temporal_runtime.task_times`).
"""

from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import Info

from temporal_runtime.task_times import TaskTimes

_NO_STORE_CONTEXT = StorageDriverStoreContext(target=None)


class ContextFreeSandboxRunner(SandboxedWorkflowRunner):
    """For data converters without serialization context and without external storage."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return ContextFreeInstance(super().create_instance(det))


class ContextFreeInstance(WorkflowInstance):
    """`instance` without calls for contexts, and without events of no task."""

    def __init__(self, instance: WorkflowInstance) -> None:
        self._instance = instance
        self._times = TaskTimes()

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        self._times.check(act)
        return self._instance.activate(act)

    def get_serialization_context(self, command_info: Any) -> SerializationContext | None:
        return None

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:
        return _NO_STORE_CONTEXT

    def get_info(self) -> Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()
