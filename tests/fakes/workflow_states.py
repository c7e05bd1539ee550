"""A fake of workflow states: every workflow runs unless set otherwise. Counts concurrent calls."""

import asyncio

from activities.reconciliation import WorkflowStates
from domain.reconciliation_rules import WorkflowStatus


class FakeWorkflowStates(WorkflowStates):
    def __init__(self) -> None:
        self.states: dict[str, WorkflowStatus] = {}
        self.read: list[str] = []
        self.most_at_once = 0
        self._now = 0

    async def state(self, workflow_id: str) -> WorkflowStatus:
        self.read.append(workflow_id)
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        await asyncio.sleep(0.001)
        self._now -= 1
        return self.states.get(workflow_id, WorkflowStatus.RUNNING)
