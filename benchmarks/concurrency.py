"""Benchmarks: a bounded number of concurrent clients."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

ItemT = TypeVar("ItemT")


async def run_all(items: Iterable[ItemT], at_once: int, run: Callable[[ItemT], Awaitable[object]]) -> None:
    """Await `run` of each item in their order, `at_once` of them in parallel."""
    remaining = iter(items)

    async def one_after_another() -> None:
        for item in remaining:
            await run(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(one_after_another())
