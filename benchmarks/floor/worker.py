"""Benchmarks: the floor's worker process: the product's worker options, another workflow. Ends with SIGTERM."""

import asyncio
import signal

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from benchmarks.floor.workflow import ACTIVITIES, FloorClaim
from settings import load_settings
from temporal_runtime.client import connect_client
from worker import worker_on

QUEUE = "floor"


async def main() -> None:
    """Work until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings = load_settings().model_copy(update={"task_queue": QUEUE})
    client = await connect_client(settings)
    async with worker_on(client, settings, workflows=[FloorClaim], activities=ACTIVITIES, runner=_runner()):
        await stop.wait()


def _runner() -> SandboxedWorkflowRunner:
    """The SDK's own sandbox, as its documentation has it: nothing is imported again for each claim."""
    known = SandboxRestrictions.default.with_passthrough_modules("domain", "messages", "benchmarks")
    return SandboxedWorkflowRunner(restrictions=known)


if __name__ == "__main__":
    asyncio.run(main())
