"""Temporal: refuses events that no workflow task has taken up yet.

The workflow's clock is the start of its workflow task. A query that waited while no worker ran is answered from a
history that may end with events after the last task: a timer that has fired, a signal. The SDK (1.35) applies them with
the time of the task before, and keeps the workflow so. Its next task then decides by that time, and a later replay,
which has the right one, fails as nondeterministic. Refusing such events fails the query, which its caller repeats, and
the workflow is replayed for its next task (decision 0063).
"""

from typing import Final

from temporalio.bridge.proto.workflow_activation import WorkflowActivation

_QUERY: Final = "query_workflow"


class EventsWithoutTaskError(RuntimeError):
    """The history has events that no workflow task has taken up. A query that fails with it may be repeated."""

    def __init__(self) -> None:
        super().__init__("A workflow task is waiting for this workflow. Repeat the query in a moment.")


class TaskTimes:
    """Time and length of history of one cached workflow's last activation: a longer history needs a later time."""

    def __init__(self) -> None:
        self._last: tuple[tuple[int, int], int] | None = None

    def check(self, act: WorkflowActivation) -> None:
        """Raise EventsWithoutTaskError when `act` has events of no workflow task."""
        if all(job.WhichOneof("variant") == _QUERY for job in act.jobs):
            return
        time, length = (act.timestamp.seconds, act.timestamp.nanos), act.history_length
        if self._last is not None and time == self._last[0] and length > self._last[1]:
            raise EventsWithoutTaskError
        self._last = time, length
