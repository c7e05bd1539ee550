"""The environments of the state machine over whole claims: one for each hold policy, with its worker."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

from temporalio.worker import Worker

from domain.kinds import HoldPolicy
from tests.payments.claim_environment import ClaimEnvironment

T = TypeVar("T")


@dataclass
class ClaimEnvironments:
    """An environment for each hold policy, its worker, and the event loop: hypothesis calls rules, not coroutines."""

    loop: asyncio.AbstractEventLoop
    by_policy: dict[HoldPolicy, ClaimEnvironment]
    workers: dict[HoldPolicy, Worker] = field(default_factory=dict)
    steps: int = 0
    endings: Counter[str] = field(default_factory=Counter)

    def run(self, something: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await something

        return self.loop.run_until_complete(awaited())

    async def open(self) -> None:
        for policy in self.by_policy:
            await self.restart(policy)

    async def restart(self, policy: HoldPolicy) -> None:
        """Stop the worker and start another."""
        await self.close(policy)
        self.workers[policy] = self.by_policy[policy].worker()
        await self.workers[policy].__aenter__()

    async def close(self, policy: HoldPolicy) -> None:
        worker = self.workers.pop(policy, None)
        if worker is not None:
            await worker.__aexit__(None, None, None)
