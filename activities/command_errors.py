"""Activities: a refused command as an ApplicationError: its code is the type, its detail the invalid fields."""

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from store.writes.command_refused import CommandRefused


@contextmanager
def refusals_as_application_errors() -> Iterator[None]:
    """Raise CommandRefused as a non-retryable ApplicationError of its code.

    Its one detail is a list of `{"field": ..., "message": ...}`.
    """
    try:
        yield
    except CommandRefused as refused:
        fields = [{"field": field, "message": message} for field, message in refused.fields]
        # Benign: a refusal is an answer, and the SDK logs no traceback for it.
        raise ApplicationError(
            str(refused), fields, type=refused.code, non_retryable=True, category=ApplicationErrorCategory.BENIGN
        ) from refused
