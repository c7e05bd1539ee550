"""What Temporal raises, in the door's own words."""

import pytest
from temporalio.service import RPCError, RPCStatusCode

from api.bounded import answered
from api.client import QUICK
from api.door import Gone, Unavailable


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (RPCStatusCode.UNAVAILABLE, Unavailable),
        (RPCStatusCode.RESOURCE_EXHAUSTED, Unavailable),
        (RPCStatusCode.FAILED_PRECONDITION, Unavailable),  # the worker was lost in the middle of a task
        (RPCStatusCode.NOT_FOUND, Gone),
        (RPCStatusCode.INVALID_ARGUMENT, RPCError),  # a fault of this program
    ],
    ids=lambda value: value.name if isinstance(value, RPCStatusCode) else value.__name__,
)
async def test_an_answer_of_the_server_is_told_in_the_doors_words(status: RPCStatusCode, told: type[Exception]) -> None:
    with pytest.raises(told):
        async with answered(QUICK):
            raise RPCError("said the server", status, b"")
