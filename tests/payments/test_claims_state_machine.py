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
from tests.payments.claim_environment import ClaimEnvironment
from tests.payments.claim_environments import ClaimEnvironments
from tests.payments.claims_state_machine import ClaimsStateMachine
from tests.server import start_temporal
from workflows.premium import CareExpressPremium

CLAIMS_VARIABLE = "AFTERCARE_TEST_CLAIMS"
_FEW = 12


@pytest.fixture
def open_environments(sqlite_template: Path, tmp_path: Path) -> Iterator[Callable[[type], ClaimEnvironments]]:
    """Opens the environments of a test, in their own event loop: the rules are plain functions."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(start_temporal())
    database = Database(f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'aftercare.db')}")
    opened_environments: list[ClaimEnvironments] = []

    def opened(workflow_type: type) -> ClaimEnvironments:
        by_policy = {
            policy: ClaimEnvironment(
                server.client, Policy(hold_policy=policy), database=database, workflow_type=workflow_type
            )
            for policy in HoldPolicy
        }
        opened_environments.append(ClaimEnvironments(loop, by_policy))
        loop.run_until_complete(opened_environments[0].open())
        return opened_environments[0]

    yield opened
    for policy in HoldPolicy:
        loop.run_until_complete(opened_environments[0].close(policy))
    loop.run_until_complete(database.close())
    loop.run_until_complete(server.shutdown())
    loop.close()


def play(environments: ClaimEnvironments, claims: int, **other: Any) -> None:
    run_state_machine_as_test(
        type("Machine", (ClaimsStateMachine,), {"environments": environments}),
        settings=settings(
            max_examples=claims,
            stateful_step_count=14,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
            **other,
        ),
    )


@pytest.mark.soak
def test_every_invariant_holds_whatever_is_done_to_a_claim(
    open_environments: Callable[[type], ClaimEnvironments],
) -> None:
    many = os.environ.get(CLAIMS_VARIABLE)
    environments = open_environments(CareExpressPremium)
    play(environments, int(many or _FEW), derandomize=many is None)
    print(f"{environments.steps} looks; ended as {dict(environments.endings)}")
    assert len(environments.endings) >= 3


@pytest.mark.soak
def test_the_state_machine_catches_a_planted_bug(open_environments: Callable[[type], ClaimEnvironments]) -> None:
    environments = open_environments(NeverRenews)
    # Finding is enough: the example need not be shrunk.
    hunt = {"derandomize": True, "phases": (Phase.generate,), "verbosity": Verbosity.quiet}
    with pytest.raises(AssertionError, match="number=8"):
        play(environments, _FEW, **hunt)
