"""API: a time limit for every exchange with Temporal, and its errors in the API's own types. Knows no workflow."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any, Final

from temporalio.client import (
    ActivityFailureError,
    RPCTimeoutOrCancelledError,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from api.claim_commands import ClaimNotRunning, CommandRejected, EventNotTaken, TemporalUnavailable
from domain.kinds import Action

log = logging.getLogger("aftercare.api")

QUICK_TIMEOUT: Final = timedelta(seconds=5)
"""For a single call that Temporal answers at once."""
TIMEOUTS: Final = (RPCTimeoutOrCancelledError, TimeoutError)
WORKER_LOST: Final = RPCStatusCode.FAILED_PRECONDITION
"""The workflow's worker was lost in the middle of a task; it answers again once a worker takes the task."""
_UPDATE_OF_CLOSED_WORKFLOW: Final = "AcceptedUpdateCompletedWorkflow"


@asynccontextmanager
async def translate_rpc_errors(timeout: timedelta) -> AsyncIterator[None]:
    """Limit the block to `timeout`.

    Raises:
        TemporalUnavailable: no answer in time, or Temporal or its workers are unavailable.
        ClaimNotRunning: there is no such workflow, or it has closed.
        CommandRejected: the workflow or activity rejected the command.
    """
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            yield
    except TIMEOUTS as error:
        raise TemporalUnavailable("no answer in time") from error
    except WorkflowUpdateFailedError as error:
        raise _rejection(error.cause) from error
    except ActivityFailureError as error:
        raise _rejection(error.cause) from error
    except WorkflowFailureError as error:
        cause = error.cause.cause if isinstance(error.cause, ActivityError) else error.cause
        raise _rejection(cause or error) from error
    except WorkflowQueryFailedError as error:
        raise TemporalUnavailable(f"the claim cannot be queried: {error}") from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise ClaimNotRunning(error.message) from error
        if error.status is RPCStatusCode.UNIMPLEMENTED:
            raise  # a call that this server does not have: a fault of this program
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            log.error("Temporal refuses a request: %s", error.message)  # a limit, or a fault of this program
        raise TemporalUnavailable(f"{error.status.name}: {error.message}") from error


@asynccontextmanager
async def translate_signal_errors() -> AsyncIterator[None]:
    """Raises EventNotTaken where the workflow's limit of signals is reached."""
    try:
        yield
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            raise EventNotTaken(error.message) from error
        raise


def _rejection(cause: BaseException) -> Exception:
    if not isinstance(cause, ApplicationError):
        return TemporalUnavailable(f"it could not be done in time: {cause}")
    if cause.type == _UPDATE_OF_CLOSED_WORKFLOW:
        return ClaimNotRunning(cause.message)
    details: Any = cause.details[0] if cause.details else None
    if isinstance(details, list):  # an activity names fields
        fields = [(error["field"], error["message"]) for error in details]
        return CommandRejected(cause.type or "", cause.message, fields=fields)
    if not isinstance(details, dict):
        return CommandRejected(cause.type or "", cause.message)
    allowed = [Action(action) for action in details.get("allowed_actions", ())]
    declined = details.get("decline_code")
    return CommandRejected(cause.type or "", cause.message, details.get("rule"), allowed, decline_code=declined)


@contextmanager
def ignore_failed_query() -> Iterator[None]:
    """Suppress the errors of a query that no worker answers now, or not before the next workflow task."""
    try:
        yield
    except WorkflowQueryFailedError:
        return
    except RPCError as error:
        if error.status not in (WORKER_LOST, RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED):
            raise
