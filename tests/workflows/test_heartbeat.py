"""Heartbeats of activities: a long one sends them, and without a heartbeat timeout none is sent."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from temporalio.testing import ActivityEnvironment

from activities.heartbeat import heartbeating


async def activity_of(seconds: float) -> None:
    async with heartbeating():
        await asyncio.sleep(seconds)


def heartbeats_during(seconds: float, timeout: timedelta | None) -> int:
    environment = ActivityEnvironment()
    environment.info = replace(ActivityEnvironment.default_info(), heartbeat_timeout=timeout)
    beats: list[object] = []
    environment.on_heartbeat = lambda *details: beats.append(details)
    asyncio.run(environment.run(activity_of, seconds))
    return len(beats)


def test_a_long_activity_sends_three_heartbeats_within_its_timeout() -> None:
    assert heartbeats_during(1.0, timedelta(seconds=0.3)) >= 3


def test_a_short_activity_sends_none() -> None:
    assert heartbeats_during(0.01, timedelta(seconds=8)) == 0


def test_without_a_heartbeat_timeout_none_is_sent() -> None:
    assert heartbeats_during(0.05, None) == 0


async def test_outside_an_activity_none_is_sent() -> None:
    await activity_of(0)
