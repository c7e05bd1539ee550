"""Temporal's errors as the API's own types."""

import pytest
from temporalio.service import RPCError, RPCStatusCode

from api.claim_commands import ClaimNotRunning, TemporalUnavailable
from api.rpc_errors import QUICK_TIMEOUT, translate_rpc_errors


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (RPCStatusCode.UNAVAILABLE, TemporalUnavailable),
        (RPCStatusCode.RESOURCE_EXHAUSTED, TemporalUnavailable),
        (RPCStatusCode.FAILED_PRECONDITION, TemporalUnavailable),  # the worker was lost in the middle of a task
        (RPCStatusCode.NOT_FOUND, ClaimNotRunning),
        (RPCStatusCode.INVALID_ARGUMENT, TemporalUnavailable),  # a limit of the server
        (RPCStatusCode.UNIMPLEMENTED, RPCError),  # a fault of this program
    ],
    ids=lambda value: value.name if isinstance(value, RPCStatusCode) else value.__name__,
)
async def test_an_rpc_error_is_translated(status: RPCStatusCode, error: type[Exception]) -> None:
    with pytest.raises(error):
        async with translate_rpc_errors(QUICK_TIMEOUT):
            raise RPCError("reported by the server", status, b"")
