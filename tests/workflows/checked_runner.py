"""The SDK's runner without a sandbox, with the worker's check of the events of an activation."""

from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowInstanceDetails

from temporal_runtime.sandbox import ContextFreeInstance


class CheckedRunner(UnsandboxedWorkflowRunner):
    """For tests that restart workers; the sandbox has tests of its own."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return ContextFreeInstance(super().create_instance(det))
