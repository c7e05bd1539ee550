"""The real Temporal server for tests: the installed package's dev server, tuned so that weeks take milliseconds."""

import sys
from pathlib import Path

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from messages.search import SEARCH_ATTRIBUTES

_DYNAMIC_CONFIG = (
    "frontend.WorkflowTimeSkippingEnabled=true",
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    'history.timerProcessorMaxTimeShift="1ms"',
)


async def start_temporal(identity: str | None = None, port: int | None = None) -> WorkflowEnvironment:
    """A server of its own with everything in memory; `identity` is what its client calls itself in histories."""
    return await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(Path(sys.executable).parent / "temporal"),
        dev_server_log_level="never",
        dev_server_extra_args=[arg for value in _DYNAMIC_CONFIG for arg in ("--dynamic-config-value", value)],
        search_attributes=SEARCH_ATTRIBUTES,
        data_converter=pydantic_data_converter,
        identity=identity,
        port=port,
    )
