"""The invariants of whole claims, whatever is done to them in whatever order, on real parts.

The same few claims in every run. AFTERCARE_TEST_CLAIMS=500 makes that many, other ones each time; that takes longer
than pytest lets a test take here, so it wants `-o faulthandler_timeout=0` too.
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis.stateful import run_state_machine_as_test

from domain.kinds import HoldPolicy
from domain.policy import Policy
from store.database import Database
from tests.payments.claim_bugs import NeverRenews
from tests.payments.claims_machine import ClaimsMachine, Town
from tests.payments.house import House
from tests.server import start_temporal
from workflows.premium import CareExpressPremium

CLAIMS_VARIABLE = "AFTERCARE_TEST_CLAIMS"
_FEW = 12


@pytest.fixture
def open_town(sqlite_template: Path, tmp_path: Path) -> Iterator[Callable[[type], Town]]:
    """Opens the one town of a test, in a loop of its own: the machine's rules are plain functions."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(start_temporal())
    database = Database(f"sqlite+aiosqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'aftercare.db')}")
    towns: list[Town] = []

    def opened(story: type) -> Town:
        houses = {
            policy: House(server.client, Policy(hold_policy=policy), database=database, story=story)
            for policy in HoldPolicy
        }
        towns.append(Town(loop, houses))
        loop.run_until_complete(towns[0].open())
        return towns[0]

    yield opened
    for policy in HoldPolicy:
        loop.run_until_complete(towns[0].close(policy))
    loop.run_until_complete(database.close())
    loop.run_until_complete(server.shutdown())
    loop.close()


def play(town: Town, claims: int, **other: Any) -> None:
    run_state_machine_as_test(
        type("Machine", (ClaimsMachine,), {"town": town}),
        settings=settings(
            max_examples=claims,
            stateful_step_count=14,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
            **other,
        ),
    )


def test_every_invariant_holds_whatever_is_done_to_a_claim(open_town: Callable[[type], Town]) -> None:
    many = os.environ.get(CLAIMS_VARIABLE)
    town = open_town(CareExpressPremium)
    play(town, int(many or _FEW), derandomize=many is None)
    print(f"{town.steps} looks; ended as {dict(town.endings)}")
    assert len(town.endings) >= 3


def test_the_machine_is_no_decoration(open_town: Callable[[type], Town]) -> None:
    town = open_town(NeverRenews)
    # Found is enough, nobody reads the shortest example.
    hunt = {"derandomize": True, "phases": (Phase.generate,), "verbosity": Verbosity.quiet}
    with pytest.raises(AssertionError, match="number=8"):
        play(town, _FEW, **hunt)
