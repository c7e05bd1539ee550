"""Activities: a refused command as Temporal carries it: typed, final, with the fields it is about."""

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.exceptions import ApplicationError

from store.writes.refused import Refused


@contextmanager
def refused_for_good() -> Iterator[None]:
    """Turn Refused into an ApplicationError of its code that is never retried.

    Its one detail is a list of `{"field": ..., "message": ...}`.
    """
    try:
        yield
    except Refused as refused:
        fields = [{"field": field, "message": message} for field, message in refused.fields]
        raise ApplicationError(str(refused), fields, type=refused.code, non_retryable=True) from refused
