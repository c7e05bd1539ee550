"""The request that asks Temporal who polls a lane, as the API and the commands send it."""

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from messages.lanes import Lane, queue_of


def lane_polls(namespace: str, lane: Lane, task_queue: str) -> DescribeTaskQueueRequest:
    """`task_queue` is that of the workflows. The response names the pollers of the last minutes."""
    workflows = lane is Lane.WORKFLOWS
    return DescribeTaskQueueRequest(
        namespace=namespace,
        task_queue=TaskQueue(name=queue_of(lane, task_queue)),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW if workflows else TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    )
