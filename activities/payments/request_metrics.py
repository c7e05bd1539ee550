"""Activities: how long payment requests take and how they end. The worker serves it with the SDK's metrics."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from temporalio import activity

REQUEST: Final = "aftercare_gateway_request"


class Observation:
    """`result` is set by the caller once there is one."""

    result: object = None


@asynccontextmanager
async def observed(operation: str) -> AsyncIterator[Observation]:
    """Record the duration of the block, labelled by operation and by its result or error."""
    observation, started = Observation(), time.perf_counter()
    outcome = "no_response"
    try:
        yield observation
        outcome = _snake(type(observation.result).__name__)
    except Exception as error:
        outcome = _snake(getattr(error, "type", None) or type(error).__name__)
        raise
    finally:
        if activity.in_activity():
            meter = activity.metric_meter().with_additional_attributes({"operation": operation, "outcome": outcome})
            duration = timedelta(seconds=time.perf_counter() - started)
            meter.create_histogram_timedelta(REQUEST, "A payment request, from its record to its result").record(
                duration
            )


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
