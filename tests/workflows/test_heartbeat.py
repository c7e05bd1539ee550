"""Signs of life: an effect that takes long is not taken for dead, and one whose worker was killed is."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from temporalio.testing import ActivityEnvironment

from activities.heartbeat import heartbeating


async def works(seconds: float) -> None:
    async with heartbeating():
        await asyncio.sleep(seconds)


def heard_during(seconds: float, patience: timedelta | None) -> int:
    environment = ActivityEnvironment()
    environment.info = replace(ActivityEnvironment.default_info(), heartbeat_timeout=patience)
    beats: list[object] = []
    environment.on_heartbeat = lambda *details: beats.append(details)
    asyncio.run(environment.run(works, seconds))
    return len(beats)


def test_a_long_effect_is_heard_of_three_times_in_its_patience() -> None:
    assert heard_during(1.0, timedelta(seconds=0.3)) >= 3


def test_a_short_effect_says_nothing() -> None:
    assert heard_during(0.01, timedelta(seconds=8)) == 0


def test_an_effect_nobody_listens_to_says_nothing() -> None:
    assert heard_during(0.05, None) == 0


async def test_outside_an_activity_nothing_is_said() -> None:
    await works(0)
