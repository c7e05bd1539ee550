"""The lanes of the work: each is a task queue of its own, so that no lane waits for another."""

from enum import StrEnum


class Lane(StrEnum):
    """`workflows` has the workflow tasks with their local activities, the other lanes the activities of their kind."""

    WORKFLOWS = "workflows"
    MONEY = "money"
    MAIL = "mail"
    RECORD = "record"


def queue_of(lane: Lane, task_queue: str) -> str:
    """The lane's task queue; `task_queue` is that of the workflows, which served everything until release 0.3.0."""
    return task_queue if lane is Lane.WORKFLOWS else f"{task_queue}-{lane.value}"
