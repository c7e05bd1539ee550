"""Benchmarks: the floor's worker process: the product's worker options, another workflow. Ends with SIGTERM."""

import asyncio
import signal
from datetime import timedelta

from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from benchmarks.floor.workflow import ACTIVITIES, FloorClaim
from settings import load_settings
from temporal_runtime.client import connect_client

QUEUE = "floor"


async def main() -> None:
    """Work until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings = load_settings()
    client = await connect_client(settings)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[FloorClaim],
        activities=ACTIVITIES,
        workflow_runner=_runner(),
        graceful_shutdown_timeout=timedelta(seconds=settings.worker_grace_seconds),
        max_cached_workflows=settings.worker_cached_claims,
    )
    async with worker:
        await stop.wait()


def _runner() -> SandboxedWorkflowRunner:
    """The SDK's own sandbox, as its documentation has it: nothing is imported again for each claim."""
    known = SandboxRestrictions.default.with_passthrough_modules("domain", "messages", "benchmarks")
    return SandboxedWorkflowRunner(restrictions=known)


if __name__ == "__main__":
    asyncio.run(main())
