"""What the workflow engine would say, by hand: every process runs unless told otherwise. Counts who asks at once."""

import asyncio

from activities.reconciliation import Processes
from domain.reconciliation_rules import Process


class FakeProcesses(Processes):
    def __init__(self) -> None:
        self.states: dict[str, Process] = {}
        self.asked: list[str] = []
        self.most_at_once = 0
        self._now = 0

    async def state(self, workflow_id: str) -> Process:
        self.asked.append(workflow_id)
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        await asyncio.sleep(0.001)
        self._now -= 1
        return self.states.get(workflow_id, Process.RUNNING)
