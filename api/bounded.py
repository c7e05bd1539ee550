"""API: every conversation with Temporal has an end: in time, and in the door's own words. Knows no workflow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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

from api.door import Gone, Refused, Unavailable
from domain.kinds import Action

NO_ANSWER: Final = (RPCTimeoutOrCancelledError, TimeoutError)
_AFTER_A_CLOSED_UPDATE: Final = "AcceptedUpdateCompletedWorkflow"
NOT_READY: Final = RPCStatusCode.FAILED_PRECONDITION
"""A workflow whose worker went away in the middle of a task: it answers again once a worker gets on with it."""
_OURS: Final = {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.UNIMPLEMENTED}
"""Answers that say the request itself is wrong: a fault of this program, not an outage."""


@asynccontextmanager
async def answered(within: timedelta) -> AsyncIterator[None]:
    """Bound the whole conversation and turn what Temporal raises into the door's own words."""
    try:
        async with asyncio.timeout(within.total_seconds()):
            yield
    except NO_ANSWER as error:
        raise Unavailable("no answer in time") from error
    except WorkflowUpdateFailedError as error:
        raise _refusal(error.cause) from error
    except ActivityFailureError as error:
        raise _refusal(error.cause) from error
    except WorkflowFailureError as error:
        cause = error.cause.cause if isinstance(error.cause, ActivityError) else error.cause
        raise _refusal(cause or error) from error
    except WorkflowQueryFailedError as error:
        raise Unavailable(f"the claim cannot be asked: {error}") from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise Gone(error.message) from error
        if error.status in _OURS:
            raise
        raise Unavailable(f"{error.status.name}: {error.message}") from error


def _refusal(cause: BaseException) -> Exception:
    if not isinstance(cause, ApplicationError):
        return Unavailable(f"it could not be done in time: {cause}")
    if cause.type == _AFTER_A_CLOSED_UPDATE:
        return Gone(cause.message)
    details: Any = cause.details[0] if cause.details else None
    if isinstance(details, list):  # an activity names fields
        return Refused(
            cause.type or "", cause.message, fields=[(wrong["field"], wrong["message"]) for wrong in details]
        )
    if not isinstance(details, dict):
        return Refused(cause.type or "", cause.message)
    allowed = [Action(action) for action in details.get("allowed_actions", ())]
    return Refused(cause.type or "", cause.message, details.get("rule"), allowed)
